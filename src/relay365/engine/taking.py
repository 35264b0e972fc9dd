"""Taking: one message on its way in, from MAIL to the commit; the replies that depend on the spool are made here.

Apart from the session so that what a transaction collected is one value, which is thrown away as a whole.
Invariant: store() gives a positive reply only after Intake.commit() has returned (docs/durability.md).
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace

from relay365.engine.contents.inlet import REFUSED, Case, Finished, Inlet
from relay365.engine.reception import RECIPIENT_OK, SENDER_OK, Reception
from relay365.errors import SpoolError
from relay365.mail import headers
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.client import NOBODY, Client
from relay365.rules.policy import is_kept
from relay365.smtp.events import ContentEnded, MailGiven, RcptGiven
from relay365.spool.api import Hold, Intake, NewMessage

_LOG = logging.getLogger("relay365.session")

GO_AHEAD = Reply.of(354, "", "Start mail input; end with <CRLF>.<CRLF>")
OUR_FAULT = Reply.of(451, "4.3.0", "Local error in processing, try again later")
LOOPING = Reply.of(554, "5.4.6", "Routing loop detected: too many Received fields")

_NOTHING = MailGiven("")  # between two transactions


class Taking:
    """One transaction. abandon() it, or store() it; then it is spent."""

    __slots__ = ("_failed", "_given", "_inlet", "_paths", "_refusals", "_tolerances", "needed")

    def __init__(self, given: MailGiven = _NOTHING) -> None:
        self._given = given
        self._refusals: list[str] = []
        self.needed: tuple[str, ...] = ()  # tolerances that only the content as a whole shows
        self._paths: list[ForwardPath] = []
        self._tolerances = set(given.tolerances)
        self._inlet: Inlet | None = None
        self._failed: SpoolError | None = None

    def open(self, refusal: Reply | None, client: Client) -> Reply:
        """MAIL: the reply to what policy says of its sender."""
        return self._softened(refusal, client, f"<{self._given.reverse_path}>") or SENDER_OK

    def add(self, event: RcptGiven, refusal: Reply | None = None, client: Client = NOBODY) -> Reply:
        """RCPT: one more recipient where policy lets it pass, or where the client's refused mail is kept; the reply."""
        reply = self._softened(refusal, client, f"<{event.path.address}>") or RECIPIENT_OK
        if reply.is_positive:
            self._paths.append(event.path)
            self._tolerances.update(event.tolerances)
        return reply

    def _softened(self, refusal: Reply | None, client: Client, whom: str) -> Reply | None:
        """None where the message is held for it instead (accept_then_report)."""
        if refusal is None or not is_kept(client, refusal):
            return refusal
        self._refusals.append(f"{whom}: {refusal}")
        return None

    def begin(self, here: Reception, facts: SubmitterFacts) -> Reply:
        """DATA: 354, or what the spool says instead."""
        case = Case(
            here.workshop, here.gate.client(facts), facts, self._given.reverse_path, self._given.smtputf8,
            here.offers.hostname, here.clock.now,
        )  # fmt: skip
        try:
            self._inlet = Inlet(here.spool, case)
        except SpoolError as error:
            return _refusal(error)
        return GO_AHEAD

    def write(self, octets: bytes) -> bool:
        """Take some of the content; False asks to stop reading until caught_up() returns."""
        if self._inlet is None or self._failed is not None:
            return True
        return self._inlet.write(octets)

    async def caught_up(self) -> None:
        """Wait for the disk. One that failed is answered at the final dot, not in mid-content."""
        if self._inlet is not None:
            try:
                await self._inlet.intake.drained()
            except SpoolError as error:
                self._failed = error

    async def store(self, here: Reception, facts: SubmitterFacts, ended: ContentEnded) -> Reply:
        """The commit point: the reply to the final dot. Whatever is not accepted is given back."""
        reply = OUR_FAULT
        try:
            reply = await self._store(here, facts, ended)
        except SpoolError as error:
            _LOG.error("spool.refused peer=%s reason=%s", facts.peer_address, error)
            reply = _refusal(error)
        finally:
            if not reply.is_positive:
                self.abandon()
        return reply

    def abandon(self) -> None:
        """Give back what was not committed."""
        if self._inlet is not None:
            self._inlet.intake.abandon()
            self._inlet = None

    async def _store(self, here: Reception, facts: SubmitterFacts, ended: ContentEnded) -> Reply:
        inlet, twins = self._inlet, here.workshop.twins
        if inlet is None:
            return OUR_FAULT
        if self._failed is not None:
            raise self._failed
        if twins is None:
            return await self._accept(here, facts, inlet, ended)
        fingerprint = inlet.fingerprint(self._envelope(self._given.reverse_path))
        known = await twins.id_of(fingerprint, here.clock.now())
        if known is not None:
            self.abandon()
            _LOG.warning(
                "message.duplicate id=%s peer=%s octets=%d", known, facts.peer_address, ended.size_octets
            )
            with contextlib.suppress(SpoolError):  # the message is ours already, whatever its history lacks
                await here.spool.note(known, "message.duplicate", f"came again from {facts.peer_address}")
            return _queued(known)
        async with twins.first(fingerprint, here.clock.now()) as first:
            reply = await self._accept(here, facts, inlet, ended)
            if reply.is_positive:
                first.spool_id = inlet.intake.spool_id
        return reply

    async def _accept(
        self, here: Reception, facts: SubmitterFacts, inlet: Inlet, ended: ContentEnded
    ) -> Reply:
        """Make it ours; gives the 250, or why not. Raises SpoolError."""
        done = inlet.finish()
        if done.n_received > headers.MAX_RECEIVED:
            return LOOPING
        if done.refusal is not None:
            _LOG.info("message.refused peer=%s reply=%r", facts.peer_address, str(done.refusal))
            return done.refusal
        envelope = self._envelope(done.plan.reverse_path)
        done = inlet.replaced(done, envelope)
        if self._refusals:
            done = replace(done, held=Hold(REFUSED, "; ".join(self._refusals)[:500]))
        if done.held is not None and here.gate.client(facts).kept_octets:
            done = replace(done, held=done.held._replace(owes=Debt.KEPT))
        if done.held is not None and done.held.row == REFUSED:
            _LOG.warning(
                "message.kept id=%s peer=%s reason=%r",
                inlet.intake.spool_id,
                facts.peer_address,
                done.held.reason,
            )
        self.needed = done.tolerances
        self._tolerances.update(ended.tolerances, done.tolerances)
        await self._commit(here, inlet.intake, self._message(here, facts, inlet.intake, done))
        _LOG.info(
            "message.accepted id=%s peer=%s from=%r to=%d octets=%d repairs=%d tolerated=%s",
            inlet.intake.spool_id, facts.peer_address, done.plan.reverse_path, len(self._paths), ended.size_octets,
            ended.repairs, ",".join(sorted(self._tolerances)),
        )  # fmt: skip
        return _queued(inlet.intake.spool_id)

    async def _commit(self, here: Reception, intake: Intake, message: NewMessage) -> None:
        """Make it durable, and hand it on: claimed already where its lane has room, else through the queue."""
        is_express = message.held is None and not message.lanes
        n_recipients = len(message.envelope.forward_paths)
        until_at = (
            here.express.reserve(message.lane, n_recipients)
            if here.express is not None and is_express
            else 0.0
        )
        claim = None
        try:
            claim = await intake.commit(replace(message, claim_until_at=until_at) if until_at else message)
        finally:
            if here.express is not None and until_at and claim is None:
                here.express.release(message.lane)
        if here.express is not None and claim is not None:
            here.express.take(claim)
        else:
            for lane in set(message.lanes) or {message.lane}:
                here.accepted(lane)

    def _envelope(self, reverse_path: str) -> Envelope:
        given = self._given
        return Envelope(reverse_path, tuple(self._paths), given.body, given.smtputf8, given.ret, given.envid)

    def _message(self, here: Reception, facts: SubmitterFacts, intake: Intake, done: Finished) -> NewMessage:
        plan, at = done.plan, here.clock.now()
        envelope = self._envelope(plan.reverse_path)
        trace = headers.TRACES[here.workshop.received](
            here.offers.hostname, intake.spool_id, envelope, facts, at
        )
        lanes = tuple(here.lanes_of(envelope, facts, intake.size_octets))
        return NewMessage(
            envelope, facts, lanes[0], at, at + here.keep_s, trace + plan.added, plan.message_id, plan.header_from,
            repairs=done.repairs, held=done.held, lanes=lanes if len(set(lanes)) > 1 else (),
        )  # fmt: skip


def _queued(spool_id: SpoolId) -> Reply:
    return Reply.of(250, "2.6.0", f"queued as {spool_id}")


def _refusal(error: SpoolError) -> Reply:
    return Reply.of(error.code, error.status, error.text)
