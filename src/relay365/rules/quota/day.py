"""Day: recipients of a mailbox in 24 hours, and how many of them each client has had.

A scanner in a loop, or a program that has gone mad, uses up the day by its own: then nothing leaves the house until
next morning. A client that has had its share leaves the others what bulk leaves them (rules.quota.reserve), of
whatever priority it is. Where nobody else sends, nothing is left for nobody. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from relay365.rules.quota.budgets import DAY_S, HOUR_S, Bill, Slices

ALL = 100  # percent: a share that nobody exceeds


def share_of(limit: int, share: int) -> int | None:
    """What one client may have of a day's limit before it yields; at least one recipient, None for all of it."""
    return None if share >= ALL else max(1, limit * share // ALL)


class Hog(NamedTuple):
    """A client that has had its share. opens_at: when its next one fits, None if only an end helps."""

    client: str
    used: int
    opens_at: float | None


class Day(Slices):
    """One mailbox's. share: percent of the limit that one client may have before it yields; ALL: any.

    for_alarms: whether any may come, for which a client leaves something also where it is the only one so far.
    Memory: a slice for each client and five minutes in which it sent.
    """

    def __init__(self, limit: int, share: int = ALL, *, for_alarms: bool = False) -> None:
        super().__init__("recipients", limit, DAY_S, _recipients)
        self._share, self._for_alarms = share, for_alarms
        self._clients: dict[str, Slices] = {}
        self._swept_at = 0.0

    def allow(self, wanted: Day) -> None:
        """The limits of another one from now on; what is used is used."""
        self.limit, self._share, self._for_alarms = wanted.limit, wanted._share, wanted._for_alarms

    def know(self, client: str, amount: int, at: float) -> None:
        """What a client has used in an earlier life; of the mailbox it is counted already (add)."""
        self._of(client).add(amount, at)

    def has_had_its_share(self, client: str, now: float) -> bool:
        """Whether a client yields: it has had its share, and there is somebody to leave something to."""
        own, most = self._clients.get(client), share_of(self.limit, self._share)
        if own is None or most is None or own.used(now) < most:
            return False
        return self._for_alarms or any(one.used(now) for who, one in self._clients.items() if who != client)

    def hogs(self, now: float) -> list[Hog]:
        """Who has had its share, the largest first."""
        over = [client for client in self._clients if self.has_had_its_share(client, now)]
        found = [Hog(one, self._clients[one].used(now), self.opens_at(Bill(client=one), now)) for one in over]
        return sorted(found, key=lambda hog: -hog.used)

    def fits(self, bill: Bill, now: float) -> bool:
        """See Budget."""
        return super().fits(self._judged(bill, now), now)

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """See Budget."""
        return super().opens_at(self._judged(bill, now), now)

    def take(self, bill: Bill, now: float) -> object:
        """See Budget."""
        self._sweep(now)
        own = self._of(bill.client)
        return super().take(bill, now), own, own.take(bill, now)

    def complete(self, taken: Any, now: float) -> None:
        """See Budget."""
        amount, own, of_own = taken
        super().complete(amount, now)
        own.complete(of_own, now)

    def release(self, taken: Any, now: float) -> None:
        """See Budget."""
        amount, own, of_own = taken
        super().release(amount, now)
        own.release(of_own, now)

    def _judged(self, bill: Bill, now: float) -> Bill:
        yields = bool(bill.client) and not bill.is_bulk and self.has_had_its_share(bill.client, now)
        return replace(bill, is_bulk=True) if yields else bill

    def _of(self, client: str) -> Slices:
        return self._clients.setdefault(client, Slices(client, self.limit, DAY_S, _recipients))

    def _sweep(self, now: float) -> None:
        """Forget who has sent nothing for a day, once an hour."""
        if now - self._swept_at >= HOUR_S:
            self._swept_at = now
            self._clients = {client: one for client, one in self._clients.items() if one.used(now)}


def _recipients(bill: Bill) -> int:
    return bill.recipients
