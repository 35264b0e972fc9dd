"""Settling: outcomes in, fates out, durably. What an outcome makes of a recipient is decided by rules.retry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from relay365.clock import Clock
from relay365.engine.lane import Lane
from relay365.engine.reports.debts import debt_of
from relay365.engine.roads.advice import Advice, NoAdvice, is_for_another_road
from relay365.errors import SpoolError
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.rules.retry import Policy, decide
from relay365.spool.api import Claim, ClaimedRecipient, Fate, Settlement, Spool, State

_LOG = logging.getLogger("relay365.scheduler")


class Settling:
    """One per scheduler. advice is set by whoever knows the roads; policy may be replaced at any time.

    longest_pause_s: whatever the policy says, as long as somebody waits for the end of the queue.
    """

    def __init__(self, spool: Spool, clock: Clock, policy: Policy) -> None:
        self._spool, self._clock, self.policy = spool, clock, policy
        self.advice: Advice = NoAdvice()
        self.longest_pause_s = float("inf")

    async def settle(self, lane: Lane, parcel: Sequence[tuple[Claim, Sequence[Outcome]]]) -> set[str]:
        """Write what became of the claims of one transaction, in one commit; gives the other lanes that have got mail.

        While the spool is unwell it keeps trying: the outcome must not be forgotten.
        """
        when = self._clock.now(), self._clock.dice()  # one for all: who waits together goes together
        settlements = [self._settlement(lane, claim, outcomes, when) for claim, outcomes in parcel]
        pause_s = 1.0
        while True:
            try:
                lost = await self._spool.settle(settlements)
            except SpoolError as error:
                _LOG.error("settle.failed id=%s reason=%s", settlements[0].spool_id, error)
                await asyncio.sleep(pause_s)
                pause_s = min(30.0, pause_s * 2)
            else:
                for spool_id in lost:
                    _LOG.warning("claim.lost id=%s: another worker has settled it", spool_id)
                return {fate.lane for one in settlements for fate in one.fates if fate.lane}

    def _settlement(
        self, lane: Lane, claim: Claim, outcomes: Sequence[Outcome], when: tuple[float, float]
    ) -> Settlement:
        fates = tuple(
            self._fate(lane, claim, recipient, outcome, when)
            for recipient, outcome in zip(claim.recipients, outcomes, strict=True)
        )
        for fate in fates:
            _log_fate(claim, fate)
        return Settlement(claim.spool_id, claim.lease, fates)

    async def give_back(self, claims: Sequence[Claim]) -> None:
        """Claims that were never started go back to the queue, untouched."""
        now = self._clock.now()
        await self._spool.settle(
            [
                Settlement(
                    claim.spool_id,
                    claim.lease,
                    tuple(Fate(r.n, State.QUEUED, None, now, counted=False) for r in claim.recipients),
                )
                for claim in claims
            ]
        )

    def _fate(
        self,
        lane: Lane,
        claim: Claim,
        recipient: ClaimedRecipient,
        outcome: Outcome,
        when: tuple[float, float],
    ) -> Fate:
        """The rule's decision as the spool writes it; nobody is told who must not or wished not to be told."""
        others_pass = lane.passes(self._clock.mono())
        hurries = outcome.kind is not Kind.UNCERTAIN  # each further try of one may be a duplicate
        policy = self.policy.at_most(self.longest_pause_s) if hurries else self.policy
        decision = decide(outcome, recipient.attempts, *when, policy, others_pass=others_pass)
        instead = (
            self.advice.instead_of(claim, recipient) if is_for_another_road(outcome, lane.route.kind) else ""
        )
        if instead:
            return Fate(recipient.n, State.QUEUED, outcome, when[0], counted=False, lane=instead)
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


def _set_aside(outcome: Outcome, n_tries: int) -> Outcome:
    text = f"set aside after {n_tries} tries, while other mail passed; the last one: {outcome.reply_text}"
    return replace(outcome, klass=Class.MESSAGE, reply_text=text, row="set-aside")


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
