"""Who goes next: alarms before normal mail before bulk, and inside each of them every client in its turn.

Inside a priority: deficit round robin over the clients (Shreedhar and Varghese, SIGCOMM 1995), where a message costs
its client what it costs the mailbox. Inside a client: oldest due first, but a big one lets a few small ones pass (as
Postfix's queue manager does). No priority starves: mail past half of its life gets a tenth of the places, and a client
that floods the alarms (rules.quota.floods) is normal mail from there on. Pure; `now` in epoch seconds, as the
candidates' instants are.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

ALARM, NORMAL, BULK = "alarm", "normal", "bulk"
AGED_SHARE = 0.1  # of the places, for mail past half of its life
PASSES = 5  # so many smaller messages of its client may pass a big one
SMALLER = 0.5  # of its cost: what may pass it


class Flow(Protocol):
    """Whose mail it is."""

    @property
    def priority(self) -> str:
        """alarm, normal or bulk."""
        ...

    @property
    def client(self) -> str:
        """Device, login or address."""
        ...


class Aging(Protocol):
    """What has an end."""

    @property
    def accepted_at(self) -> float:
        """Epoch seconds."""
        ...

    @property
    def expires_at(self) -> float:
        """Epoch seconds."""
        ...


class Candidate(Aging, Protocol):
    """One message that is due; spool.waiting.heads.Head is one."""

    @property
    def spool_id(self) -> str:
        """Its name."""
        ...

    @property
    def flow(self) -> Flow:
        """Whose it is."""
        ...

    @property
    def size_octets(self) -> int:
        """Of its content."""
        ...

    @property
    def recipients(self) -> Sequence[object]:
        """Those that are meant."""
        ...


One = TypeVar("One", bound=Candidate)


@dataclass(frozen=True, slots=True)
class Price:
    """What makes a message cost more than one place: so many recipients or octets cost as much as one message."""

    recipients: float = 1000.0
    octets: float = (
        5_000_000.0  # six seconds of a line of 6.7 Mbit/s; three connections at 30 a minute give each six
    )

    def of(self, one: Candidate) -> float:
        """At least 1.0: the dominant share, in messages."""
        return max(1.0, len(one.recipients) / self.recipients, one.size_octets / self.octets)


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be chosen. total: messages of any kind; bulk, normal: of those, such ones. None: any number.

    floods: clients that have had their share of alarms: more are normal mail.
    late: bulk past half of its life, in normal mail's places, where there is no room for bulk.
    """

    total: int
    bulk: int
    floods: Collection[str] = ()
    normal: int | None = None
    late: int = 0


def is_late(one: Aging, now: float) -> bool:
    """Whether mail is past half of its life."""
    return now - one.accepted_at > (one.expires_at - one.accepted_at) / 2


class Turns:
    """The order of one lane. It remembers whose turn it is and who has gone without."""

    def __init__(self, price: Price | None = None) -> None:
        self._price = price or Price()
        self._rings: dict[str, _Ring] = {level: _Ring() for level in (ALARM, NORMAL, BULK)}
        self._passed: dict[Flow, tuple[str, int]] = {}
        self._aged_credit = 0.0

    def __repr__(self) -> str:
        rings = " ".join(f"{level}={len(ring)}" for level, ring in self._rings.items())
        return f"<Turns {rings} aged={self._aged_credit:.1f}>"

    def choose(self, heads: Iterable[One], room: Room, now: float) -> list[One]:
        """The next ones, in their order, at most room.total; every client's heads come in the order of its queue."""
        queues = self._queues(heads, room.floods)
        chosen: list[One] = []
        left = {
            ALARM: room.total,
            NORMAL: room.total if room.normal is None else room.normal,
            BULK: room.bulk,
        }
        n_late = room.late
        while len(chosen) < room.total:
            levels = [level for level in left if queues[level] and left[level] > 0]
            if not levels:
                break
            squeezed = n_late > 0 and not left[BULK] and left[NORMAL] > 0 and bool(queues[BULK])
            level, one = self._aged([*levels, BULK] if squeezed else levels, queues, now) or self._next(
                levels[0], queues[levels[0]]
            )
            if level == BULK and squeezed:
                level, n_late = NORMAL, n_late - 1
            left[level] -= 1
            chosen.append(one)
        return chosen

    def _queues(self, heads: Iterable[One], floods: Collection[str]) -> dict[str, dict[str, deque[One]]]:
        """By level, then by client. A flood of alarms waits among the normal mail, for as long as it lasts."""
        queues: dict[str, dict[str, deque[One]]] = {ALARM: {}, NORMAL: {}, BULK: {}}
        for one in heads:
            level, client = one.flow.priority, one.flow.client
            if level == ALARM and client in floods:
                level = NORMAL
            queues[level].setdefault(client, deque()).append(one)
        for level, ring in self._rings.items():
            ring.meet(queues[level])
        present = {one.flow for clients in queues.values() for queue in clients.values() for one in queue}
        self._passed = {flow: passed for flow, passed in self._passed.items() if flow in present}
        return queues

    def _aged(
        self, levels: list[str], queues: dict[str, dict[str, deque[One]]], now: float
    ) -> tuple[str, One] | None:
        """One in ten goes to the oldest of a lower level that is past half of its life."""
        aged = [
            (queue[0].accepted_at, level, client)
            for level in levels[1:]
            for client, queue in queues[level].items()
            if is_late(queue[0], now)
        ]
        if not aged:
            return None
        self._aged_credit += AGED_SHARE
        if self._aged_credit < 1.0 - 1e-9:
            return None
        self._aged_credit -= 1.0
        _, level, client = min(aged)
        queue = queues[level][client]
        one = queue.popleft()
        if not queue:
            del queues[level][client]
            self._rings[level].leave(client)
        return level, one

    def _next(self, level: str, clients: dict[str, deque[One]]) -> tuple[str, One]:
        """The next one of a level that has some."""
        ring = self._rings[level]
        while True:
            client = ring.whose()
            queue = clients[client]
            at = self._small_past_big(queue)
            one = queue[at]
            if not ring.affords(self._price.of(one)):
                continue
            self._remember(queue[0], at)
            del queue[at]
            if not queue:
                del clients[client]
                ring.leave(client)
            return level, one

    def _small_past_big(self, queue: deque[One]) -> int:
        """The place in a client's queue of the one that goes: the first, or a smaller one that it lets pass."""
        big = self._price.of(queue[0])
        if big > 1.0 and self._n_passed(queue[0]) < PASSES:
            for at, one in enumerate(queue):
                if 0 < at <= PASSES and self._price.of(one) < big * SMALLER:
                    return at
        return 0

    def _n_passed(self, first: Candidate) -> int:
        passed_id, n_passed = self._passed.get(first.flow, ("", 0))
        return n_passed if passed_id == first.spool_id else 0

    def _remember(self, first: Candidate, at: int) -> None:
        """The first of a queue went, or let another pass."""
        if at:
            self._passed[first.flow] = (first.spool_id, self._n_passed(first) + 1)
        else:
            self._passed.pop(first.flow, None)


class _Ring:
    """The clients of one level in their order, each with what it may still spend, in messages."""

    def __init__(self) -> None:
        self._order: deque[str] = deque()
        self._credit: defaultdict[str, float] = defaultdict(float)
        self._has_got = False  # whether the first one had this turn's quantum

    def __len__(self) -> int:
        return len(self._order)

    def meet(self, present: Iterable[str]) -> None:
        """Who has mail now: others lose their place and credit, new ones stand at the end."""
        here = dict.fromkeys(present)
        if self._order and self._order[0] not in here:
            self._has_got = False
        self._order = deque(client for client in self._order if client in here)
        self._credit = defaultdict(float, {one: self._credit[one] for one in self._order})
        known = set(self._order)
        self._order.extend(client for client in here if client not in known)

    def whose(self) -> str:
        """Whose turn it is."""
        client = self._order[0]
        if not self._has_got:
            self._credit[client] += 1.0
            self._has_got = True
        return client

    def affords(self, cost: float) -> bool:
        """Pay for one message of whoever's turn it is, or pass the turn on and keep the credit."""
        client = self._order[0]
        if self._credit[client] < cost:
            self._pass_on()
            return False
        self._credit[client] -= cost
        if self._credit[client] < 1.0:
            self._pass_on()
        return True

    def leave(self, client: str) -> None:
        """It has no more mail: its credit is gone."""
        if self._order and self._order[0] == client:
            self._has_got = False
        if client in self._credit:
            del self._credit[client]
        if client in self._order:
            self._order.remove(client)

    def _pass_on(self) -> None:
        self._order.rotate(-1)
        self._has_got = False
