"""How fast: windows of messages, as values. Time is a parameter, in monotonic seconds.

A remote that allows L messages in W seconds counts each one at an instant that we cannot see, somewhere between our
start and its completion. A slot therefore stays taken from the start until completion + W + guard: our count is then
never below the remote's, whether its window slides, begins at fixed instants of any phase, or is a bucket that
refills. What a refused try took is given back; what an uncertain one took is kept. Others may send from the same
mailbox: then the remote refuses below our count, and the difference is theirs.
"""

from __future__ import annotations

import heapq

HALF_LIFE_S = 900.0  # of what we believe that others use


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
        self._foreign, self._foreign_at = 0.0, 0.0
        self._n_open = 0
        self._done: list[float] = []  # heap of the instants at which finished slots become free

    def __repr__(self) -> str:
        return f"<SlidingLog {self._n_open}+{len(self._done)} of {self.limit} in {self.window_s:g} s>"

    def n_free(self, now: float) -> int:
        """How many messages may start now."""
        while self._done and self._done[0] <= now:
            heapq.heappop(self._done)
        return max(0, self.limit - self.foreign(now) - self._n_open - len(self._done))

    def n_taken(self, now: float) -> int:
        """How many of the window's places we have taken, for faces."""
        self.n_free(now)
        return self._n_open + len(self._done)

    def try_take(self, now: float) -> Slot | None:
        """Take a place, or None when the window is full."""
        if not self.n_free(now):
            return None
        self._n_open += 1
        return Slot()

    def notice(self, now: float) -> int:
        """The remote refuses although we have places left: others use the rest. Gives how many, 0 where we had none."""
        others = self.limit - self.n_taken(now)
        if others > self.foreign(now):
            self._foreign, self._foreign_at = float(others), now
        return max(0, others)

    def foreign(self, now: float) -> int:
        """How many places others are believed to use; half of it is forgotten every HALF_LIFE_S."""
        if not self._foreign:
            return 0
        left = self._foreign * 0.5 ** ((now - self._foreign_at) / HALF_LIFE_S)
        return min(self.limit - 1, int(left + 0.5))

    def fill(self, amount: int, now: float) -> None:
        """Places that an earlier life may have taken just now: they are taken for a whole window."""
        for _ in range(amount):
            if (slot := self.try_take(now)) is not None:
                self.complete(slot, now)

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

    def returns(self, most: int) -> list[float]:
        """The next instants at which places become free by time alone, in their order; past ones after n_free()."""
        return heapq.nsmallest(most, self._done)

    def next_free_at(self, now: float, places: int = 1) -> float | None:
        """When so many places are free by time alone; None when too many of them wait for a completion."""
        missing = places - self.n_free(now)
        if missing <= 0:
            return now
        in_order = sorted(self._done) if missing > 1 else self._done[:1]
        return in_order[missing - 1] if missing <= len(in_order) else None
