"""Claims what is due, lane by lane, hands it to the route, settles the outcomes.

The scheduler acts; what may start is decided by engine.lane, what an outcome makes of a recipient by rules.retry.
One loop task fills the lanes; one task per attempt delivers and settles. A cancelled attempt has settled, or its
claim lapses at the next start and counts as uncertain; there is nothing in between. A route that is cancelled gives
outcomes (routes.api), so that a stop in good order leaves nothing to lapse.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from relay365.clock import Clock
from relay365.engine.lane import Lane, lanes_of
from relay365.engine.reports import bulletin
from relay365.engine.reports.debts import debt_of
from relay365.engine.roads.advice import Advice, NoAdvice, is_for_another_road
from relay365.errors import SpoolError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, Route
from relay365.rules.retry import Policy, decide
from relay365.rules.throttle import Slot
from relay365.spool.api import Claim, ClaimedRecipient, Fate, Settlement, Spool, State

_LOG = logging.getLogger("relay365.scheduler")

LEASE_S = 1800.0  # longer than the longest attempt: 30 s connect, 5 min per step, 10 min for the final dot
RENEW_S = 300.0
TICK_S = 1.0  # how soon a change made by the command line in the same data directory is seen
NOTE_S = 10.0  # how often a lane that is well writes down its last success

SENDER_STOPPED = Outcome(
    Kind.DEFERRED,
    Scope.MESSAGE,
    Class.SENDER,
    None,
    "not tried: this sender was refused before, and more refusals would shut the mailbox for everyone",
    row="sender-stopped",
    offered=False,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim on its way."""

    lane: Lane
    claim: Claim
    slots: tuple[Slot, ...] = ()


class Scheduler:
    """All lanes of a relay. run() until stop(). advice is set by whoever knows the roads."""

    def __init__(self, spool: Spool, routes: Iterable[Route], clock: Clock, policy: Policy) -> None:
        self._spool, self._clock, self._policy = spool, clock, policy
        self.advice: Advice = NoAdvice()
        self._lanes = lanes_of(routes)
        self._wake = asyncio.Event()
        self._attempts: dict[asyncio.Task[None], Attempt] = {}
        self._stopping = False
        self._ended_filling = asyncio.Event()
        self._n_hastened: int | None = None
        self._hear_at = 0.0

    def accepted(self, lane: str) -> None:
        """Something was committed to a lane: look at it at once, unless nothing may start there anyway."""
        if lane in self._lanes:
            self._lanes[lane].look_at = 0.0
            if self._lanes[lane].room(self._clock.mono()):
                self._wake.set()

    def reserve(self, lane: str, n_recipients: int = 1) -> float:
        """See engine.reception.Express."""
        found = self._lanes.get(lane)
        if self._stopping or found is None or n_recipients > found.route.limits.recipients:
            return 0.0
        if not found.may_reserve(self._clock.mono()):
            return 0.0
        found.n_reserved += 1
        return self._clock.now() + LEASE_S

    def release(self, lane: str) -> None:
        """See engine.reception.Express."""
        self._lanes[lane].n_reserved -= 1
        self._wake.set()

    def take(self, claim: Claim) -> None:
        """See engine.reception.Express. What may not start after all goes back to the queue with the next look."""
        lane = self._lanes[claim.lane]
        lane.n_reserved -= 1
        lane.ready.append(claim)
        if self._stopping:
            self._spawn(self._return_ready(lane), Attempt(lane, claim))
            return
        self._start_ready(lane)
        if lane.ready:
            self._wake.set()

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """The lanes by name: for faces, and for whoever chooses between them."""
        return self._lanes

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
                for lane in self._lanes.values():
                    wait_s = min(wait_s, await self._fill(lane))
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

    async def _fill(self, lane: Lane) -> float:
        """Start what may start; gives the seconds after which to look again."""
        self._start_ready(lane)
        mono = self._clock.mono()
        if lane.ready and lane.is_shut(mono):
            await self._return_ready(lane)
        wanted = lane.appetite(mono)
        if wanted and mono >= lane.look_at:
            lane.look_at = mono + TICK_S  # a commit while we claim sets it to 0, and we look again
            now = self._clock.now()
            most = lane.route.limits.recipients
            claims = await self._spool.claim(
                lane.name, limit=wanted, now=now, lease_until_at=now + LEASE_S, recipients=most
            )
            lane.ready.extend(claims)
            self._start_ready(lane)
            if len(claims) == wanted:
                lane.look_at = 0.0
                return 0.0
        opens = lane.opens_at(mono)
        if opens is None and not wanted:
            return TICK_S  # every connection is busy: the end of an attempt wakes us
        return min(TICK_S, max(0.01, max(lane.look_at, opens or 0.0) - mono))

    async def _hear_person(self) -> None:
        """`queue retry`, perhaps of another process: a lane that waits by our own decision opens."""
        mono = self._clock.mono()
        if mono < self._hear_at:
            return
        self._hear_at = mono + TICK_S
        before, self._n_hastened = self._n_hastened, await self._spool.n_hastened()
        if before is not None and before != self._n_hastened:
            for lane in self._lanes.values():
                lane.health.hasten(mono)

    def _start_ready(self, lane: Lane) -> None:
        mono = self._clock.mono()
        while lane.ready and not self._stopping:
            claim = lane.ready[0]
            if lane.senders.is_stopped(_sender(claim), mono):
                lane.ready.popleft()
                self._spawn(self._refuse_stopped(lane, claim), Attempt(lane, claim))
            elif lane.room(mono):
                lane.ready.popleft()
                attempt = Attempt(lane, claim, lane.start(mono))
                self._spawn(self._attempt(attempt), attempt)
            else:
                return

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

    async def _attempt(self, attempt: Attempt) -> None:
        lane, claim = attempt.lane, attempt.claim
        known, tried = await self._try(lane, claim)
        outcomes = tuple({**known, **tried}[one.n] for one in claim.recipients)
        mono = self._clock.mono()
        if not tried:  # nobody was asked: the lane has learnt nothing
            lane.give_back(attempt.slots)
            await self._settle(lane, claim, outcomes)
            return
        changed = lane.finish(attempt.slots, _sender(claim), tuple(tried.values()), mono, self._clock.dice())
        self._warn_siblings(lane, outcomes)
        self._wake.set()  # the connection is free; the commit below need not hold up the next message
        await self._settle(lane, claim, outcomes)
        if changed or lane.health.held is not None or mono - lane.noted_at > NOTE_S:
            lane.noted_at = mono
            await self._note(lane)

    async def _try(self, lane: Lane, claim: Claim) -> tuple[Mapping[int, Outcome], Mapping[int, Outcome]]:
        """What need not be tried now, and what became of the rest; by the recipient's number. Never raises."""
        known: Mapping[int, Outcome] = {}
        rest = claim.recipients
        try:
            if any(one.possible_duplicate for one in claim.recipients):
                known = await self.advice.known(claim)
                rest = tuple(one for one in claim.recipients if one.n not in known)
            if not rest:
                return known, {}
            envelope = replace(claim.envelope, forward_paths=tuple(one.path for one in rest))
            consignment = Consignment(claim.spool_id, envelope, claim.content, claim.trace, claim.header_from)
            outcomes = await lane.route.deliver(consignment)
        except Exception as error:  # noqa: BLE001 - a fault of ours is temporary and must not end the lane
            _LOG.exception("route.failed id=%s lane=%s", claim.spool_id, lane.name)
            text = f"fault in route {lane.name}: {type(error).__name__}"
            fault = Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row="route-fault")
            outcomes = (fault,) * len(rest)
        return known, {one.n: outcome for one, outcome in zip(rest, outcomes, strict=True)}

    def _warn_siblings(self, lane: Lane, outcomes: tuple[Outcome, ...]) -> None:
        """A throttle of the mailbox holds for every lane that sends from it, by whatever road."""
        budget = lane.route.limits.budget
        throttles = [one for one in outcomes if one.klass is Class.RATE_LIMIT and one.scope is Scope.MAILBOX]
        if not budget or not throttles:
            return
        for other in self._lanes.values():
            if other is not lane and other.route.limits.budget == budget:
                other.health.throttle(throttles[0], other.n_in_flight, self._clock.mono(), self._clock.dice())

    async def _refuse_stopped(self, lane: Lane, claim: Claim) -> None:
        await self._settle(lane, claim, (SENDER_STOPPED,) * len(claim.recipients))

    async def _settle(self, lane: Lane, claim: Claim, outcomes: tuple[Outcome, ...]) -> None:
        """Write what became of a claim; while the spool is unwell, keep trying: the outcome must not be forgotten."""
        at, dice = self._clock.now(), self._clock.dice()  # one for all: who waits together goes together
        fates = tuple(
            self._fate(lane, claim, recipient, outcome, at, dice)
            for recipient, outcome in zip(claim.recipients, outcomes, strict=True)
        )
        for fate in fates:
            _log_fate(claim, fate)
        settlement = Settlement(claim.spool_id, claim.lease, fates)
        pause_s = 1.0
        while True:
            try:
                lost = await self._spool.settle([settlement])
            except SpoolError as error:
                _LOG.error("settle.failed id=%s reason=%s", claim.spool_id, error)
                await asyncio.sleep(pause_s)
                pause_s = min(30.0, pause_s * 2)
            else:
                if lost:
                    _LOG.warning("claim.lost id=%s: another worker has settled it", claim.spool_id)
                for other in {fate.lane for fate in fates if fate.lane}:
                    self.accepted(other)
                return

    def _fate(
        self,
        lane: Lane,
        claim: Claim,
        recipient: ClaimedRecipient,
        outcome: Outcome,
        at: float,
        dice: float,
    ) -> Fate:
        """The rule's decision as the spool writes it; nobody is told who must not or wished not to be told."""
        others_pass = lane.passes(self._clock.mono())
        decision = decide(outcome, recipient.attempts, at, dice, self._policy, others_pass=others_pass)
        instead = (
            self.advice.instead_of(claim, recipient) if is_for_another_road(outcome, lane.route.kind) else ""
        )
        if instead:
            return Fate(recipient.n, State.QUEUED, outcome, at, counted=False, lane=instead)
        if decision.state == "held" and outcome.klass is not Class.SENDER:
            outcome = _set_aside(outcome, recipient.attempts + 1)
        state = State(decision.state)
        return Fate(
            recipient.n,
            state,
            outcome,
            decision.next_attempt_at,
            decision.counted,
            decision.possible_duplicate,
            debt_of(state, outcome, recipient.path.notify, claim.envelope.reverse_path),
        )

    async def _note(self, lane: Lane) -> None:
        try:
            await self._spool.note_lane(bulletin.say(lane, self._clock.now(), self._clock.mono()))
        except SpoolError as error:
            _LOG.warning("lane.not-noted lane=%s reason=%s", lane.name, error)

    # -- start and end ---------------------------------------------------------------------------------------

    async def _adopt_strays(self) -> None:
        """Once: mail of a route that is no longer configured goes to the first one; it must not wait for ever."""
        first = next(iter(self._lanes), None)
        for stray in await self._spool.due():
            if stray not in self._lanes and first is not None:
                n_moved = await self._spool.move_lane(stray, first)
                _LOG.warning("lane.gone lane=%s recipients=%d moved_to=%s", stray, n_moved, first)

    async def _return_ready(self, lane: Lane) -> None:
        """Claims that were never started go back untouched."""
        now = self._clock.now()
        back = [
            Settlement(
                claim.spool_id,
                claim.lease,
                tuple(Fate(r.n, State.QUEUED, None, now, counted=False) for r in claim.recipients),
            )
            for claim in lane.ready
        ]
        lane.ready.clear()
        await self._spool.settle(back)

    async def _renew(self) -> None:
        claims = [attempt.claim for attempt in self._attempts.values()]
        claims += [claim for lane in self._lanes.values() for claim in lane.ready]
        if claims:
            await self._spool.renew(claims, lease_until_at=self._clock.now() + LEASE_S)

    async def _sleep(self, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()


def _set_aside(outcome: Outcome, n_tries: int) -> Outcome:
    text = f"set aside after {n_tries} tries, while other mail passed; the last one: {outcome.reply_text}"
    return replace(outcome, klass=Class.MESSAGE, reply_text=text, row="set-aside")


def _sender(claim: Claim) -> str:
    return (claim.header_from or claim.envelope.reverse_path).lower()


def _log_fate(claim: Claim, fate: Fate) -> None:
    outcome = fate.outcome
    reply = outcome.reply_text if outcome else ""
    level = logging.INFO if fate.state is State.DELIVERED else logging.WARNING
    event = fate.state.value
    if fate.state is State.QUEUED:
        event = "uncertain" if fate.possible_duplicate else "deferred"
    if outcome is not None and outcome.klass is not None and not outcome.row:
        _LOG.error("reply.unknown id=%s lane=%s reply=%r", claim.spool_id, claim.lane, reply)
    _LOG.log(
        level, "recipient.%s id=%s n=%d lane=%s row=%s reply=%r",
        event, claim.spool_id, fate.n, claim.lane, outcome.row if outcome else "", reply,
    )  # fmt: skip
