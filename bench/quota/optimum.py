"""The most that anybody could have sent who knew everything beforehand: a flow through a network of minutes.

Supplies (so many messages, from this minute on, through one of these mailboxes) flow into the minutes of the mailboxes,
each of which takes 30, and from there into their days. Lanes are let in one after the other, the uppermost first: an
augmenting path never takes a supply back, so that no lower lane costs an upper one anything.
No window model lets more through, but for what a fixed minute or a bucket gives at the very beginning (30 at most).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import TypeVar

from bench.quota.demand import KINDS, MINUTE_S, Message
from bench.quota.server import PER_DAY, PER_MINUTE

_First = TypeVar("_First")
Optimum = dict[str, int]
"""How many messages of each kind can be sent."""


def optimum(
    demand: Iterable[Message], length_s: float, per_minute: int = PER_MINUTE, per_day: int = PER_DAY
) -> Optimum:
    """The most of the upper lanes, then of the lower ones. Raises ValueError for messages to several recipients.

    Nothing is sent before it arrives or after length_s; messages take no time and are counted at once.
    """
    supplies = _supplies(demand)
    n_minutes = int(-(-length_s // MINUTE_S))
    groups = sorted({group for _, _, group in supplies})
    if groups == [(0,)]:
        return _one_mailbox(supplies, n_minutes, per_minute, per_day)
    return _flow(supplies, groups, n_minutes, (per_minute, per_day))


def _supplies(demand: Iterable[Message]) -> Counter[tuple[str, int, tuple[int, ...]]]:
    """(kind, minute, mailboxes) -> how many messages."""
    supplies: Counter[tuple[str, int, tuple[int, ...]]] = Counter()
    for message in demand:
        if message.n_recipients != 1:
            raise ValueError("the optimum is a flow only where every message has one recipient")
        supplies[message.kind, int(message.arrived // MINUTE_S), message.mailboxes] += 1
    return supplies


def _one_mailbox(
    supplies: Counter[tuple[str, int, tuple[int, ...]]], n_minutes: int, per_minute: int, per_day: int
) -> Optimum:
    """The same without a flow: with one mailbox and one end, the earliest place is always the best to take."""
    free, n_day, found = [per_minute] * n_minutes, per_day, {}
    for kind in KINDS:
        waiting = found[kind] = 0
        for minute in range(n_minutes):
            waiting += supplies[kind, minute, (0,)]
            n_sent = min(waiting, free[minute], n_day)
            waiting -= n_sent
            free[minute] -= n_sent
            n_day -= n_sent
            found[kind] += n_sent
    return found


def _flow(
    supplies: Counter[tuple[str, int, tuple[int, ...]]],
    groups: Sequence[tuple[int, ...]],
    n_minutes: int,
    limits: tuple[int, int],
) -> Optimum:
    per_minute, per_day = limits
    mailboxes = sorted({mailbox for group in groups for mailbox in group})
    waiting = {(group, minute): 2 + n for n, (group, minute) in enumerate(_product(groups, n_minutes))}
    sending = {
        (mailbox, minute): 2 + len(waiting) + n
        for n, (mailbox, minute) in enumerate(_product(mailboxes, n_minutes))
    }
    days = {mailbox: 2 + len(waiting) + len(sending) + n for n, mailbox in enumerate(mailboxes)}
    network = Network(2 + len(waiting) + len(sending) + len(days))
    for (group, minute), node in waiting.items():
        if minute + 1 < n_minutes:
            network.edge(node, waiting[group, minute + 1], sum(supplies.values()))
        for mailbox in group:
            network.edge(node, sending[mailbox, minute], per_minute)
    for (mailbox, _), node in sending.items():
        network.edge(node, days[mailbox], per_minute)
    for node in days.values():
        network.edge(node, SINK, per_day)
    found = {}
    for kind in KINDS:
        for (supplied, minute, group), n in supplies.items():
            if supplied == kind and minute < n_minutes:
                network.edge(SOURCE, waiting[group, minute], n)
        found[kind] = network.augment()
    return found


def _product(firsts: Sequence[_First], n_minutes: int) -> list[tuple[_First, int]]:
    return [(first, minute) for first in firsts for minute in range(n_minutes)]


SOURCE, SINK = 0, 1


class Network:
    """A network of edges with capacities, for the greatest flow from SOURCE to SINK (Dinic's algorithm, 1970)."""

    def __init__(self, n_nodes: int) -> None:
        self._leaving: list[list[int]] = [[] for _ in range(n_nodes)]
        self._to: list[int] = []
        self._room: list[int] = []  # of edge n; n ^ 1 is its way back

    def edge(self, start: int, end: int, capacity: int) -> None:
        """One more edge."""
        for node, to, room in ((start, end, capacity), (end, start, 0)):
            self._leaving[node].append(len(self._to))
            self._to.append(to)
            self._room.append(room)

    def augment(self) -> int:
        """Add all the flow that still fits; how much that was."""
        total = 0
        while (levels := self._levels())[SINK] >= 0:
            tried = [0] * len(self._leaving)
            while path := self._path(levels, tried):
                amount = min(self._room[edge] for edge in path)
                for edge in path:
                    self._room[edge] -= amount
                    self._room[edge ^ 1] += amount
                total += amount
        return total

    def _levels(self) -> list[int]:
        levels = [-1] * len(self._leaving)
        levels[SOURCE] = 0
        queue = deque([SOURCE])
        while queue:
            node = queue.popleft()
            for edge in self._leaving[node]:
                if self._room[edge] and levels[self._to[edge]] < 0:
                    levels[self._to[edge]] = levels[node] + 1
                    queue.append(self._to[edge])
        return levels

    def _path(self, levels: list[int], tried: list[int]) -> list[int]:
        """The edges of a way to the sink that climbs one level with each; tried: how many of a node's are dead ends."""
        path: list[int] = []
        node = SOURCE
        while node != SINK:
            leaving = self._leaving[node]
            while tried[node] < len(leaving) and not self._climbs(leaving[tried[node]], levels, node):
                tried[node] += 1
            if tried[node] < len(leaving):
                path.append(leaving[tried[node]])
                node = self._to[path[-1]]
            elif path:
                node = self._to[path.pop() ^ 1]
                tried[node] += 1
            else:
                return []
        return path

    def _climbs(self, edge: int, levels: list[int], node: int) -> bool:
        return self._room[edge] > 0 and levels[self._to[edge]] == levels[node] + 1
