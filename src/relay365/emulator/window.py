"""Limits over time: the messages of a minute in four models, the recipients of a day, senders at once, the penalty box.

Microsoft says that a mailbox may send 30 messages a minute, but not how the minute is counted, whether refused ones
count, nor whether the surplus is refused or delayed; so all readings can be chosen. Pure: the time comes in as
monotonic seconds.
(Microsoft: "Improvements in SMTP AUTH client submission"; "Continuous error throttling for SMTP AUTH submissions")
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

MINUTE_S = 60.0
HOUR_S = 3_600.0
DAY_S = 86_400.0


class Window(Protocol):
    """How much may happen in a span of time."""

    limit: int

    def wait_s(self, now: float, amount: int = 1) -> float:
        """Seconds until `amount` more would be allowed; 0.0 means now. Changes nothing."""
        ...

    def take(self, now: float, amount: int = 1) -> None:
        """Count it."""
        ...

    def refuse(self, now: float, amount: int = 1) -> None:
        """It was refused: count it where the model counts that, too."""
        ...

    def used(self, now: float) -> int:
        """How much of the limit is taken."""
        ...


class Sliding:
    """The exact log: at most `limit` in any span."""

    def __init__(self, limit: int, span_s: float) -> None:
        self.limit, self.span_s = limit, span_s
        self._log: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait_s(self, now: float, amount: int = 1) -> float:
        """See Window; infinite where the amount is larger than the limit."""
        self._forget(now)
        too_much = self._sum + amount - self.limit
        if too_much <= 0:
            return 0.0
        for at, taken in self._log:
            too_much -= taken
            if too_much <= 0:
                return at + self.span_s - now
        return math.inf

    def take(self, now: float, amount: int = 1) -> None:
        """See Window."""
        self._forget(now)
        self._log.append((now, amount))
        self._sum += amount

    def refuse(self, now: float, amount: int = 1) -> None:
        """What is refused costs nothing."""

    def used(self, now: float) -> int:
        """See Window."""
        self._forget(now)
        return self._sum

    def _forget(self, now: float) -> None:
        while self._log and self._log[0][0] + self.span_s <= now:
            self._sum -= self._log.popleft()[1]


class Unforgiving(Sliding):
    """A sliding log in which refused tries count like accepted ones: whoever insists stays shut out.

    (Microsoft Graph, "Microsoft Graph throttling guidance": requests made while throttled still count)
    """

    def refuse(self, now: float, amount: int = 1) -> None:
        """See Window."""
        self.take(now, amount)


class Fixed:
    """A counter that starts again at every full span, as a clock minute does; phase_s after it, as another's does."""

    def __init__(self, limit: int, span_s: float, phase_s: float = 0.0) -> None:
        self.limit, self.span_s, self.phase_s = limit, span_s, phase_s
        self._span = -1
        self._count = 0

    def wait_s(self, now: float, amount: int = 1) -> float:
        """See Window."""
        if self.used(now) + amount <= self.limit:
            return 0.0
        if amount > self.limit:
            return math.inf
        return (self._index(now) + 1) * self.span_s + self.phase_s - now

    def take(self, now: float, amount: int = 1) -> None:
        """See Window."""
        self._count = self.used(now) + amount
        self._span = self._index(now)

    def refuse(self, now: float, amount: int = 1) -> None:
        """What is refused costs nothing."""

    def used(self, now: float) -> int:
        """See Window."""
        return self._count if self._index(now) == self._span else 0

    def _index(self, now: float) -> int:
        return int((now - self.phase_s) // self.span_s)


class Bucket:
    """A token bucket: `limit` at once, filled again at `limit` per span."""

    def __init__(self, limit: int, span_s: float) -> None:
        self.limit, self.span_s = limit, span_s
        self._tokens = float(limit)
        self._at = 0.0

    def wait_s(self, now: float, amount: int = 1) -> float:
        """See Window."""
        if amount > self.limit:
            return math.inf
        missing = amount - self._filled(now)
        # the small number forgives what floating point loses between a wait and the time that it names
        return missing * self.span_s / self.limit if missing > 1e-6 else 0.0

    def take(self, now: float, amount: int = 1) -> None:
        """See Window."""
        self._tokens, self._at = self._filled(now) - amount, now

    def refuse(self, now: float, amount: int = 1) -> None:
        """What is refused costs nothing."""

    def used(self, now: float) -> int:
        """See Window."""
        return self.limit - int(self._filled(now) + 1e-6)

    def _filled(self, now: float) -> float:
        return min(float(self.limit), self._tokens + (now - self._at) * self.limit / self.span_s)


MODELS: dict[str, type[Sliding | Fixed | Bucket]] = {
    "sliding": Sliding,
    "fixed": Fixed,
    "bucket": Bucket,
    "unforgiving": Unforgiving,
}


class Backlog:
    """The surplus of a window is delayed instead of refused: it is carried over into what follows, in its order.

    (Microsoft: "Improvements in SMTP AUTH client submission", which says that the excess goes over to the next minutes)
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._last = -math.inf

    def admit(self, now: float, amount: int = 1) -> float:
        """Count it as soon as it fits, behind all that came before, and give that instant; infinite: it never fits."""
        if amount > self._window.limit:
            return math.inf
        at = max(now, self._last)
        while wait_s := self._window.wait_s(at, amount):
            at = max(
                at + wait_s, math.nextafter(at, math.inf)
            )  # a wait may be too short for this clock's digits
        self._window.take(at, amount)
        self._last = at
        return at


class Parallel:
    """At most `limit` contents of a mailbox at once; one more is refused (432 4.3.2) and still counts while it lasts.

    (Microsoft: "Concurrent connections limit exceeded", aka.ms/concurrent_sending: three)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.n_sending = 0

    def begin(self) -> bool:
        """A content begins; False says that this is one sender too many. end() must follow in both cases."""
        self.n_sending += 1
        return self.n_sending <= self.limit

    def end(self) -> None:
        """The content has its answer, or its connection is gone."""
        self.n_sending -= 1


class PenaltyBox:
    """Too many errors of one kind, and the whole mailbox may send nothing for a time.

    How many, within what time and for how long Microsoft does not say; all three are settings.
    """

    def __init__(self, after: int, within_s: float, for_s: float) -> None:
        self._after, self._within_s, self._for_s = after, within_s, for_s
        self._errors: dict[str, deque[float]] = {}
        self._kind = ""
        self._until = 0.0

    def locked(self, now: float) -> str:
        """The kind of error that shut the mailbox, or ""."""
        return self._kind if now < self._until else ""

    def error(self, kind: str, now: float) -> None:
        """Count an error; enough of them shut the box."""
        log = self._errors.setdefault(kind, deque())
        log.append(now)
        while log[0] + self._within_s <= now:
            log.popleft()
        if len(log) >= self._after:
            log.clear()
            self._kind, self._until = kind, now + self._for_s

    def open(self) -> None:
        """Forget everything."""
        self._errors.clear()
        self._until = 0.0
