"""The cases that race peers under a load, and the list of all cases.

Nothing is printed that was not counted on the other side: by the sink where mail goes through, by the peer's own queue
where it stays.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import loads
from bench.cores import ALONE, apart
from bench.measure import (
    PEERS,
    Case,
    Figures,
    Run,
    Start,
    at_least,
    check,
    figures_of,
    n_kept,
    percentile,
    send,
    stamp_sink,
)
from bench.peers import NOBODY
from bench.size import history, idle, outage, pruning, queues
from relay365.trial.bench import Load, sink_process


def accept(load: Load, peers: Mapping[str, Start] = PEERS) -> Run:
    """Durable accepting with the upstream down."""

    def run(name: str, folder: Path) -> Figures:
        with peers[name](folder, NOBODY) as peer:
            before = peer.cpu_s()
            result = send(peer.port, load)
            figures = figures_of(peer, before, result, result.seconds)
            check(n_kept(name, folder), load.n_messages)
            return figures

    return run


def through(load: Load, peers: Mapping[str, Start] = PEERS) -> Run:
    """The whole way, until the sink has everything."""

    def run(name: str, folder: Path) -> Figures:
        with sink_process() as sink, peers[name](folder, sink.port) as peer:
            before, began = peer.cpu_s(), time.perf_counter()
            result = send(peer.port, load)
            at_least(sink.n_messages, load.n_messages)
            seconds = time.perf_counter() - began
            figures = figures_of(peer, before, result, seconds)
            time.sleep(0.2)  # a duplicate would come now
            check(sink.n_messages(), load.n_messages)
            return figures

    return run


def connect(load: Load) -> Run:
    """A new connection for each message, as most devices do."""

    def run(name: str, folder: Path) -> Figures:
        with PEERS[name](folder, NOBODY) as peer:
            before = peer.cpu_s()
            seconds = asyncio.run(
                loads.fresh_connections(peer.port, load.n_messages, load.content, load.n_sessions)
            )
            check(n_kept(name, folder), load.n_messages)
            cpu_ms = (peer.cpu_s() - before) * 1000 / load.n_messages
            return {"per_second": load.n_messages / seconds, "cpu_ms": cpu_ms}

    return run


def latency(per_second: int, seconds: int, content: bytes) -> Run:
    """From the final dot at the peer to the final dot at the sink."""

    def run(name: str, folder: Path) -> Figures:
        with stamp_sink() as ask, PEERS[name](folder, ask.port) as peer:
            answers = asyncio.run(loads.paced(peer.port, per_second, seconds, content))
            until = time.monotonic() + 30
            while len(ages := ask()) < len(answers) and time.monotonic() < until:
                time.sleep(0.05)
            check(len(ages), len(answers))
            return {
                "p50_ms": percentile(ages, 50), "p99_ms": percentile(ages, 99),
                "answer_p50_ms": percentile(answers, 50), "answer_p99_ms": percentile(answers, 99),
            }  # fmt: skip

    return run


def start(name: str, folder: Path) -> Figures:
    """From the start of the process to the first 250."""
    began = time.perf_counter()
    with PEERS[name](folder, NOBODY) as peer:
        send(peer.port, Load(1, 2048, 1))
        return {"first_250_ms": (time.perf_counter() - began) * 1000}


@dataclass(frozen=True)
class Extent:
    """How much is measured. part: loads are divided by it; n_queued: the long queue, and five times the history."""

    part: int = 1
    n_queued: int = 1_000_000


def cases(extent: Extent) -> list[Case]:
    """All of them, in the order in which they run."""
    n_history = max(1, extent.n_queued // 5)
    return [
        *_races(extent.part),
        *_on_a_core(extent.part),
        *idle.cases(extent.part),
        *queues.cases(extent.part, extent.n_queued),
        *history.cases(extent.part, n_history),
        *pruning.cases(n_history),
        *outage.cases(extent.part),
    ]


def _races(part: int) -> list[Case]:
    both = ("relay365", "postfix")
    takers = (*both, "exim", "aiosmtpd")
    bare, small = Load(6000 // part, 2048, 20, is_bare=True), Load(1, 2048, 1).content
    seconds = 10 // min(part, 5)
    megabyte = Load(1, 1_000_000, 1).content
    return [
        Case("accept-2k-20", "accept, 2 KB, 20 sessions", takers, accept(Load(6000 // part, 2048, 20))),
        Case("accept-2k-100", "accept, 2 KB, 100 sessions", both, accept(Load(6000 // part, 2048, 100))),
        Case("bare-2k-20", "accept, 2 KB without Date and To", both, accept(bare)),
        Case("accept-100k-20", "accept, 100 KB, 20 sessions", both, accept(Load(2000 // part, 102_400, 20))),
        Case("connect-2k-20", "accept, 2 KB, a connection each", both, connect(Load(3000 // part, 2048, 20))),
        Case(
            "relay-2k-20", "through to a sink, 2 KB, 20 sessions", both, through(Load(4000 // part, 2048, 20))
        ),
        Case("relay-100k-20", "through to a sink, 100 KB", both, through(Load(1500 // part, 102_400, 20))),
        Case("latency", "dot to arrival at 100 a second", both, latency(100, seconds, small)),
        Case("latency-1m", "1 MB at 10 a second", both, latency(10, seconds, megabyte)),
        Case("start", "process start to first 250", both, start),
    ]


def _on_a_core(part: int) -> list[Case]:
    """The races in which the load takes nothing from the peer."""
    both = ("relay365", "postfix")
    small, large = Load(4000 // part, 2048, 20), Load(1500 // part, 102_400, 20)
    return [
        Case("accept-core", "accept, 2 KB, on one core", both, apart(accept(small, ALONE))),
        Case("relay-core", "through to a sink, 2 KB, on one core", both, apart(through(small, ALONE))),
        Case("relay-100k-core", "through to a sink, 100 KB, on one core", both, apart(through(large, ALONE))),
    ]
