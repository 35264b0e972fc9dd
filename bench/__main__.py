"""`python -m bench`: every case for every peer in turn (A B A B), medians, spread and paired ratios.

A run whose counts are wrong gives no figure and ends with exit code 1. --write puts tables and plots into
docs/performance.md; with --only just those of the cases that were run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.cases import Extent, cases
from bench.measure import PEERS, Case, CountWrong, Figures
from bench.peers import PeerFailed
from relay365.errors import Relay365Error

Runs = dict[str, dict[str, list[Figures]]]
"""case -> peer -> the figures of its runs, in their order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; gives the exit code."""
    given = _parser().parse_args(arguments)
    extent = Extent(10, given.queued or 100_000) if given.quick else Extent(1, given.queued or 1_000_000)
    found = cases(extent)
    chosen = [case for case in found if not given.only or case.name in given.only.split(",")]
    unknown = set(filter(None, given.only.split(","))) - {case.name for case in found}
    if given.list or unknown:
        return _list(found, unknown)
    runs: Runs = {}
    is_right = True
    with tempfile.TemporaryDirectory(prefix="relay365-bench-", dir=given.dir) as base:
        for case in chosen:
            for _ in range(given.runs):
                for name in _turns(case, given.peers.split(",")):
                    is_right &= _run(case, name, runs, Path(base))
            if case.name in runs:
                print(report.text(case, runs[case.name]), flush=True)  # noqa: T201
    if given.json:
        given.json.write_text(json.dumps({"machine": report.machine(), "runs": runs}, indent=1), "utf-8")
    if given.write:
        report.write(chosen, runs, given.runs, is_whole=not given.only)
    return 0 if is_right else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=3, help="rounds; the peers take turns in each (default 3)"
    )
    parser.add_argument("--only", default="", help="cases, separated by commas")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--peers", default=",".join(PEERS), help="who takes part, where installed")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, a queue of 100,000")
    parser.add_argument(
        "--queued",
        type=int,
        default=0,
        help="how long the long queue is (default 1,000,000); histories are a fifth of it",
    )
    parser.add_argument(
        "--dir", default=None, help="where the queues lie: the disk decides (default: TMPDIR)"
    )
    parser.add_argument("--json", type=Path, help="write the raw figures here")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plots")
    return parser


def _list(found: Sequence[Case], unknown: set[str]) -> int:
    """Name the cases; gives the exit code."""
    for name in sorted(unknown):
        print(f"there is no case {name}; these are there:", file=sys.stderr)  # noqa: T201
    for case in found:
        print(f"{case.name:<20} {case.title}: {' / '.join(case.peers)}")  # noqa: T201
    return 2 if unknown else 0


def _turns(case: Case, chosen: Sequence[str]) -> list[str]:
    """Whose turn it is in a round; our own variants always take part."""
    return [name for name in case.peers if name in chosen or name not in PEERS]


def _run(case: Case, name: str, runs: Runs, base: Path) -> bool:
    """One run of one peer in a folder of its own. What lies in the ground stays for the others."""
    folder = base / "run"
    try:
        figures = case.run(name, folder)
    except PeerFailed as reason:
        print(f"{case.name}: {name} does not take part: {reason}", file=sys.stderr)  # noqa: T201
        return True
    except (CountWrong, TimeoutError, Relay365Error) as wrong:
        print(f"{case.name}: {name}: NO FIGURE: {wrong}", file=sys.stderr)  # noqa: T201
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    runs.setdefault(case.name, {}).setdefault(name, []).append(figures)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
