"""The next hop was away, and is back: how fast the queue becomes empty."""

from __future__ import annotations

import time
from pathlib import Path

from bench.measure import PEERS, Case, Figures, Run, at_least, check, command, send
from bench.peers import free_port, postfix_do
from relay365.trial.bench import Load, sink_process

ALONE = "relay365 by itself"
REST_S = 5.0  # until every message was tried and put back


def drain(load: Load) -> Run:
    """From the moment when the next hop is back and a person says go on (which command takes its time, too).

    The rate is that of the messages behind the first. relay365 by itself: nobody says anything, and the pause that it
    was making is part of the time.
    """

    def run(name: str, folder: Path) -> Figures:
        port = free_port()
        with PEERS[_peer(name)](folder, port) as peer:
            send(peer.port, load)
            time.sleep(REST_S)
            with sink_process(port) as sink:
                began, before_s = time.perf_counter(), peer.cpu_s()
                _go_on(name, folder)
                n_first = at_least(sink.n_messages, 1)
                first_s = time.perf_counter() - began
                at_least(sink.n_messages, load.n_messages)
                seconds = time.perf_counter() - began
                cpu_ms = (peer.cpu_s() - before_s) * 1000 / load.n_messages
                time.sleep(0.2)  # a duplicate would come now
                check(sink.n_messages(), load.n_messages)
                return {
                    "per_second": (load.n_messages - n_first) / (seconds - first_s), "cpu_ms": cpu_ms,
                    "until the first_seconds": first_s, "until the last_seconds": seconds,
                }  # fmt: skip

    return run


def _peer(name: str) -> str:
    return "relay365" if name == ALONE else name


def _go_on(name: str, folder: Path) -> None:
    if name == "postfix":
        postfix_do(folder, "flush")
    elif name == "relay365":
        command(folder, ["queue", "retry", "--all", "--json"])


def cases(part: int) -> list[Case]:
    """Postfix by itself looks at deferred mail every five minutes, so it gets its flush."""
    peers = ("relay365", "postfix", ALONE)
    return [
        Case("drain", "after an outage, until the queue is empty", peers, drain(Load(5000 // part, 2048, 20)))
    ]
