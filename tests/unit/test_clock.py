"""The machine's clock and dice."""

from __future__ import annotations

import time

from relay365.clock import SystemClock


def test_the_two_clocks_are_the_machines_own() -> None:
    """Wall time is the epoch's, monotonic time never goes back."""
    clock = SystemClock()
    before, first, second = time.time(), clock.mono(), clock.mono()

    assert before <= clock.now() <= time.time()
    assert first <= second


def test_dice_are_fractions_and_differ() -> None:
    """Throws lie in [0, 1) and are not all the same."""
    throws = [SystemClock().dice() for _ in range(50)]

    assert all(0.0 <= throw < 1.0 for throw in throws)
    assert len(set(throws)) > 1
