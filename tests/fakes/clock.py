"""A clock that a test sets: both clocks go together, dice are what the test says."""

from __future__ import annotations


class FakeClock:
    """See relay365.clock.Clock."""

    def __init__(self, now: float = 1_000_000.0, dice: float = 0.5) -> None:
        self.at = now
        self.rolled = dice

    def now(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.at - 900_000.0

    def dice(self) -> float:
        return self.rolled

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
