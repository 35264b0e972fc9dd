"""Claims what is due, lane by lane, hands it to the route, settles the outcomes.

The scheduler acts; what may start is decided by engine.lane, who goes next by its order, and what became of an attempt
is written by engine.attempts.settling.
One loop task fills the lanes; one task per attempt delivers and settles. A cancelled attempt has settled, or its
claim lapses at the next start and counts as uncertain; there is nothing in between. A route that is cancelled gives
outcomes (routes.api), so that a stop in good order leaves nothing to lapse.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay365.clock import Clock
from relay365.engine.attempts.handing import Handing, Tried
from relay365.engine.attempts.orders import TICK_S, Orders
from relay365.engine.attempts.settling import Settling
from relay365.engine.budgets.order import Started
from relay365.engine.budgets.parcels import (
    Bundle,
    Joining,
    Parcel,
    deep_flows,
    deep_most,
    deepened,
    made,
    plan,
)
from relay365.engine.lane import Lane, lanes_of
from relay365.engine.reports import bulletin
from relay365.engine.roads.advice import Advice
from relay365.errors import SpoolError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Route
from relay365.rules.retry import Policy
from relay365.spool.api import Claim, Spool
from relay365.spool.waiting.heads import NOBODYS, Flow, Head

_LOG = logging.getLogger("relay365.scheduler")

LEASE_S = 1800.0  # longer than the longest attempt: 30 s connect, 5 min per step, 10 min for the final dot
RENEW_S = 300.0
NOTE_S = 10.0  # how often a lane that is well writes down its last success


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is on its way."""

    lane: Lane
    parcel: Parcel


class Scheduler:
    """All lanes of a relay. run() until stop()."""

    def __init__(self, spool: Spool, routes: Iterable[Route], clock: Clock, policy: Policy) -> None:
        self._spool, self._clock = spool, clock
        self._settling = Settling(spool, clock, policy)
        self._handing = Handing(clock)
        self._lanes = lanes_of(routes, clock)
        self._wake = asyncio.Event()
        self._attempts: dict[asyncio.Task[None], Attempt] = {}
        self._stopping = False
        self._ended_filling = asyncio.Event()
        self.orders = Orders(spool, clock)
        self._left: dict[str, Lane] = {}
        self._filling = asyncio.Lock()

    def accepted(self, lane: str) -> None:
        """Something was committed to a lane: look at it at once, unless nothing may start there anyway."""
        if lane in self._lanes:
            self._lanes[lane].look_at = 0.0
            self._lanes[lane].n_waiting += 1
            if self._lanes[lane].room(self._clock.mono()):
                self._wake.set()

    def reserve(self, lane: str, n_recipients: int = 1, flow: Flow = NOBODYS) -> float:
        """See engine.reception.Express."""
        found = self._lanes.get(lane)
        if (
            self._stopping
            or self.orders.is_frozen
            or found is None
            or n_recipients > found.route.limits.recipients
        ):
            return 0.0
        if not found.may_reserve(self._clock.mono(), flow):
            return 0.0
        found.n_reserved += 1
        return self._clock.now() + LEASE_S

    def release(self, lane: str) -> None:
        """See engine.reception.Express."""
        (self._lanes.get(lane) or self._left[lane]).n_reserved -= 1
        self._wake.set()

    def take(self, claim: Claim) -> None:
        """See engine.reception.Express. What may not start after all goes back to the queue with the next look."""
        lane = self._lanes.get(claim.lane) or self._left[claim.lane]
        lane.n_reserved -= 1
        parcel = Parcel((claim,))
        lane.ready.append(parcel)
        if self._stopping or lane.name not in self._lanes:
            self._spawn(self._return_ready(lane), Attempt(lane, parcel))
            return
        self._start_ready(lane)
        if lane.ready:
            self._wake.set()

    @property
    def advice(self) -> Advice:
        """Who is asked about other roads, and about what Exchange has already."""
        return self._settling.advice

    @advice.setter
    def advice(self, advice: Advice) -> None:
        self._settling.advice = advice

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """The lanes by name: for faces, and for whoever chooses between them."""
        return self._lanes

    def hurry(self, longest_pause_s: float) -> None:
        """From now on what defers is tried again after so long at the latest; infinite: as the configuration says."""
        self._settling.longest_pause_s = longest_pause_s

    def between_rounds(self) -> asyncio.Lock:
        """Held while lanes are filled: whoever has it may follow(), and nothing is claimed meanwhile for what goes."""
        return self._filling

    def follow(self, lanes: Mapping[str, Lane], policy: Policy) -> list[Lane]:
        """Deliver by these lanes from now on; gives those that are left: what is on its way in them ends in order."""
        left = [lane for name, lane in self._lanes.items() if lanes.get(name) is not lane]
        reserved = {lane.name: lane for lane in (*self._left.values(), *left) if lane.n_reserved}
        for name in reserved.keys() & lanes.keys():  # who accepts mail gives the place back by its name
            lanes[name].n_reserved += reserved.pop(name).n_reserved
        self._left = reserved
        self._lanes.clear()
        self._lanes.update(lanes)
        self._settling.policy = policy
        for lane in left:
            if lane.ready:
                self._spawn(self._return_ready(lane), Attempt(lane, lane.ready[0]))
        self._wake.set()
        return left

    async def run(self) -> None:
        """Fill the lanes until stop(); a spool that is unwell is asked again later."""
        renewed_mono, n_failures, has_adopted = self._clock.mono(), 0, False
        while not self._stopping:
            self._wake.clear()
            wait_s = TICK_S
            try:
                if not has_adopted:
                    await self._adopt_strays()
                    has_adopted = True
                await self._hear_person()
                wait_s = min(wait_s, await self._fill_all())
                n_failures = 0
            except SpoolError as error:
                n_failures += 1
                wait_s = min(30.0, float(2**n_failures))
                _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, wait_s)
            if self._clock.mono() - renewed_mono > RENEW_S:
                renewed_mono = self._clock.mono()
                await self._renew()
            await self._sleep(wait_s)
        for lane in self._lanes.values():
            await self._return_ready(lane)
        self._ended_filling.set()

    async def stop(self, deadline_s: float) -> None:
        """Start nothing new; let what is on the wire settle until the deadline, then cancel it and settle that.

        Takes at most deadline_s plus three seconds. What does not settle in this time lapses at the next start.
        """
        self._stopping = True
        self._wake.set()
        until = self._clock.mono() + deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                await self._ended_filling.wait()
        except TimeoutError:
            _LOG.error("stop.late: the spool does not answer")
        if self._attempts:
            _, late = await asyncio.wait(list(self._attempts), timeout=max(0.0, until - self._clock.mono()))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=2.0)
        await asyncio.wait(
            [asyncio.ensure_future(lane.route.close()) for lane in self._lanes.values()], timeout=1.0
        )

    # -- filling ---------------------------------------------------------------------------------------------

    async def _fill_all(self) -> float:
        """As _fill(), for all lanes."""
        async with self._filling:
            return min([await self._fill(lane) for lane in self._lanes.values()], default=TICK_S)

    async def _fill(self, lane: Lane) -> float:
        """Start what may start; gives the seconds after which to look again."""
        if self.orders.is_frozen:
            await self._return_ready(lane)
            return TICK_S
        self._start_ready(lane)
        mono = self._clock.mono()
        if lane.ready and lane.is_shut(mono):
            await self._return_ready(lane)
        elif stuck := lane.stuck(mono):
            await self._settling.give_back(stuck)
        wanted = lane.appetite(mono)
        if wanted and mono >= lane.look_at:
            lane.look_at = mono + TICK_S  # a commit while we claim sets it to 0, and we look again
            now = self._clock.now()
            most = lane.route.limits.recipients
            depth = lane.order.depth(wanted)
            heads = await self._spool.heads(lane.name, now=now, most=depth)
            await self._put_off(lane, heads, now, mono)
            bundles = await self._choose(lane, heads, (wanted, depth), (now, mono))
            which = [head.spool_id for one in bundles for head in one.heads]
            claims = await self._spool.claim(
                lane.name, which=which, now=now, lease_until_at=now + LEASE_S, recipients=most
            )
            lane.ready.extend(made(bundles, claims, most))
            lane.n_waiting = max(0, lane.n_waiting - len(claims))
            self._start_ready(lane)
            if which and (len(bundles) == wanted or depth in Counter(head.flow for head in heads).values()):
                lane.look_at = 0.0
                return 0.0
        opens = lane.opens_at(mono)
        if (
            opens is not None and lane.n_waiting
        ):  # what waits for its kind of place is looked for when that opens
            lane.look_at = min(lane.look_at, opens)
        if opens is None and not wanted:
            return TICK_S  # every connection is busy: the end of an attempt wakes us
        return min(TICK_S, max(0.01, max(lane.look_at, opens or 0.0) - mono))

    async def _choose(
        self, lane: Lane, heads: Sequence[Head], amounts: tuple[int, int], when: tuple[float, float]
    ) -> list[Bundle]:
        """What starts next, and what can go with it. amounts: wanted, and heads of a flow at most; when: now, mono."""
        (wanted, depth), (now, mono), limits = amounts, when, lane.route.limits
        joining = Joining(limits, self.advice.digest_from, self._handing.alone)
        bundles = {one.heads[0].spool_id: one for one in plan(heads, joining)}
        leads = [one.heads[0] for one in bundles.values()]
        in_turn = lane.order.choose(leads, wanted, lane.health.cap_now, mono)
        chosen = [bundles[head.spool_id] for head in in_turn]
        if flows := deep_flows(chosen, heads, depth, joining):
            deep = await self._spool.heads(lane.name, now=now, most=deep_most(limits), flows=flows)
            chosen = deepened(chosen, deep, joining)
        return [lane.order.cut(one, mono) for one in chosen]

    async def _put_off(self, lane: Lane, heads: Sequence[Head], now: float, mono: float) -> None:
        """What waits for a limit of its own sender and recipient must not stand before what does not."""
        if blocked := lane.order.blocked(heads, mono):
            which = [(head.spool_id, now + wait_s) for head, wait_s in blocked]
            await self._spool.put_off(lane.name, which, TOO_MANY_OF_A_PAIR)

    async def _hear_person(self, *, at_once: bool = False) -> None:
        """`queue retry` or `release`, perhaps of another process: what waits by our own decision is tried."""
        if await self.orders.hear(at_once=at_once):
            for lane in self._lanes.values():
                lane.health.hasten(self._clock.mono())
                lane.senders.forgive()

    def _start_ready(self, lane: Lane) -> None:
        mono = self._clock.mono()
        for parcel in [one for one in lane.ready if lane.senders.is_stopped(one.sender, mono)]:
            lane.ready.remove(parcel)
            self._spawn(self._refuse_stopped(lane, parcel), Attempt(lane, parcel))
        while not self._stopping and (ready := lane.next_ready(mono)) is not None:
            self._spawn(self._attempt(lane, ready, lane.start(ready, mono)), Attempt(lane, ready))

    def _spawn(self, work: Coroutine[Any, Any, None], attempt: Attempt) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._attempts[task] = attempt
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._attempts.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("attempt.lost: its claim will lapse", exc_info=task.exception())
        self._wake.set()

    # -- one attempt -----------------------------------------------------------------------------------------

    async def _attempt(self, lane: Lane, parcel: Parcel, started: Started) -> None:
        tried = await self._handing.hand_over(lane.route, parcel, self.advice)
        mono = self._clock.mono()
        if not tried.said:  # nobody was asked: the lane has learnt nothing
            lane.give_back(started, mono)
            await self._settle(lane, parcel, tried)
            return
        changed = lane.finish(started, parcel.sender, tried.said, mono, self._clock.dice())
        self._warn_siblings(lane, tried.said)
        self._wake.set()  # the connection is free; the commit below need not hold up the next message
        await self._settle(lane, parcel, tried)
        if changed or lane.health.held is not None or mono - lane.noted_at > NOTE_S:
            lane.noted_at = mono
            await self._note(lane)

    def _warn_siblings(self, lane: Lane, outcomes: tuple[Outcome, ...]) -> None:
        """A throttle of the mailbox holds for every lane that sends from it, by whatever road."""
        budget = lane.route.limits.budget
        throttles = [one for one in outcomes if one.klass is Class.RATE_LIMIT and one.scope is Scope.MAILBOX]
        if not budget or not throttles:
            return
        for other in self._lanes.values():
            if other is not lane and other.route.limits.budget == budget:
                other.health.throttle(throttles[0], other.n_in_flight, self._clock.mono(), self._clock.dice())

    async def _refuse_stopped(self, lane: Lane, parcel: Parcel) -> None:
        with contextlib.suppress(SpoolError):  # it may be here because a person has just released it
            await self._hear_person(at_once=True)
        if not lane.senders.is_stopped(parcel.sender, self._clock.mono()):
            lane.ready.append(parcel)
            if self._stopping or self._lanes.get(lane.name) is not lane:  # nobody would start it any more
                await self._return_ready(lane)
            self._wake.set()
            return
        keys = [(claim.spool_id, one.n) for claim in parcel.claims for one in claim.recipients]
        await self._settle(lane, parcel, Tried((), dict.fromkeys(keys, SENDER_STOPPED)))

    async def _settle(self, lane: Lane, parcel: Parcel, tried: Tried) -> None:
        """The claims of one parcel share a commit."""
        outcomes = [(claim, tried.outcomes(claim)) for claim in parcel.claims]
        for other in await self._settling.settle(lane, outcomes):
            self.accepted(other)

    async def _note(self, lane: Lane) -> None:
        if self._lanes.get(lane.name) is not lane:  # another one has its name now, or none has
            return
        try:
            await self._spool.note_lane(bulletin.say(lane, self._clock.now(), self._clock.mono()))
        except SpoolError as error:
            _LOG.warning("lane.not-noted lane=%s reason=%s", lane.name, error)

    # -- start and end ---------------------------------------------------------------------------------------

    async def _adopt_strays(self) -> None:
        """Once: mail of a route that is no longer configured goes to the first one; it must not wait for ever.

        Held mail, too: released later, it would wait where nobody looks.
        """
        first = next(iter(self._lanes), None)
        for stray in dict.fromkeys(one.lane for one in await self._spool.depths()):
            if stray not in self._lanes and first is not None:
                n_moved = await self._spool.move_lane(stray, first)
                _LOG.warning("lane.gone lane=%s recipients=%d moved_to=%s", stray, n_moved, first)

    async def _return_ready(self, lane: Lane) -> None:
        """Claims that were never started go back."""
        back = [claim for parcel in lane.ready for claim in parcel.claims]
        lane.ready.clear()
        await self._settling.give_back(back)

    async def _renew(self) -> None:
        parcels = [attempt.parcel for attempt in self._attempts.values()]
        parcels += [parcel for lane in self._lanes.values() for parcel in lane.ready]
        claims = [claim for parcel in parcels for claim in parcel.claims]
        if claims:
            await self._spool.renew(claims, lease_until_at=self._clock.now() + LEASE_S)

    async def _sleep(self, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()


TOO_MANY_OF_A_PAIR = "waits here: the messages of an hour from one sender to one recipient are used up"
SENDER_STOPPED = Outcome(
    Kind.DEFERRED,
    Scope.MESSAGE,
    Class.SENDER,
    None,
    "not tried: this sender was refused before, and more refusals would shut the mailbox for everyone",
    row="sender-stopped",
    offered=False,
)
