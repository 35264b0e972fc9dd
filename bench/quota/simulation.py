"""The simulation: events in virtual time, one heap, the same dice for every policy.

What a try costs is drawn for the message and the number of the try, not in the order of tries: two policies that send
the same message meet the same latency.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from bench.quota.demand import MINUTE_S, Message, dice, instants
from bench.quota.policies import Policy, Start
from bench.quota.server import PER_DAY, Mailbox, Model, Verdict

MEDIAN_S, SIGMA = 1.2, 0.3  # what a submission takes, lognormal; mean 1.26 s
STALL_S, STALL_SHARE = 20.0, 0.01


class _What(IntEnum):
    """Kinds of events, in the order in which those of one instant happen."""

    COUNT = 0
    ANSWER = 1
    FOREIGN = 2
    LOOK = 3


def latency_of(seed: int, number: int, n_try: int) -> tuple[float, float]:
    """What try n_try of message `number` takes in seconds, and at which share of that the server counts it."""
    own = dice(seed, f"try {number} {n_try}")
    stalls = own.random() < STALL_SHARE
    return STALL_S if stalls else MEDIAN_S * math.exp(SIGMA * own.gauss(0.0, 1.0)), own.random()


@dataclass(frozen=True, slots=True)
class World:
    """What all policies meet. foreign_per_minute: what somebody else sends through the first mailbox, unasked."""

    demand: Sequence[Message]
    length_s: float
    n_mailboxes: int = 1
    foreign_per_minute: float = 0.0
    per_day: int = PER_DAY
    latency: Callable[[int, int, int], tuple[float, float]] = latency_of


@dataclass(slots=True)
class Try:
    """One try of one message. counted: the server's instant, infinite while it has not been judged."""

    start: Start
    started: float
    latency_s: float
    counted: float = math.inf
    answered: float = math.inf
    verdict: Verdict = Verdict.TAKEN


@dataclass(slots=True)
class Record:
    """What happened until the end: every try, and how it went to the foreign sender."""

    world: World
    tries: list[Try] = field(default_factory=list)
    n_foreign_taken: int = 0
    n_foreign_refused: int = 0


def run(world: World, model: Model, policy: Policy, seed: int) -> Record:
    """Play one world. Raises ValueError where a policy breaks its protocol."""
    return _Run(world, model, policy, seed).play()


class _Run:
    def __init__(self, world: World, model: Model, policy: Policy, seed: int) -> None:
        phases = dice(seed, "phases")
        self._seed, self._policy, self._record = seed, policy, Record(world)
        self._mailboxes = [
            Mailbox(model, phases.uniform(0.0, MINUTE_S), world.per_day) for _ in range(world.n_mailboxes)
        ]
        self._events: list[tuple[float, int, int, Try | None]] = []
        self._n_events = 0
        self._n_tries = [0] * len(world.demand)
        self._look_at = math.inf
        if world.foreign_per_minute:
            rate = world.foreign_per_minute / MINUTE_S
            for at in instants(dice(seed, "foreign"), rate, world.length_s):
                self._push(at, _What.FOREIGN, None)

    def play(self) -> Record:
        """Until the world ends."""
        world, n_arrived = self._record.world, 0
        while True:
            arrival = world.demand[n_arrived].arrived if n_arrived < len(world.demand) else math.inf
            now = min(arrival, self._events[0][0] if self._events else math.inf)
            if now > world.length_s:
                return self._record
            while self._events and self._events[0][0] <= now:
                _, what, _, one = heapq.heappop(self._events)
                self._happen(_What(what), one, now)
            while n_arrived < len(world.demand) and world.demand[n_arrived].arrived <= now:
                self._policy.offer(world.demand[n_arrived], now)
                n_arrived += 1
            self._ask(now)

    def _happen(self, what: _What, one: Try | None, now: float) -> None:
        if what is _What.FOREIGN:
            verdict, _ = self._mailboxes[0].count(now)
            self._record.n_foreign_taken += verdict is Verdict.TAKEN
            self._record.n_foreign_refused += verdict is not Verdict.TAKEN
        elif what is _What.LOOK:
            self._look_at = math.inf
        elif one is None:
            raise ValueError("an event of a try without its try")
        elif what is _What.COUNT:
            self._count(one, now)
        else:
            self._mailboxes[one.start.mailbox].end()
            one.answered = now
            self._policy.finished(one.start, one.verdict, now)

    def _count(self, one: Try, now: float) -> None:
        mailbox = self._mailboxes[one.start.mailbox]
        given_at = now
        if one.verdict is Verdict.TAKEN:  # not one sender too many
            one.verdict, given_at = mailbox.count(now, one.start.message.n_recipients)
        one.counted = given_at
        answer_at = one.started + one.latency_s + (given_at - now)
        self._push(answer_at, _What.ANSWER, one)

    def _ask(self, now: float) -> None:
        """Start what may start, and remember when to ask again."""
        while isinstance(found := self._policy.next(now), Start):
            self._launch(found, now)
        if found is None:
            return
        if found <= now:
            raise ValueError(f"the policy says at {now} to ask again at {found}")
        if found < self._look_at:
            self._look_at = found
            self._push(found, _What.LOOK, None)

    def _launch(self, start: Start, now: float) -> None:
        if start.mailbox not in start.message.mailboxes:
            raise ValueError(f"{start.message} may not be sent by mailbox {start.mailbox}")
        self._policy.started(start, now)
        number = start.message.number
        latency_s, share = self._record.world.latency(self._seed, number, self._n_tries[number])
        self._n_tries[number] += 1
        one = Try(start, now, latency_s)
        if not self._mailboxes[start.mailbox].begin():
            one.verdict = Verdict.SENDERS
        self._record.tries.append(one)
        self._push(now + share * latency_s, _What.COUNT, one)

    def _push(self, at: float, what: _What, one: Try | None) -> None:
        self._n_events += 1
        heapq.heappush(self._events, (at, what, self._n_events, one))
