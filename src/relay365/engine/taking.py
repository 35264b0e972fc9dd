"""Taking: one message on its way in, from MAIL to the commit; the replies that depend on the spool are made here.

Apart from the session so that what a transaction collected is one value, which is thrown away as a whole.
Invariant: store() gives a positive reply only after Intake.commit() has returned (docs/durability.md).
"""

from __future__ import annotations

import logging
from dataclasses import replace

from relay365.engine.reception import Reception
from relay365.errors import SpoolError
from relay365.mail import headers
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.smtp.events import ContentEnded, MailGiven, RcptGiven
from relay365.spool.api import Intake, NewMessage, Spool

_LOG = logging.getLogger("relay365.session")

GO_AHEAD = Reply.of(354, "", "Start mail input; end with <CRLF>.<CRLF>")
OUR_FAULT = Reply.of(451, "4.3.0", "Local error in processing, try again later")
LOOPING = Reply.of(554, "5.4.6", "Routing loop detected: too many Received fields")

_NOTHING = MailGiven("")  # between two transactions


class Taking:
    """One transaction. abandon() it, or store() it; then it is spent."""

    __slots__ = ("_failed", "_given", "_has_whole_head", "_head", "_intake", "_paths", "_tolerances")

    def __init__(self, given: MailGiven = _NOTHING) -> None:
        self._given = given
        self._paths: list[ForwardPath] = []
        self._tolerances = set(given.tolerances)
        self._intake: Intake | None = None
        self._head = bytearray()
        self._has_whole_head = False
        self._failed: SpoolError | None = None

    def add(self, event: RcptGiven) -> None:
        """One more recipient that policy lets pass."""
        self._paths.append(event.path)
        self._tolerances.update(event.tolerances)

    def begin(self, spool: Spool) -> Reply:
        """DATA: 354, or what the spool says instead."""
        try:
            self._intake = spool.begin()
        except SpoolError as error:
            return _refusal(error)
        return GO_AHEAD

    def write(self, octets: bytes) -> bool:
        """Take some of the content; False asks to stop reading until caught_up() returns."""
        if self._intake is None or self._failed is not None:
            return True
        if len(self._head) < headers.MAX_HEAD_OCTETS and not self._has_whole_head:
            self._head += octets
            self._has_whole_head = b"\r\n\r\n" in self._head[-len(octets) - 3 :]
        return self._intake.write(octets)

    async def caught_up(self) -> None:
        """Wait for the disk. One that failed is answered at the final dot, not in mid-content."""
        if self._intake is not None:
            try:
                await self._intake.drained()
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
        if self._intake is not None:
            self._intake.abandon()
            self._intake = None

    async def _store(self, here: Reception, facts: SubmitterFacts, ended: ContentEnded) -> Reply:
        intake = self._intake
        if intake is None:
            return OUR_FAULT
        if self._failed is not None:
            raise self._failed
        head = headers.read_head(bytes(self._head))
        if head.n_received > headers.MAX_RECEIVED:
            return LOOPING
        message = self._message(here, facts, intake, head)
        await self._commit(here, intake, message)
        _LOG.info(
            "message.accepted id=%s peer=%s from=%r to=%d octets=%d repairs=%d tolerated=%s",
            intake.spool_id, facts.peer_address, self._given.reverse_path, len(self._paths), ended.size_octets,
            ended.repairs, ",".join(sorted(self._tolerances)),
        )  # fmt: skip
        return Reply.of(250, "2.6.0", f"queued as {intake.spool_id}")

    async def _commit(self, here: Reception, intake: Intake, message: NewMessage) -> None:
        """Make it durable, and hand it on: claimed already where its lane has room, else through the queue."""
        until_at = here.express.reserve(message.lane) if here.express is not None else 0.0
        claim = None
        try:
            claim = await intake.commit(replace(message, claim_until_at=until_at) if until_at else message)
        finally:
            if here.express is not None and until_at and claim is None:
                here.express.release(message.lane)
        if here.express is not None and claim is not None:
            here.express.take(claim)
        else:
            here.accepted(message.lane)

    def _message(
        self, here: Reception, facts: SubmitterFacts, intake: Intake, head: headers.HeadFacts
    ) -> NewMessage:
        given, at, hostname = self._given, here.clock.now(), here.offers.hostname
        envelope = Envelope(
            given.reverse_path, tuple(self._paths), given.body, given.smtputf8, given.ret, given.envid
        )
        trace = headers.received(hostname, intake.spool_id, envelope, facts, at)
        message_id = head.message_id
        if not message_id:  # without one, a message that was sent twice could not be recognised
            message_id = headers.new_message_id(hostname, intake.spool_id, at)
            trace += f"Message-ID: {message_id}\r\n".encode("ascii")
        lane = here.lane_of(envelope, facts)
        return NewMessage(envelope, facts, lane, at, at + here.keep_s, trace, message_id, head.header_from)


def _refusal(error: SpoolError) -> Reply:
    return Reply.of(error.code, error.status, error.text)
