"""`python -m bench.quota`: every policy in every world and model of the server, for three seeds; means.

Nothing is sent and nothing is measured: the same seeds give the same figures on every machine. --write puts tables and
plots into docs/scheduling.md.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from bench.quota import report
from bench.quota.scenarios import SEEDS, play, scenarios


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print, write; gives the exit code."""
    known = scenarios()
    parser = argparse.ArgumentParser(prog="python -m bench.quota", description=__doc__)
    parser.add_argument("--only", default=",".join(known), help="worlds, separated by commas (default: all)")
    parser.add_argument(
        "--seeds", default=",".join(map(str, SEEDS)), help="separated by commas (default 1,2,3)"
    )
    parser.add_argument("--json", type=Path, help="write the figures of every seed here")
    parser.add_argument("--write", action="store_true", help="write docs/scheduling.md and its plots")
    given = parser.parse_args(arguments)
    names, seeds = given.only.split(","), [int(seed) for seed in given.seeds.split(",")]
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"no world is called {', '.join(unknown)}; there are {', '.join(known)}")
    if given.write and (names != list(known) or seeds != list(SEEDS)):
        parser.error(
            "the page shows every world and the seeds 1,2,3: leave out --only and --seeds, or --write"
        )
    os.environ["TZ"] = (
        "UTC"  # the hours of bulk are of the local day, and the figures are the same everywhere
    )
    time.tzset()
    played, raw = {}, {}
    for name in names:
        runs = raw[name] = [play(known[name], seed) for seed in seeds]
        played[name] = (known[name], report.means(runs))
        print(report.text(*played[name]), flush=True)  # noqa: T201  the command's output
    if given.json:
        given.json.write_text(json.dumps({"seeds": seeds, "runs": raw}, indent=1), "utf-8")
    if given.write:
        report.write(played, seeds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
