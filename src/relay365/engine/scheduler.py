"""Claims what is due, lane by lane, hands it to the route, settles the outcomes.

The scheduler acts; what may start is decided by engine.lane, what an outcome makes of a recipient by rules.retry.
One loop task fills the lanes; one task per attempt delivers and settles. A cancelled attempt has settled, or its
claim lapses at the next start and counts as uncertain; there is nothing in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from relay365.clock import Clock
from relay365.engine.lane import Lane
from relay365.errors import SpoolError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, Route
from relay365.rules.retry import Policy, decide
from relay365.rules.throttle import Slot
from relay365.spool.api import Claim, ClaimedRecipient, Fate, LaneNote, Settlement, Spool, State

_LOG = logging.getLogger("relay365.scheduler")

LEASE_S = 1800.0  # longer than the longest attempt: 30 s connect, 5 min per step, 10 min for the final dot
RENEW_S = 300.0
TICK_S = 1.0  # how soon a change made by the command line in the same data directory is seen
LOOK_AHEAD = 2  # claims per free connection, so that none starves while the next claim commits

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
    slot: Slot | None


class Scheduler:
    """All lanes of a relay. run() until stop()."""

    def __init__(self, spool: Spool, routes: Iterable[Route], clock: Clock, policy: Policy) -> None:
        self._spool, self._clock, self._policy = spool, clock, policy
        self._lanes = {route.lane: Lane(route) for route in routes}
        self._wake = asyncio.Event()
        self._attempts: dict[asyncio.Task[None], Attempt] = {}
        self._stopping = False
        self._ended_filling = asyncio.Event()
        self._n_spool_failures = 0

    def accepted(self, lane: str) -> None:
        """Something was committed to a lane: look at it at once."""
        if lane in self._lanes:
            self._lanes[lane].next_due_at = 0.0
            self._wake.set()

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes, for faces."""
        return tuple(self._lanes.values())

    async def run(self) -> None:
        """Fill the lanes until stop(); a spool that is unwell is asked again later."""
        await self._adopt_strays()
        renewed_mono = self._clock.mono()
        while not self._stopping:
            self._wake.clear()
            wait_s = TICK_S
            try:
                for lane in self._lanes.values():
                    wait_s = min(wait_s, await self._fill(lane))
                self._n_spool_failures = 0
            except SpoolError as error:
                self._n_spool_failures += 1
                wait_s = min(30.0, float(2**self._n_spool_failures))
                _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, wait_s)
            if self._clock.mono() - renewed_mono > RENEW_S:
                renewed_mono = self._clock.mono()
                await self._renew()
            await self._sleep(wait_s)
        await self._return_ready()
        self._ended_filling.set()

    async def stop(self, deadline_s: float) -> None:
        """Start nothing new; let what is on the wire settle until the deadline, then cancel it."""
        self._stopping = True
        self._wake.set()
        await asyncio.wait_for(self._ended_filling.wait(), deadline_s)
        if self._attempts:
            _, late = await asyncio.wait(list(self._attempts), timeout=deadline_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=2.0)
        for lane in self._lanes.values():
            await lane.route.close()

    # -- filling ----------------------------------------------------------------------------------------------------------

    async def _fill(self, lane: Lane) -> float:
        """Start what may start; gives the seconds after which to look again."""
        self._start_ready(lane)
        now, mono = self._clock.now(), self._clock.mono()
        room = lane.room(mono)
        wanted = room * LOOK_AHEAD - len(lane.ready) if lane.held is None else room - len(lane.ready)
        if room and wanted > 0 and now >= lane.next_due_at:
            claims = await self._spool.claim(lane.name, limit=wanted, now=now, lease_until_at=now + LEASE_S)
            lane.ready.extend(claims)
            self._start_ready(lane)
            if len(claims) < wanted:
                await self._look_ahead(lane, now)
            else:
                return 0.0
        opens = lane.opens_at(mono)
        return TICK_S if opens is None else max(0.01, opens - mono)

    async def _look_ahead(self, lane: Lane, now: float) -> None:
        """Nothing more is due: remember when the next will be. A commit in between has set 0 and is not overwritten."""
        lane.next_due_at = now + TICK_S
        due_at = (await self._spool.due()).get(lane.name)
        if due_at is not None and lane.next_due_at:
            lane.next_due_at = min(lane.next_due_at, due_at)

    def _start_ready(self, lane: Lane) -> None:
        mono = self._clock.mono()
        while lane.ready and not self._stopping:
            claim = lane.ready[0]
            if lane.stopped_sender(_sender(claim), mono):
                lane.ready.popleft()
                self._spawn(self._refuse_stopped(lane, claim), Attempt(lane, claim, None))
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

    # -- one attempt --------------------------------------------------------------------------------------------------------

    async def _attempt(self, attempt: Attempt) -> None:
        lane, claim = attempt.lane, attempt.claim
        consignment = Consignment(
            claim.spool_id, claim.envelope, claim.content, claim.trace, claim.header_from
        )
        try:
            outcomes = await lane.route.deliver(consignment)
        except Exception as error:
            _LOG.exception("route.failed id=%s lane=%s", claim.spool_id, lane.name)
            text = f"fault in route {lane.name}: {type(error).__name__}"
            fault = Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row="route-fault")
            outcomes = (fault,) * len(claim.recipients)
        except asyncio.CancelledError:
            lane.n_in_flight -= 1
            raise
        changed = lane.finish(attempt.slot, _sender(claim), outcomes, self._clock.mono(), self._clock.dice())
        self._wake.set()  # the connection is free; the commit below need not hold up the next message
        await self._settle(claim, outcomes)
        if changed or lane.held is not None:
            await self._note(lane)

    async def _refuse_stopped(self, lane: Lane, claim: Claim) -> None:
        await self._settle(claim, (SENDER_STOPPED,) * len(claim.recipients))

    async def _settle(self, claim: Claim, outcomes: tuple[Outcome, ...]) -> None:
        """Write what became of a claim; while the spool is unwell, keep trying: the outcome must not be forgotten."""
        now = self._clock.now()
        fates = tuple(
            self._fate(claim, recipient, outcome, now)
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
                return

    def _fate(self, claim: Claim, recipient: ClaimedRecipient, outcome: Outcome, now: float) -> Fate:
        """The rule's decision as the spool writes it; nobody is told who must not or wished not to be told."""
        decision = decide(outcome, recipient.attempts, now, self._clock.dice(), self._policy)
        wants_report = claim.envelope.reverse_path != "" and "NEVER" not in recipient.path.notify
        return Fate(
            recipient.n,
            State(decision.state),
            outcome,
            decision.next_attempt_at,
            decision.counted,
            decision.possible_duplicate,
            decision.owes_report and wants_report,
        )

    async def _note(self, lane: Lane) -> None:
        now = self._clock.now()
        reason = lane.held or lane.gate_reason
        gate_at = now + max(0.0, lane.gate_until - self._clock.mono()) if reason else 0.0
        note = LaneNote(
            lane=lane.name,
            held=lane.held.reply_text if lane.held else "",
            klass=reason.klass.value if reason and reason.klass else "",
            row=reason.row if reason else "",
            since_at=now if reason else 0.0,
            gate_until_at=gate_at,
            last_success_at=0.0 if reason else now,
        )
        if lane.held is not None:
            _LOG.error("lane.held lane=%s row=%s reply=%r", lane.name, note.row, note.held)
        try:
            await self._spool.note_lane(note)
        except SpoolError as error:
            _LOG.warning("lane.not-noted lane=%s reason=%s", lane.name, error)

    # -- start and end --------------------------------------------------------------------------------------------------------

    async def _adopt_strays(self) -> None:
        """Mail of a route that is no longer configured goes to the first route; it must not wait for ever."""
        first = next(iter(self._lanes), None)
        for stray in await self._spool.due():
            if stray not in self._lanes and first is not None:
                n_moved = await self._spool.move_lane(stray, first)
                _LOG.warning("lane.gone lane=%s recipients=%d moved_to=%s", stray, n_moved, first)

    async def _return_ready(self) -> None:
        """Claims that were never started go back untouched."""
        now = self._clock.now()
        for lane in self._lanes.values():
            for claim in lane.ready:
                fates = tuple(Fate(r.n, State.QUEUED, None, now, counted=False) for r in claim.recipients)
                await self._spool.settle([Settlement(claim.spool_id, claim.lease, fates)])
            lane.ready.clear()

    async def _renew(self) -> None:
        claims = [attempt.claim for attempt in self._attempts.values()]
        claims += [claim for lane in self._lanes.values() for claim in lane.ready]
        if claims:
            await self._spool.renew(claims, lease_until_at=self._clock.now() + LEASE_S)

    async def _sleep(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), wait_s)
        except TimeoutError:
            return


def _sender(claim: Claim) -> str:
    return (claim.header_from or claim.envelope.reverse_path).lower()


def _log_fate(claim: Claim, fate: Fate) -> None:
    outcome = fate.outcome
    reply = outcome.reply_text if outcome else ""
    level = logging.INFO if fate.state is State.DELIVERED else logging.WARNING
    event = {State.QUEUED: "deferred"}.get(fate.state, fate.state.value)
    _LOG.log(
        level, "recipient.%s id=%s n=%d lane=%s row=%s reply=%r",
        event, claim.spool_id, fate.n, claim.lane, outcome.row if outcome else "", reply,
    )  # fmt: skip
