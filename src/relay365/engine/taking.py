"""Taking: one message on its way in, from MAIL to the commit; the replies that depend on the spool are made here.

Apart from the session so that what a transaction collected is one value, which is thrown away as a whole.
Invariant: store() gives a positive reply only after Intake.commit() has returned (docs/durability.md).
"""

from __future__ import annotations

import contextlib
import logging
from typing import NamedTuple

from relay365.engine.contents.inlet import REFUSED, Case, Finished, Inlet
from relay365.engine.contents.twins import Twins
from relay365.engine.reception import RECIPIENT_OK, SENDER_OK, Reception
from relay365.errors import SpoolError, SpoolFull
from relay365.mail import headers
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.refusals import keeping
from relay365.mail.status import Reply
from relay365.rules.client import NOBODY, Client
from relay365.rules.policy import is_kept
from relay365.smtp.events import ContentEnded, MailGiven, RcptGiven
from relay365.spool.api import Hold, NewMessage
from relay365.spool.waiting.heads import flow_of

_LOG = logging.getLogger("relay365.session")
_is_told = _LOG.isEnabledFor

GO_AHEAD = Reply.of(354, "", "Start mail input; end with <CRLF>.<CRLF>")
OUR_FAULT = keeping.OUR_FAULT.said()
LOOPING = keeping.LOOPING.said()

_NOTHING = MailGiven("")  # between two transactions


class Taking:
    """One transaction. abandon() it, or store() it; then it is spent."""

    __slots__ = (
        "_failed",
        "_given",
        "_inlet",
        "_paths",
        "_refusals",
        "_tolerances",
        "needed",
        "piece",
        "spool_id",
    )

    def __init__(self, given: MailGiven = _NOTHING) -> None:
        self._given = given
        self._refusals: list[str] = []
        self.needed: tuple[str, ...] = ()  # tolerances that only the content as a whole shows
        self.piece = ""  # of a divided message, which one it is
        self.spool_id: SpoolId | None = None  # its name, once it is ours
        self._paths: list[ForwardPath] = []
        self._tolerances = given.tolerances
        self._inlet: Inlet | None = None
        self._failed: SpoolError | None = None

    def open(self, refusal: Reply | None, client: Client) -> Reply:
        """MAIL: the reply to what policy says of its sender."""
        if refusal is None:
            return SENDER_OK
        return self._softened(refusal, client, f"<{self._given.reverse_path}>") or SENDER_OK

    def add(self, event: RcptGiven, refusal: Reply | None = None, client: Client = NOBODY) -> Reply:
        """RCPT: one more recipient where policy lets it pass, or where the client's refused mail is kept; the reply."""
        reply = RECIPIENT_OK
        if refusal is not None:
            reply = self._softened(refusal, client, f"<{event.path.address}>") or RECIPIENT_OK
        if reply.is_positive:
            self._paths.append(event.path)
            self._tolerances += event.tolerances
        return reply

    def _softened(self, refusal: Reply, client: Client, whom: str) -> Reply | None:
        """None where the message is held for it instead (accept_then_report)."""
        if not is_kept(client, refusal):
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
        reply, inlet = OUR_FAULT, self._inlet
        try:
            if self._failed is not None:
                raise self._failed
            if inlet is not None and here.workshop.twins is not None:
                reply = await self._accept_once((here, here.workshop.twins), facts, inlet, ended)
            elif inlet is not None:
                reply = await self._accept(here, facts, inlet, ended)
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

    async def _accept_once(
        self, where: tuple[Reception, Twins], facts: SubmitterFacts, inlet: Inlet, ended: ContentEnded
    ) -> Reply:
        """As _accept(), but a message that came a short while ago is not accepted again."""
        here, twins = where
        fingerprint = inlet.fingerprint(self._envelope(self._given.reverse_path))
        known = await twins.id_of(fingerprint, here.clock.now())
        if known is not None:
            self.abandon()
            _LOG.warning(
                "message.duplicate id=%s peer=%s octets=%d", known, facts.peer_address, ended.size_octets
            )
            with contextlib.suppress(SpoolError):  # the message is ours already, whatever its history lacks
                await here.spool.note(known, "message.duplicate", f"came again from {facts.peer_address}")
            return self._queued(known)
        async with twins.first(fingerprint, here.clock.now()) as first:
            reply = await self._accept(here, facts, inlet, ended)
            first.spool_id = self.spool_id
        return reply

    async def _accept(
        self, here: Reception, facts: SubmitterFacts, inlet: Inlet, ended: ContentEnded
    ) -> Reply:
        """Make it ours, and hand it on: claimed already where its lane has room, else through the queue.

        Gives the 250, or why not. Raises SpoolError.
        """
        done = self._judged(here, facts, inlet)
        if isinstance(done, Reply):
            return done
        intake, express, claim = inlet.intake, here.express, None
        envelope = self._envelope(done.plan.reverse_path)
        lanes = tuple(here.lanes_of(envelope, facts, intake.size_octets))
        is_one = len(lanes) == 1 or len(set(lanes)) == 1
        until_at = 0.0
        if express is not None and is_one and done.held is None:
            until_at = express.reserve(lanes[0], len(lanes), flow_of(facts))
        way = _Way(intake.spool_id, envelope, lanes[0], () if is_one else lanes, until_at)
        try:
            claim = await intake.commit(_message(here, facts, done, way))
        finally:
            if express is not None and until_at and claim is None:
                express.release(way.lane)
        if express is not None and claim is not None:
            express.take(claim)
        else:
            for lane in set(way.lanes) or (way.lane,):
                here.accepted(lane)
        here.gate.took(facts, intake.size_octets)
        self.needed, self.piece = done.tolerances, done.plan.piece
        if _is_told(logging.INFO):
            self._log(facts, way, ended)
        return self._queued(way.spool_id)

    def _judged(self, here: Reception, facts: SubmitterFacts, inlet: Inlet) -> Finished | Reply:
        """What will be stored of the content, or why nothing will be. Raises SpoolError."""
        done = inlet.finish(
            lambda plan: here.lanes_of(self._envelope(plan.reverse_path), facts, inlet.n_octets)
        )
        if done.n_received > headers.MAX_RECEIVED:
            return LOOPING
        if done.refusal is not None:
            _LOG.info("message.refused peer=%s reply=%r", facts.peer_address, str(done.refusal))
            return done.refusal
        if inlet.is_replaced:
            done = inlet.replaced(done, self._envelope(done.plan.reverse_path))
        if self._refusals:
            done = done._replace(held=Hold(REFUSED, "; ".join(self._refusals)[:500]))
        if done.held is None:
            return done
        if here.gate.client(facts).kept_octets:
            done = done._replace(held=done.held._replace(owes=Debt.KEPT))
        if done.held is not None and done.held.row == REFUSED:
            reason, spool_id = done.held.reason, inlet.intake.spool_id
            _LOG.warning("message.kept id=%s peer=%s reason=%r", spool_id, facts.peer_address, reason)
        return done

    def _envelope(self, reverse_path: str) -> Envelope:
        given = self._given
        return Envelope(reverse_path, tuple(self._paths), given.body, given.smtputf8, given.ret, given.envid)

    def _queued(self, spool_id: SpoolId) -> Reply:
        self.spool_id = spool_id
        return Reply.of(250, "2.6.0", f"queued as {spool_id}")

    def _log(self, facts: SubmitterFacts, way: _Way, ended: ContentEnded) -> None:
        tolerated = {*self._tolerances, *ended.tolerances, *self.needed}
        _LOG.info(
            "message.accepted id=%s peer=%s from=%r to=%d octets=%d repairs=%d tolerated=%s",
            way.spool_id, facts.peer_address, way.envelope.reverse_path, len(self._paths), ended.size_octets,
            ended.repairs, ",".join(sorted(tolerated)),
        )  # fmt: skip


class _Way(NamedTuple):
    """Where a message goes. lanes: one for each recipient where they differ; until_at: 0, or how long it is claimed."""

    spool_id: SpoolId
    envelope: Envelope
    lane: str
    lanes: tuple[str, ...]
    until_at: float


def _message(here: Reception, facts: SubmitterFacts, done: Finished, way: _Way) -> NewMessage:
    plan, at = done.plan, here.clock.now()
    trace = headers.TRACES[here.workshop.received](
        here.offers.hostname, way.spool_id, way.envelope, facts, at
    )
    return NewMessage(
        way.envelope, facts, way.lane, at, at + here.keep_s, trace + plan.added, plan.message_id, plan.header_from,
        claim_until_at=way.until_at, repairs=done.repairs, held=done.held, lanes=way.lanes,
    )  # fmt: skip


def _refusal(error: SpoolError) -> Reply:
    return keeping.DISK_FULL.said() if isinstance(error, SpoolFull) else OUR_FAULT
