"""Floods: how many alarms each client has had of a short window; more than its share are normal mail.

An alarm takes any place of the window. One broken device that sends an alarm a second would take them all, and another
one's alarm would find none. Counted where a message starts, so that no way to start one goes past it. Pure.
"""

from __future__ import annotations

from collections import Counter, deque

SHARE = 0.3  # of a window's places, for the alarms of one client


class Floods:
    """Of one window. Memory: as many entries as alarms have started in it."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._starts: deque[tuple[float, str]] = deque()
        self._counts: Counter[str] = Counter()

    def count(self, client: str, now: float) -> None:
        """An alarm of a client starts, as such or as normal mail: a flood lasts until it slows down."""
        self._starts.append((now, client))
        self._counts[client] += 1

    def uncount(self, client: str) -> None:
        """One that started was not sent after all."""
        for at, (_, whose) in reversed(list(enumerate(self._starts))):
            if whose == client:
                del self._starts[at]
                self._drop(client)
                return

    def is_flood(self, client: str, limit: int, now: float) -> bool:
        """Whether a client has had its share of a window of so many places; one alarm everybody has."""
        while self._starts and self._starts[0][0] + self._window_s <= now:
            self._drop(self._starts.popleft()[1])
        return self._counts[client] >= max(1, int(limit * SHARE)) if client in self._counts else False

    def _drop(self, client: str) -> None:
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]
