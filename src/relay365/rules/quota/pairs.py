"""Pairs: how many messages of one sender a recipient takes in an hour.

Apart from the other budgets because it counts by address: what is blocked here blocks one message, not a lane.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from relay365.rules.quota.budgets import HOUR_S, Bill, Standing


@dataclass
class Pairs:
    """Messages of one sender to one recipient in an hour: an alarm storm meets this limit before any other.

    Only pairs that are used are kept, so memory is bounded by the messages of an hour.
    """

    limit: int
    window_s: float = HOUR_S
    _logs: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    _swept_at: float = 0.0

    def fits(self, bill: Bill, now: float) -> bool:
        """See Budget."""
        return all(len(self._log(bill.sender, one, now)) < self.limit for one in bill.addresses)

    def take(self, bill: Bill, now: float) -> object:
        """See Budget."""
        self._sweep(now)
        for one in bill.addresses:
            self._logs.setdefault((bill.sender, one), deque()).append(now)
        return bill

    def add(self, pair: tuple[str, str], amount: int, at: float) -> None:
        """Count what an earlier life has sent, at an instant that is no earlier than what is counted already."""
        self._logs.setdefault(pair, deque()).extend([at] * amount)

    def complete(self, taken: Any, now: float) -> None:
        """See Budget."""

    def release(self, taken: Any, now: float) -> None:
        """See Budget."""
        for one in taken.addresses:
            log = self._logs.get((taken.sender, one))
            if log:
                log.pop()

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """See Budget."""
        full = [log for one in bill.addresses if len(log := self._log(bill.sender, one, now)) >= self.limit]
        return max((log[len(log) - self.limit] + self.window_s for log in full), default=now)

    def standing(self, now: float) -> Standing:
        """See Budget: of the busiest pair."""
        most = max((len(self._log(*pair, now)) for pair in list(self._logs)), default=0)
        return Standing("pairs", most, self.limit, self.window_s, 0.0)

    def _log(self, sender: str, address: str, now: float) -> Sequence[float]:
        log = self._logs.get((sender, address))
        while log and log[0] + self.window_s <= now:
            log.popleft()
        return log or ()

    def _sweep(self, now: float) -> None:
        if now - self._swept_at > self.window_s / 4:
            self._swept_at = now
            self._logs = {pair: log for pair, log in self._logs.items() if self._log(*pair, now)}
