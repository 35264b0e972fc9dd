"""How fast: windows of messages, as values. Time is a parameter, in monotonic seconds.

A remote that allows L messages in W seconds counts each one at an instant that we cannot see, somewhere between our
start and its completion. A slot therefore stays taken from the start until completion + W + guard: our count is then
never below the remote's, whether its window slides, begins at fixed instants of any phase, or is a bucket that
refills. What a refused try took is given back; what an uncertain one took is kept.
"""

from __future__ import annotations

import heapq


class Slot:
    """One message's place in a window; until is None while it is on its way."""

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until: float | None = None


class SlidingLog:
    """An exact sliding log of at most `limit` messages in any window of `window_s` seconds.

    guard_s: how much later than ours the remote's clock may read; added to every window.
    Memory: one number per slot, so at most `limit`.
    """

    def __init__(self, limit: int, window_s: float, guard_s: float = 0.0) -> None:
        if limit < 1:
            raise ValueError("a window needs room for at least one message")
        self.limit, self.window_s, self.guard_s = limit, window_s, guard_s
        self._n_open = 0
        self._done: list[float] = []  # heap of the instants at which finished slots become free

    def __repr__(self) -> str:
        return f"<SlidingLog {self._n_open}+{len(self._done)} of {self.limit} in {self.window_s:g} s>"

    def n_free(self, now: float) -> int:
        """How many messages may start now."""
        while self._done and self._done[0] <= now:
            heapq.heappop(self._done)
        return max(0, self.limit - self._n_open - len(self._done))

    def n_taken(self, now: float) -> int:
        """How many of the window's places are taken, for faces."""
        return self.limit - self.n_free(now)

    def try_take(self, now: float) -> Slot | None:
        """Take a place, or None when the window is full."""
        if not self.n_free(now):
            return None
        self._n_open += 1
        return Slot()

    def complete(self, slot: Slot, now: float) -> None:
        """The message was taken, or may have been: its place is free again after window and guard."""
        if slot.until is None:
            slot.until = now + self.window_s + self.guard_s
            self._n_open -= 1
            heapq.heappush(self._done, slot.until)

    def release(self, slot: Slot) -> None:
        """The message was not taken: its place is free now."""
        if slot.until is None:
            slot.until = 0.0
            self._n_open -= 1

    def next_free_at(self, now: float) -> float | None:
        """When a place becomes free by time alone; None when every place waits for a completion."""
        if self.n_free(now):
            return now
        return self._done[0] if self._done else None


class Windows:
    """Several sliding logs that a message must have a place in, all or none; none of them is no limit."""

    def __init__(self, *logs: SlidingLog) -> None:
        self.logs = logs

    def __repr__(self) -> str:
        return f"<Windows {', '.join(map(repr, self.logs)) or 'without a limit'}>"

    def n_free(self, now: float) -> int | None:
        """How many messages may start now; None is no limit."""
        return min((log.n_free(now) for log in self.logs), default=None)

    def take(self, now: float) -> tuple[Slot, ...]:
        """A place in each; n_free said that there is one."""
        return tuple(slot for log in self.logs if (slot := log.try_take(now)) is not None)

    def complete(self, slots: tuple[Slot, ...], now: float) -> None:
        """See SlidingLog."""
        for log, slot in zip(self.logs, slots, strict=True):
            log.complete(slot, now)

    def release(self, slots: tuple[Slot, ...]) -> None:
        """See SlidingLog."""
        for log, slot in zip(self.logs, slots, strict=True):
            log.release(slot)

    def next_free_at(self, now: float) -> float | None:
        """When a place is free in each by time alone; now where there is one, None where only a completion helps."""
        instants = [log.next_free_at(now) for log in self.logs]
        return None if None in instants else max((one for one in instants if one is not None), default=now)
