"""Our clock against another one."""

from __future__ import annotations

import asyncio

import pytest

from relay365.doctor.finding import State
from relay365.doctor.house.hours import clock


@pytest.mark.parametrize(
    ("ours", "state", "words"),
    [
        (1000.9, State.GOOD, "is right"),
        (1010.0, State.GOOD, "10 s ahead"),
        (900.0, State.WARN, "100 s behind"),
        (1600.0, State.BAD, "600 s ahead"),
    ],
)
def test_how_far_it_is_off(ours: float, state: State, words: str) -> None:
    """At minutes Microsoft refuses what we sign."""
    finding = asyncio.run(clock(ours, 1000.0))

    assert state is finding.state
    assert words in finding.text


def test_nobody_told() -> None:
    """Then nothing is known."""
    assert State.UNKNOWN is asyncio.run(clock(1000.0, None)).state
