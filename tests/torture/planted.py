"""Faults planted on purpose, each in a copy of the package, and the harness that must see it.

`python -m torture.planted [--cycles 8]` runs them all and ends with 1 when one was overlooked. A fault is one change in
one file; nothing of it is in the product, which has no switch for it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import relay365
from crash.scene import OWN, SHARED, SMALL
from torture import calls, damage, kill, powercut, stops, together
from torture.report import Row, table
from torture.scale import arguments, workplace

SOURCE = Path(relay365.__file__).parent

Look = Callable[[Path, int, dict[str, str]], Row]


@dataclass(frozen=True)
class Fault:
    """What is changed where, which harness looks, and the words in which it must complain."""

    file: str
    old: str
    new: str
    look: Look
    words: str


def _kill(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    return kill.run(directory, n_cycles, 1, env, drain_s=6.0)


def _together(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    return together.run(directory, n_cycles, 1, env, drain_s=10.0)


def _cut(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    return powercut.run(directory, 2, 1, env=env)


def _stop(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    return stops.terminate(directory, n_cycles, 1, env)


def _fail(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    some = [(calls.Point("later", size, "fdatasync", 1), "EIO") for size in (SMALL, SHARED, OWN)]
    return calls.fail_at(directory, some, env)


def _die(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    some = [calls.Point("first", OWN, call, 1) for call in ("fdatasync", "fsync", "fdatasync")]
    return calls.kill_at(directory, some, env)


def _damage(directory: Path, n_cycles: int, env: dict[str, str]) -> Row:
    return damage.run(directory, damage.flipped_segments(6), 1, env)


FAULTS = {
    "250-before-the-commit": Fault(
        "engine/taking.py", "claim = await intake.commit(_message(here, facts, done, way))",
        "__import__('asyncio').ensure_future(intake.commit(_message(here, facts, done, way)))", _kill, "lost",
    ),
    "settle-writes-nothing": Fault(
        "spool/sqlite/moves.py", "        _write_fate(connection, (seq, settlement.lease, at, tidy), fate)",
        "        pass", _kill, "the queue is not empty",
    ),
    "claim-without-a-lease": Fault(
        "spool/sql/sqlite/queries.sql", "UPDATE recipient SET state = 'claimed'",
        "UPDATE recipient SET state = 'queued'", _kill, "twice without a reason",
    ),
    "claims-are-forgotten-at-start": Fault(
        "spool/sqlite/spool.py", 'self._lapse(float("inf")))', "self._lapse(0.0))", _kill, "the queue is not empty",
    ),
    "first-of-a-parcel-is-settled": Fault(
        "engine/scheduler.py", "tried.outcomes(claim)) for claim in parcel.claims]",
        "tried.outcomes(claim)) for claim in parcel.claims[:1]]", _together, "the queue is not empty",
    ),
    "digest-without-its-last": Fault(
        "engine/attempts/handing.py", "one.accepted_at) for one in claims])",
        "one.accepted_at) for one in claims[:-1]])", _together, "lost",
    ),
    "company-is-not-claimed": Fault(
        "engine/scheduler.py", "            lane.ready.extend(made(bundles, claims, most))",
        "            lane.ready.extend(made(bundles, claims, most))\n"
        "            await self._settling.give_back([c for p in lane.ready for c in p.claims[1:]])",
        _together, "twice without a reason",
    ),
    "database-not-synced": Fault(
        "spool/sqlite/migrate.py", "PRAGMA synchronous=FULL", "PRAGMA synchronous=OFF", _cut, "lost",
    ),
    "segments-not-synced": Fault(
        "spool/segment.py", "        os.fdatasync(file)", "        pass", _cut, "damaged by a power cut",
    ),
    "failed-sync-is-ignored": Fault(
        "spool/sqlite/writer.py", "        self._segments.sync()",
        "        with contextlib.suppress(OSError):\n            self._segments.sync()", _fail,
        "250 although its sync failed",
    ),
    "orphans-stay": Fault(
        "spool/sqlite/moves.py", "    for name in orphans:\n", "    for name in ():\n", _die, "is named by no row",
    ),
    "stop-settles-nothing": Fault(
        "engine/scheduler.py", "        await self._settle(lane, parcel, tried)\n        if changed",
        "        await self._settle(lane, parcel, tried) if not self._stopping else None\n        if changed", _stop,
        "claimed or doubtful after a stop",
    ),
    "checksum-is-not-checked": Fault(
        "spool/segment.py", "        if check != crc:", "        if False:", _damage, "arrived altered",
    ),
}  # fmt: skip


def plant(fault: Fault, directory: Path) -> dict[str, str]:
    """Make the copy; gives the environment in which the relay is the copy."""
    copy = directory / "planted" / "relay365"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / fault.file
    text = file.read_text("utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has {fault.old!r} {text.count(fault.old)} times")
    file.write_text(text.replace(fault.old, fault.new), "utf-8")
    return {"PYTHONPATH": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1"}


def look(name: str, directory: Path, n_cycles: int) -> Row:
    """Plant one fault and let its harness look."""
    fault = FAULTS[name]
    row = fault.look(directory, n_cycles, plant(fault, directory))
    row.harness = name
    return row


def is_seen(name: str, row: Row) -> bool:
    """Whether the harness complained in the words that fit."""
    return any(FAULTS[name].words in words for words in row.broken)


if __name__ == "__main__":
    given = arguments(__doc__, 8)
    rows = {}
    for each in FAULTS if not given.only else [given.only]:
        with workplace() as place:
            rows[each] = look(each, place, given.cycles)
    print(table(rows.values()))  # noqa: T201 - a command's output
    overlooked = [each for each, row in rows.items() if not is_seen(each, row)]
    print(f"overlooked: {', '.join(overlooked) or 'none'}")  # noqa: T201 - a command's output
    sys.exit(int(bool(overlooked)))
