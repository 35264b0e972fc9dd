"""Budgets: what Microsoft allows in a time or at once, and what a message takes from all of them, or from none.

A message is a Bill; each budget reads from it what it counts. Takes stay until the remote can no longer count them
(rules.throttle has the reasons). Pure: time comes in as monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from relay365.rules.quota.floods import Floods
from relay365.rules.quota.spacing import Spacing
from relay365.rules.throttle import SlidingLog

DAY_S, HOUR_S = 86_400.0, 3_600.0
SLICES = 288  # of a day: five minutes each; a slice leaves after its last instant, which costs at most 0.35 %
PROBE_S = 1_800.0  # how often a budget that others have used up is tried
KEPT_FROM_BULK = 0.1  # of a short window's places: an alarm finds one free


@dataclass(frozen=True, slots=True)
class Bill:
    """What one transaction takes. external: recipients outside the own domains. requests: of Graph.

    sender and addresses: in lower case, for the limit of one sender and one recipient.
    client: whose mail it is, "" where nobody's.
    is_late: bulk past half of its life. Of a short window it takes any place, of a day it leaves what is kept.
    """

    recipients: int = 1
    external: int = 0
    octets: int = 0
    requests: int = 1
    sender: str = ""
    addresses: tuple[str, ...] = ()
    is_bulk: bool = False
    is_alarm: bool = False
    is_late: bool = False
    client: str = ""

    @property
    def yields(self) -> bool:
        """Whether it leaves the last places of a short window to others."""
        return self.is_bulk and not self.is_late


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget as faces show it. name: messages, recipients, external, requests, octets, at once, pairs.

    opens_in_s: seconds until one more fits; 0.0 now, None where only the end of something helps. foreign: what others
    have used, as far as it was noticed.
    """

    name: str
    used: int
    limit: int
    window_s: float
    opens_in_s: float | None
    foreign: int = 0


class Budget(Protocol):
    """One limit."""

    def fits(self, bill: Bill, now: float) -> bool:
        """Whether it has room."""
        ...

    def take(self, bill: Bill, now: float) -> object:
        """Take it; gives what complete and release want. fits() said that there is room."""
        ...

    def complete(self, taken: Any, now: float) -> None:
        """It was taken, or may have been."""
        ...

    def release(self, taken: Any, now: float) -> None:
        """It was not."""
        ...

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """When it fits by time alone; None where only a completion helps, or nothing."""
        ...

    def standing(self, now: float) -> Standing:
        """For faces."""
        ...


class Messages:
    """Messages in a short window: exact. Bulk leaves the last tenth of the places to others.

    Others may use the same mailbox: a refusal below our own count says how many (SlidingLog.notice).
    for_alarms: where alarms may come, what is none leaves the last places one by one (rules.quota.spacing), and so do
    those of a client that floods (rules.quota.floods).
    """

    def __init__(self, limit: int, window_s: float, guard_s: float, *, for_alarms: bool = False) -> None:
        self.log = SlidingLog(limit, window_s, guard_s)
        self.for_alarms = for_alarms
        self._kept = int(limit * KEPT_FROM_BULK)
        self._floods = Floods(window_s)

    def allow(self, limit: int, *, for_alarms: bool = False) -> None:
        """Another limit from now on; what is taken is taken."""
        self.log.limit, self._kept, self.for_alarms = limit, int(limit * KEPT_FROM_BULK), for_alarms

    def n_free(self, now: float, *, for_bulk: bool = False) -> int:
        """How many may start."""
        return max(0, self.log.n_free(now) - (self._kept if for_bulk else 0))

    def n_normal(self, now: float) -> int:
        """How many that are no alarms may start."""
        n_free, spacing = self.log.n_free(now), self._spacing(now)
        return spacing.n_may_start(n_free, self.log.returns(spacing.kept), now) if spacing else n_free

    def floods(self, client: str, now: float) -> bool:
        """Whether a client has had its share of alarms: its next ones are normal mail."""
        return self._floods.is_flood(client, self.log.limit, now)

    def _takes_any(self, bill: Bill, now: float) -> bool:
        return bill.is_alarm and not self.floods(bill.client, now)

    def _spacing(self, now: float) -> Spacing | None:
        places = self.log.limit - self.log.foreign(now)
        return Spacing.of(places, self.log.window_s) if self.for_alarms else None

    def fits(self, bill: Bill, now: float) -> bool:
        """See Budget."""
        if bill.yields or self._takes_any(bill, now):
            return self.n_free(now, for_bulk=bill.yields) > 0
        return self.n_normal(now) > 0

    def take(self, bill: Bill, now: float) -> object:
        """See Budget."""
        whose = bill.client if bill.is_alarm else ""
        if whose:
            self._floods.count(whose, now)
        return self.log.try_take(now), whose

    def complete(self, taken: Any, now: float) -> None:
        """See Budget."""
        self.log.complete(taken[0], now)

    def release(self, taken: Any, now: float) -> None:
        """See Budget."""
        slot, client = taken
        self.log.release(slot)
        self._floods.uncount(client)

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """See Budget."""
        spacing = None if bill.yields or self._takes_any(bill, now) else self._spacing(now)
        if spacing is not None:
            return spacing.opens_at(self.log.n_free(now), self.log.returns(spacing.kept + 1), now)
        return self.log.next_free_at(now, 1 + (self._kept if bill.yields else 0))

    def standing(self, now: float) -> Standing:
        """See Budget."""
        opens = self.log.next_free_at(now)
        wait = None if opens is None else max(0.0, opens - now)
        used = self.log.n_taken(now)
        return Standing("messages", used, self.log.limit, self.log.window_s, wait, self.log.foreign(now))


class Slices:
    """A sum over a long window in slices: recipients of a day, octets of five minutes, requests of ten.

    count: what a bill takes. kept: how much of it bulk leaves to others, asked each time, by the instant.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        window_s: float,
        count: Callable[[Bill], int],
        kept: Callable[[float], int] | None = None,
    ) -> None:
        self.name, self.limit, self.window_s = name, limit, window_s
        self._count = count
        self.kept = kept
        self._slice_s = window_s / SLICES
        self._slices: deque[tuple[float, int]] = deque()  # (the instant at which it leaves, sum)
        self._sum = 0
        self._under_way = 0
        self._foreign, self._foreign_at = 0, 0.0

    def used(self, now: float) -> int:
        """How much is taken, with what is under way."""
        while self._slices and self._slices[0][0] <= now:
            self._sum -= self._slices.popleft()[1]
        return self._sum + self._under_way

    def free(self, now: float, *, for_bulk: bool = False) -> int:
        """How much may be taken."""
        kept = self.kept(now) if for_bulk and self.kept is not None else 0
        return max(0, self.limit - self.used(now) - self.foreign(now) - kept)

    def fits(self, bill: Bill, now: float) -> bool:
        """See Budget. One that alone is more than the limit goes when nothing else is counted: the remote judges it."""
        amount = self._count(bill)
        return (
            amount == 0
            or min(amount, self.limit) <= self.free(now, for_bulk=bill.is_bulk)
            or self._may_probe(now)
        )

    def take(self, bill: Bill, now: float) -> object:
        """See Budget."""
        amount = self._count(bill)
        if amount > self.free(now) and self._may_probe(now):
            self._foreign_at = now
        self._under_way += amount
        return amount

    def _may_probe(self, now: float) -> bool:
        """What others have used is believed, not known: one message in PROBE_S may find out."""
        return bool(self.foreign(now)) and now - self._foreign_at >= PROBE_S and self.used(now) < self.limit

    def complete(self, taken: Any, now: float) -> None:
        """See Budget."""
        self._under_way -= taken
        self.add(taken, now)

    def release(self, taken: Any, now: float) -> None:
        """See Budget."""
        self._under_way -= taken

    def add(self, amount: int, at: float) -> None:
        """Count what was used at an instant, now or earlier: also what an earlier life has used."""
        if not amount:
            return
        self._sum += amount
        leaves = (at // self._slice_s + 1) * self._slice_s + self.window_s
        if self._slices and self._slices[-1][0] == leaves:
            self._slices[-1] = (leaves, self._slices[-1][1] + amount)
        elif not self._slices or self._slices[-1][0] < leaves:
            self._slices.append((leaves, amount))
        else:
            self._slices = deque(sorted([*self._slices, (leaves, amount)]))

    def exhausted(self, now: float) -> None:
        """The remote says that nothing is left: what we have not used ourselves, others have."""
        self._foreign, self._foreign_at = max(0, self.limit - self.used(now)), now

    def doubt(self, amount: int, now: float) -> None:
        """Nobody knows what was used before; believe this much, for the length of the window."""
        self.add(amount, now - self._slice_s)

    def foreign(self, now: float) -> int:
        """What others have used, as far as it was noticed: forgotten after a window, or by learnt()."""
        return self._foreign if now - self._foreign_at < self.window_s else 0

    def learnt(self, now: float) -> None:
        """The remote took something although we believed the budget used up: there was room after all."""
        self._foreign = min(self._foreign, max(0, self.limit - self.used(now) - self.limit // 20))

    def ask(self, now: float) -> None:
        """A person wants to know: the next message may find out whether others have used it up."""
        self._foreign_at = min(self._foreign_at, now - PROBE_S)

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """See Budget."""
        missing = min(self._count(bill), self.limit) - self.free(now, for_bulk=bill.is_bulk)
        if missing <= 0 or self.fits(bill, now):
            return now
        instants = [self._foreign_at + PROBE_S] if self.foreign(now) else []
        for leaves, amount in self._slices:
            missing -= amount
            if missing <= 0:
                instants.append(leaves)
                break
        return min(instants, default=None)

    def returns(self, now: float, step_s: float, steps: int) -> list[int]:
        """How much comes back in each of the next steps."""
        found = [0] * steps
        for leaves, amount in self._slices:
            at = int((leaves - now) // step_s)
            if 0 <= at < steps:
                found[at] += amount
        return found

    def standing(self, now: float) -> Standing:
        """See Budget."""
        opens = self.opens_at(Bill(1, 1, 1, 1), now)
        wait = None if opens is None else max(0.0, opens - now)
        return Standing(self.name, self.used(now), self.limit, self.window_s, wait, self.foreign(now))


class AtOnce:
    """A lease that lanes share: Graph's requests at once of one application."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._n = 0

    def fits(self, bill: Bill, now: float) -> bool:
        """See Budget."""
        return self._n < self.limit

    def take(self, bill: Bill, now: float) -> object:
        """See Budget."""
        self._n += 1
        return None

    def complete(self, taken: Any, now: float) -> None:
        """See Budget."""
        self._n -= 1

    def release(self, taken: Any, now: float) -> None:
        """See Budget."""
        self._n -= 1

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """See Budget."""
        return now if self._n < self.limit else None

    def standing(self, now: float) -> Standing:
        """See Budget."""
        return Standing("at once", self._n, self.limit, 0.0, 0.0 if self._n < self.limit else None)


class Lease(AtOnce):
    """Connections that lanes of one mailbox share: one that another lane has comes back in a moment."""


Taken = tuple[Any, ...]
"""What a message holds of each budget of its lane, in their order."""


class Vector:
    """The budgets of one lane, by their keys; lanes share a budget by sharing the object. All or none."""

    def __init__(self, budgets: Mapping[str, Budget] | None = None) -> None:
        self.budgets = dict(budgets or {})
        self._all = tuple(self.budgets.values())
        self._lasting = tuple(one for one in self._all if not isinstance(one, Lease))
        self._logs = tuple(one for one in self._all if isinstance(one, Messages))

    def __repr__(self) -> str:
        return f"<Vector {', '.join(self.budgets) or 'without a limit'}>"

    def n_free(self, now: float, *, for_bulk: bool = False) -> int | None:
        """How many messages the short windows let start now; None is no limit."""
        return min((log.n_free(now, for_bulk=for_bulk) for log in self._logs), default=None)

    def n_normal(self, now: float) -> int | None:
        """How many of them may be neither alarms nor bulk; None is no limit."""
        return min((log.n_normal(now) for log in self._logs), default=None)

    def floods(self, client: str, now: float) -> bool:
        """Whether a client has had its share of alarms in any of the short windows."""
        return any(log.floods(client, now) for log in self._logs)

    def seconds_of_one(self) -> float:
        """How long one message takes where many wait: the slowest of the short windows; 0.0 is no limit."""
        return max((log.log.window_s / log.log.limit for log in self._logs), default=0.0)

    def fits(self, bill: Bill, now: float) -> bool:
        """Whether all of it fits."""
        return all(budget.fits(bill, now) for budget in self._all)

    def fits_beside(self, bill: Bill, now: float) -> bool:
        """Whether it fits but for leases and short windows, in which how many may start is asked for all at once."""
        return all(budget.fits(bill, now) for budget in self._lasting if not isinstance(budget, Messages))

    def fits_soon(self, bill: Bill, now: float) -> bool:
        """Whether it fits but for leases."""
        return all(budget.fits(bill, now) for budget in self._lasting)

    def next_opening(self, now: float) -> float | None:
        """When more may start than now, be it for alarms only; None where all may, or only a completion helps."""
        waiting = [bill for bill in (Bill(is_alarm=True), Bill()) if not self.fits_soon(bill, now)]
        return self.opens_at(waiting[0], now) if waiting else None

    def take(self, bill: Bill, now: float) -> Taken:
        """Take all of it; fits() said that there is room."""
        return tuple(budget.take(bill, now) for budget in self._all)

    def complete(self, taken: Taken, now: float) -> None:
        """See Budget."""
        for budget, one in zip(self._all, taken, strict=True):
            budget.complete(one, now)

    def release(self, taken: Taken, now: float) -> None:
        """See Budget."""
        for budget, one in zip(self._all, taken, strict=True):
            budget.release(one, now)

    def opens_at(self, bill: Bill, now: float) -> float | None:
        """When all of it fits but for leases, by time alone; None where only a completion helps."""
        instants = [budget.opens_at(bill, now) for budget in self._lasting]
        return None if None in instants else max((one for one in instants if one is not None), default=now)
