"""`python -m bench`: every case for every peer in turn (A B A B), medians, spread and paired ratios.

A run whose counts are wrong gives no figure and ends with exit code 1. --write puts table and plots into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.cases import PEERS, Case, CountWrong, Figures, cases
from bench.peers import PeerFailed

Runs = dict[str, dict[str, list[Figures]]]
"""case -> peer -> the figures of its runs, in their order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=3, help="rounds; the peers take turns in each (default 3)"
    )
    parser.add_argument("--only", default="", help="cases, separated by commas")
    parser.add_argument("--peers", default=",".join(PEERS), help="who takes part, where installed")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load")
    parser.add_argument(
        "--dir", default=None, help="where the queues lie: the disk decides (default: TMPDIR)"
    )
    parser.add_argument("--json", type=Path, help="write the raw figures here")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plots")
    given = parser.parse_args(arguments)
    chosen = [
        case for case in cases(quick=given.quick) if not given.only or case.name in given.only.split(",")
    ]
    runs: Runs = {}
    is_right = True
    for case in chosen:
        for _ in range(given.runs):
            for name in [peer for peer in case.peers if peer in given.peers.split(",")]:
                is_right &= _run(case, name, runs, given.dir)
        if case.name in runs:
            print(report.text(case, runs[case.name]), flush=True)  # noqa: T201
    if given.json:
        given.json.write_text(json.dumps({"machine": report.machine(), "runs": runs}, indent=1), "utf-8")
    if given.write:
        report.write(chosen, runs, given.runs)
    return 0 if is_right else 1


def _run(case: Case, name: str, runs: Runs, directory: str | None) -> bool:
    with tempfile.TemporaryDirectory(prefix="relay365-bench-", dir=directory) as folder:
        try:
            figures = case.run(name, Path(folder) / name)
        except PeerFailed as reason:
            print(f"{case.name}: {name} does not take part: {reason}", file=sys.stderr)  # noqa: T201
            return True
        except (CountWrong, TimeoutError) as wrong:
            print(f"{case.name}: {name}: NO FIGURE: {wrong}", file=sys.stderr)  # noqa: T201
            return False
    runs.setdefault(case.name, {}).setdefault(name, []).append(figures)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
