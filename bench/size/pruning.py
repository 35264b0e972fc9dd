"""Pruning: the history of a great many messages is forgotten, and nobody has to wait for it."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import apsw

from bench import loads
from bench.measure import Case, CountWrong, Figures, check, ground_of, percentile, stamp_sink
from bench.peers import relay365
from bench.size import ground
from relay365.trial.bench import Load
from relay365.trial.process import Service, relay

PER_SECOND = 100
QUIET_S = 12  # how long it is looked at where nothing is pruned
MOST_S = 120.0
LOOK_S = 0.05
NOTHING = "nothing to prune"


def _impatient(config_file: Path) -> Service:
    return relay(config_file, [str(Path(__file__).with_name("impatient.py"))])


class _Watch:
    """Looks at the history every now and then; mail goes on until it is gone. Instants are monotonic."""

    def __init__(self, file: Path, n: int) -> None:
        self._connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        self._n, self._looked_mono = n, 0.0
        self._until_mono = time.monotonic() + MOST_S
        self.began_mono = self.ended_mono = 0.0

    def goes_on(self, n_sent: int) -> bool:
        """See loads.steadily."""
        now = time.monotonic()
        if self.ended_mono or now > self._until_mono:
            return False
        if not self._n:
            self.began_mono = self.began_mono or now
            self.ended_mono = now if n_sent >= PER_SECOND * QUIET_S else 0.0
        elif now - self._looked_mono > LOOK_S:
            before_mono, self._looked_mono, first = self._looked_mono, now, self._first()
            self.began_mono = self.began_mono or (before_mono if first > 1 else 0.0)
            self.ended_mono = now if first > self._n else 0.0
        return True

    def _first(self) -> int:
        """The oldest message that is left: they go in this order."""
        row = self._connection.execute("SELECT min(seq) FROM message").fetchone()
        return int(row[0] or self._n + 1) if row else self._n + 1

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


def prune(name: str, folder: Path) -> Figures:
    """A hundred messages a second on their way to a sink while the history goes: the longest that one had to wait.

    gap: the longest time in which no 250 was said; the pace alone makes it a hundredth of a second.
    """
    n = 0 if name == NOTHING else int(name.partition(" ")[0].replace(",", ""))
    if n:
        made = ground.history(ground_of(folder, f"old-{n}"), n, age_s=ground.KEEP_S + 86_400.0)
        ground.copied(made, folder)
    with (
        stamp_sink() as ask,
        relay365(folder, ask.port, fresh=not n, service_of=_impatient) as peer,
    ):
        content = Load(1, ground.SIZE_OCTETS, 1).content
        with closing(_Watch(folder / ground.DATA / "spool.db", n)) as watch:
            answers = asyncio.run(loads.steadily(peer.port, PER_SECOND, content, watch.goes_on))
        if not watch.ended_mono:
            raise CountWrong(f"{n} were to be pruned, not all were in {MOST_S:.0f} s")
        until = time.monotonic() + 30
        while len(ages_ms := ask()) < len(answers) and time.monotonic() < until:
            time.sleep(0.05)
        check(len(ages_ms), len(answers))
    first_mono, last_mono = watch.began_mono - LOOK_S, watch.ended_mono + LOOK_S
    met = sorted(one for one in answers if first_mono <= one.at_mono <= last_mono)
    took_ms = [one.took_ms for one in met]
    gap_s = max(later.at_mono - earlier.at_mono for earlier, later in pairwise(met))
    figures = {
        "p50_ms": percentile(took_ms, 50), "p99_ms": percentile(took_ms, 99), "longest answer_ms": max(took_ms),
        "longest gap_ms": gap_s * 1000, "longest way to the sink_ms": max(ages_ms),
    }  # fmt: skip
    if n:
        figures["pruned in_seconds"] = watch.ended_mono - watch.began_mono
    return figures


def cases(n: int) -> list[Case]:
    """The keeper as it is, but for its pause (bench.size.impatient)."""
    return [Case("prune", f"pruning {n:,} ended messages", (f"{n:,} to prune", NOTHING), prune)]
