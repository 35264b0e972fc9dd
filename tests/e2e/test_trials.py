"""The demonstration and the bench, as a newcomer runs them."""

from __future__ import annotations

import json
import subprocess
import sys


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "relay365", *arguments], capture_output=True, text=True, timeout=110
    )


def test_the_demo_ends_with_an_account_that_the_emulator_made() -> None:
    """Eight messages, one throttle and one outage on the way: all arrive once, octet for octet."""
    result = _run("demo", "--messages", "8", "--json")
    account = json.loads(result.stdout.splitlines()[-1])
    seconds = account.pop("seconds")

    assert 0 == result.returncode, result.stderr
    assert {
        "accepted": 8, "delivered": 8, "failed": 0, "waiting": 0, "duplicates": 0, "same_octets": 8,
    } == account  # fmt: skip
    assert seconds > 0
    assert "432 4.3.2" in result.stderr
    assert "Microsoft is away" in result.stderr


def test_the_bench_prints_rates_and_costs() -> None:
    """A short run gives figures for accepting and for the whole way."""
    result = _run("bench", "--messages", "200", "--size", "2K", "--connections", "5", "--json")
    figures = {line["what"]: line for line in map(json.loads, result.stdout.splitlines())}

    assert 0 == result.returncode, result.stderr
    assert {"accept", "relay"} == set(figures)
    assert all(one["per_second"] > 0 and one["cpu_ms"] > 0 for one in figures.values())
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in figures.values())
