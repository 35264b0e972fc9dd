"""`python -m bench`: every case of ours runs, counts right and gives figures; how small it is does not matter here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--quick", "--queued", "2000", "--runs", "1", "--peers", "relay365")
CASES = {
    "accept-2k-20": 1, "latency": 1, "start": 1, "idle": 1, "tls-sessions": 1, "large": 1,
    "queue-start": 3, "queue-commands": 2, "queue-questions": 2, "queue-accept": 3, "queue-claim": 2,
    "queue-relay": 2, "transcripts-connect": 2, "history-relay": 2, "prune": 2, "drain": 2,
}  # fmt: skip
"""Case -> how many take turns when no other server does. Not all: each kind of load, each ground, each way to count."""


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, timeout=110, cwd=ROOT
    )


@pytest.mark.parametrize("case", CASES)
def test_a_case_gives_figures(case: str, tmp_path: Path) -> None:
    """All counts are right, everybody who takes part has figures, and none is nothing or less where it cannot be."""
    raw = tmp_path / "raw.json"
    result = _bench(*SMALL, "--only", case, "--json", str(raw))

    assert 0 == result.returncode, result.stderr
    runs = json.loads(raw.read_text("utf-8"))["runs"][case]
    assert CASES[case] == len(runs)
    figures = [run for runs_of_one in runs.values() for run in runs_of_one]
    assert all(value > 0 for run in figures for key, value in run.items() if not key.startswith("rise")), runs


def test_a_case_that_is_not_there_is_named() -> None:
    """A mistyped case ends with exit code 2 and the names that there are."""
    result = _bench("--only", "acept-2k-20")

    assert 2 == result.returncode
    assert "there is no case acept-2k-20" in result.stderr
    assert set(CASES) <= {line.partition(" ")[0] for line in result.stdout.splitlines()}
