"""What is remembered beside the path: finished mail, and transcripts of sessions. With it, and without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import loads
from bench.measure import Case, Figures, Run, at_least, check, figures_of, ground_of, n_kept, send
from bench.peers import NOBODY, Peer, relay365
from bench.size import ground
from relay365.trial.bench import Load, sink_process

ON, OFF = "transcripts", "no transcripts"
NO_HISTORY = "no history"


@dataclass(frozen=True)
class Variants:
    """n_history: how many messages have ended before, in the variant that has a history."""

    n_history: int

    @contextmanager
    def started(self, name: str, folder: Path, sink_port: int) -> Iterator[Peer]:
        """relay365 as a variant says."""
        if name not in {ON, OFF, NO_HISTORY}:
            made = ground.history(ground_of(folder, f"history-{self.n_history}"), self.n_history)
            ground.copied(made, folder)
        log = "sessions = 0" if name == OFF else ""
        with relay365(folder, sink_port, fresh=not folder.exists(), log=log) as peer:
            yield peer

    def accept(self, load: Load) -> Run:
        """Durable accepting with the next hop away."""

        def run(name: str, folder: Path) -> Figures:
            with self.started(name, folder, NOBODY) as peer:
                before_s = peer.cpu_s()
                result = send(peer.port, load)
                figures = figures_of(peer, before_s, result, result.seconds)
                check(n_kept("relay365", folder), load.n_messages)
                return figures

        return run

    def connect(self, load: Load) -> Run:
        """A session for each message: as many transcripts."""

        def run(name: str, folder: Path) -> Figures:
            with self.started(name, folder, NOBODY) as peer:
                before_s = peer.cpu_s()
                seconds = asyncio.run(
                    loads.fresh_connections(peer.port, load.n_messages, load.content, load.n_sessions)
                )
                cpu_ms = (peer.cpu_s() - before_s) * 1000 / load.n_messages
                check(n_kept("relay365", folder), load.n_messages)
                return {"per_second": load.n_messages / seconds, "cpu_ms": cpu_ms}

        return run

    def relay(self, load: Load) -> Run:
        """The whole way, until the sink has everything."""

        def run(name: str, folder: Path) -> Figures:
            with sink_process() as sink, self.started(name, folder, sink.port) as peer:
                before_s, began = peer.cpu_s(), time.perf_counter()
                result = send(peer.port, load)
                at_least(sink.n_messages, load.n_messages)
                figures = figures_of(peer, before_s, result, time.perf_counter() - began)
                time.sleep(0.2)  # a duplicate would come now
                check(sink.n_messages(), load.n_messages)
                return figures

        return run


def cases(part: int, n_history: int) -> list[Case]:
    """The goal: neither costs more than a tenth."""
    variants = Variants(n_history)
    accepted, sent, alone = (Load(n // part, 2048, 20) for n in (6000, 4000, 3000))
    both, kept = (ON, OFF), (f"{n_history:,} ended", NO_HISTORY)
    makers: list[tuple[str, str, tuple[str, str], Callable[[Load], Run], Load]] = [
        ("transcripts-accept", "transcripts: accept, 20 sessions", both, variants.accept, accepted),
        ("transcripts-connect", "transcripts: accept, a session each", both, variants.connect, alone),
        ("transcripts-relay", "transcripts: through to a sink", both, variants.relay, sent),
        ("history-accept", "history: accept, 20 sessions", kept, variants.accept, accepted),
        ("history-relay", "history: through to a sink", kept, variants.relay, sent),
    ]
    return [Case(name, title, peers, make(load)) for name, title, peers, make, load in makers]
