"""Clock and dice as values that are passed in, so that rules and tests decide what time it is."""

from __future__ import annotations

import random
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks that never mix: wall time for what is stored, monotonic time for what is waited."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC: for `*_at` values, which outlive the process."""
        ...

    def mono(self) -> float:
        """Monotonic seconds: for `*_mono` values and deadlines inside the process."""
        ...

    def dice(self) -> float:
        """A number in [0, 1) for jitter."""
        ...


class SystemClock:
    """The machine's own clocks and random source."""

    now = staticmethod(time.time)
    mono = staticmethod(
        time.monotonic
    )  # asked for a dozen times for each message, so without a call of our own

    def dice(self) -> float:
        """A number in [0, 1)."""
        return random.random()
