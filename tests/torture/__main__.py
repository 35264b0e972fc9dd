"""All harnesses in their long form, one after the other, and one table: `python -m torture` from the folder tests.

Bounded in number: 600 kills, 50 power cuts, every file-system call of one message, 2,000 damaged spools; less than an
hour on two idle cores. `--cycles N` makes each that long instead; `--only NAME` runs one. Exit code 1 when a promise
was broken.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from torture import calls, damage, disk, kill, powercut, starts, stops, together
from torture.report import Row, finish
from torture.scale import arguments, workplace

HARNESSES: dict[str, Callable[[Path, int, int], list[Row]]] = {
    "kill": lambda place, cycles, seed: [kill.run(place, cycles or 500, seed)],
    "together": lambda place, cycles, seed: [together.run(place, cycles or 100, seed)],
    "calls": lambda place, cycles, seed: calls.run(place, cycles or None, seed),
    "starts": lambda place, cycles, seed: [starts.run(place, cycles or None, seed)],
    "powercut": lambda place, cycles, seed: powercut.run_both(place, cycles or 50, seed),
    "disk": lambda place, cycles, seed: disk.run(place, cycles or 10),
    "stops": lambda place, cycles, seed: stops.run(place, cycles or 20, seed),
    "damage": lambda place, cycles, seed: [damage.run(place, damage.first(cycles or 2000), seed)],
}


def _all(cycles: int, seed: int, only: str) -> list[Row]:
    rows: list[Row] = []
    for name, run in HARNESSES.items():
        if only in ("", name):
            sys.stderr.write(f"{name} ...\n")
            with workplace() as place:
                rows += run(place, cycles, seed)
    return rows


if __name__ == "__main__":
    given = arguments(__doc__, 0)
    finish(_all(given.cycles, given.seed, given.only))
