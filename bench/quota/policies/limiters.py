"""How fast one mailbox is used: the ways that mail servers count a minute, each with what it can know.

Precedents: a counter per clock minute (Stalwart), GCRA with the limit as burst (KumoMTA's default), additive increase
and multiplicative decrease (congestion control); the sliding log is the product's own rules.throttle.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

from bench.quota.server import PER_MINUTE, Verdict
from relay365.rules.throttle import SlidingLog, Slot

MINUTE_S = 60.0
HALF_LIFE_S = 900.0
CLEAN_S = 600.0
CUT = 0.7
POLL_S = 1.0


class Limiter(Protocol):
    """Says when one more may start; start() follows only where it says now."""

    def free_at(self, now: float) -> float:
        """`now`, the instant at which to ask again, or infinity where only an answer helps."""
        ...

    def n_free(self, now: float) -> int:
        """How many may start now; very many where it does not count."""
        ...

    def start(self, now: float) -> Slot | None:
        """One starts; what it holds until its answer."""
        ...

    def finish(self, slot: Slot | None, verdict: Verdict, now: float) -> None:
        """Its answer is there."""
        ...


class NoLimiter:
    """Sends until it is refused."""

    def free_at(self, now: float) -> float:
        """See Limiter."""
        return now

    def n_free(self, now: float) -> int:
        """See Limiter."""
        return PER_MINUTE

    def start(self, now: float) -> Slot | None:
        """See Limiter."""
        return None

    def finish(self, slot: Slot | None, verdict: Verdict, now: float) -> None:
        """See Limiter."""


class ClockMinute(NoLimiter):
    """A counter that starts again with every minute of our own clock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._minute = 0
        self._count = 0

    def free_at(self, now: float) -> float:
        """See Limiter."""
        return now if self.n_free(now) else (now // MINUTE_S + 1.0) * MINUTE_S

    def n_free(self, now: float) -> int:
        """See Limiter."""
        return self._limit - (self._count if int(now // MINUTE_S) == self._minute else 0)

    def start(self, now: float) -> Slot | None:
        """See Limiter."""
        self._count = self._limit - self.n_free(now) + 1
        self._minute = int(now // MINUTE_S)
        return None


class Gcra(NoLimiter):
    """The generic cell rate algorithm (ITU-T I.371): `per_minute` in the mean, `burst` at once."""

    def __init__(self, per_minute: float, burst: int) -> None:
        self._interval_s = MINUTE_S / per_minute
        self._burst = burst
        self._arrival = -math.inf  # theoretical arrival time of the next one

    def free_at(self, now: float) -> float:
        """See Limiter."""
        return max(now, self._arrival - (self._burst - 1) * self._interval_s)

    def n_free(self, now: float) -> int:
        """See Limiter."""
        if self.free_at(now) > now:
            return 0
        ahead_s = max(0.0, self._arrival - now)
        return self._burst - math.ceil(ahead_s / self._interval_s - 1e-9)

    def start(self, now: float) -> Slot | None:
        """See Limiter."""
        self._arrival = max(now, self._arrival) + self._interval_s
        return None


class Aimd(NoLimiter):
    """A rate that learns: one a minute more after ten clean minutes, three tenths less at a refusal, once a minute."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute
        self._next = 0.0
        self._clean_since = 0.0
        self._cut_at = -math.inf

    def free_at(self, now: float) -> float:
        """See Limiter."""
        return max(now, self._next)

    def n_free(self, now: float) -> int:
        """See Limiter."""
        return int(now >= self._next)

    def start(self, now: float) -> Slot | None:
        """See Limiter."""
        if now - self._clean_since >= CLEAN_S:
            self._rate += 1.0
            self._clean_since = now
        self._next = now + MINUTE_S / self._rate
        return None

    def finish(self, slot: Slot | None, verdict: Verdict, now: float) -> None:
        """See Limiter."""
        if verdict is Verdict.TAKEN:
            return
        self._clean_since = now
        if now - self._cut_at >= MINUTE_S:
            self._rate = max(1.0, self._rate * CUT)
            self._cut_at = now


class Log:
    """A sliding log (rules.throttle): a place is taken from the start until completion and a minute, refused or not."""

    def __init__(self, limit: int) -> None:
        self._log = SlidingLog(limit, MINUTE_S)

    def free_at(self, now: float) -> float:
        """See Limiter."""
        at = self._log.next_free_at(now)
        return math.inf if at is None else at

    def n_free(self, now: float) -> int:
        """See Limiter."""
        return self._log.n_free(now)

    def start(self, now: float) -> Slot | None:
        """See Limiter."""
        return self._log.try_take(now)

    def finish(self, slot: Slot | None, verdict: Verdict, now: float) -> None:
        """See Limiter."""
        if slot is None:
            raise ValueError("a place was given back that nobody had taken")
        self._log.complete(slot, now)


class LogAimd(Log):
    """The log, with a limit that learns as Aimd's rate does, never above what Microsoft allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._most = limit
        self._clean_since = 0.0
        self._cut_at = -math.inf

    def finish(self, slot: Slot | None, verdict: Verdict, now: float) -> None:
        """See Limiter."""
        super().finish(slot, verdict, now)
        if verdict is not Verdict.TAKEN:
            self._clean_since = now
            if now - self._cut_at >= MINUTE_S:
                self._log.limit = max(1, int(self._log.limit * CUT))
                self._cut_at = now
        elif now - self._clean_since >= CLEAN_S:
            self._log.limit = min(self._most, self._log.limit + 1)
            self._clean_since = now


class LogForeign(Log):
    """The log, less what others seem to send: at a refusal, the limit less what was taken of ours in the last minute;
    half of that is forgotten in a quarter of an hour.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._most = limit
        self._foreign, self._at = 0.0, 0.0
        self._own: deque[float] = deque()

    def free_at(self, now: float) -> float:
        """See Limiter."""
        self._learn(now)
        at = super().free_at(now)
        return at if at <= now else min(at, now + POLL_S)

    def n_free(self, now: float) -> int:
        """See Limiter."""
        self._learn(now)
        return super().n_free(now)

    def finish(self, slot: Slot | None, verdict: Verdict, now: float) -> None:
        """See Limiter."""
        super().finish(slot, verdict, now)
        while self._own and self._own[0] + MINUTE_S <= now:
            self._own.popleft()
        if verdict is Verdict.TAKEN:
            self._own.append(now)
        else:
            self._foreign, self._at = float(self._most - len(self._own)), now
            self._learn(now)

    def _learn(self, now: float) -> None:
        self._log.limit = max(1, int(self._most - self._foreign_at(now)))

    def _foreign_at(self, now: float) -> float:
        return self._foreign * math.exp2((self._at - now) / HALF_LIFE_S)
