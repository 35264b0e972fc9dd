"""One SMTP session: pumps octets through the machine, asks policy, writes the spool, replies.

Everything that needs no waiting happens inside octets_received(), without a task. Four things wait, and while one
does, reading is paused or the machine holds further commands back: the check of a password, the TLS handshake, the
disk that is slower than the network, and the commit that must be done before the 250.
Invariant: the only 250 to a final dot is written after Intake.commit() has returned (docs/durability.md).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from relay365.clock import Clock
from relay365.errors import SpoolError, TransportError
from relay365.mail import headers
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.net.stream import Stream
from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentBlock,
    ContentEnded,
    ContentRefused,
    DataAsked,
    HeloGiven,
    MailGiven,
    RcptGiven,
    SessionEnded,
    Signal,
    TransactionReset,
)
from relay365.smtp.server import Limits, Offers, ServerSession
from relay365.smtp.states import Phase
from relay365.spool.api import Intake, NewMessage, Spool

_LOG = logging.getLogger("relay365.session")

OK = Reply.of(250, "2.0.0", "OK")
SENDER_OK = Reply.of(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply.of(250, "2.1.5", "Recipient OK")
GO_AHEAD = Reply.of(354, "", "Start mail input; end with <CRLF>.<CRLF>")
SIGNED_IN = Reply.of(235, "2.7.0", "Authentication successful")
NOT_SIGNED_IN = Reply.of(535, "5.7.8", "Authentication credentials invalid")
OUR_FAULT = Reply.of(451, "4.3.0", "Local error in processing, try again later")
SHUTTING_DOWN = Reply.of(421, "4.3.2", "Service shutting down, try again later")
TIMED_OUT = Reply.of(421, "4.4.2", "Timed out waiting for you")
LOOPING = Reply.of(554, "5.4.6", "Routing loop detected: too many Received fields")


class Gate(Protocol):
    """Who may do what; pure decisions. None means go on, a Reply refuses."""

    def connect(self, peer_address: str) -> Reply | None: ...
    def mail(self, facts: SubmitterFacts, event: MailGiven) -> Reply | None: ...
    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None: ...


@dataclass(frozen=True, slots=True)
class Reception:
    """What every session of one listener shares.

    lane_of gives the lane for an envelope; keep_s is how long a message may wait before it expires.
    verify checks a login; accepted is called with the lane after each commit.
    """

    name: str
    offers: Offers
    limits: Limits
    tls: ssl.SSLContext | None
    implicit_tls: bool
    gate: Gate
    verify: Callable[[str, str], Awaitable[bool]]
    spool: Spool
    lane_of: Callable[[Envelope, SubmitterFacts], str]
    keep_s: float
    accepted: Callable[[str], None]
    clock: Clock


class Session:
    """The host of one ServerSession; a Receiver of its Stream."""

    def __init__(self, reception: Reception, ended: Callable[[Session], None]) -> None:
        self._reception = reception
        self._ended = ended
        self._stream: Stream | None = None
        self._machine: ServerSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._mail = _Mail()
        self._deadline: asyncio.TimerHandle | None = None
        self._moved_at_mono = 0.0
        self.draining = False
        self.peer: tuple[str, int] = ("", 0)

    def __repr__(self) -> str:
        return f"<Session {self.peer[0]}:{self.peer[1]} {self._machine!r}>"

    # -- the stream's side ----------------------------------------------------------------------------------------

    def connected(self, stream: Stream) -> None:
        """Greet, or refuse by address; see net.stream.Receiver."""
        here = self._reception
        self._stream, self.peer = stream, stream.peer
        self._machine = ServerSession(here.offers, here.limits, peer=f"[{self.peer[0]}]", tls=stream.tls)
        refusal = here.gate.connect(self.peer[0])
        if refusal is not None:
            _LOG.warning("session.refused peer=%s reply=%r", self.peer[0], str(refusal))
            self._machine.refuse(refusal)
        else:
            self._machine.greet()
        self._moved_at_mono = here.clock.mono()
        self._arm()
        self._pump()

    def refuse(self, reply: Reply) -> None:
        """End the session now with a last reply, unless a message is being taken; then after it."""
        machine = self._machine
        if machine is None:
            return
        if machine.phase is Phase.CONTENT or self._task is not None:
            self.draining = True
        else:
            machine.refuse(reply)
            self._pump()

    def octets_received(self, octets: bytes) -> None:
        """See net.stream.Receiver."""
        if self._machine is None:
            return
        self._machine.receive(octets)
        if self._task is not None:
            if self._machine.n_waiting_octets > 64 * 1024 and self._stream is not None:
                self._stream.pause_reading()
            return
        self._pump()

    def eof_received(self) -> None:
        """See net.stream.Receiver."""
        if self._machine is not None and self._task is None:
            self._machine.receive_eof()
            self._pump()

    def disconnected(self, error: Exception | None) -> None:
        """Forget what was not accepted; see net.stream.Receiver."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._task is None:
            self._mail.abandon()
        self._machine = None
        self._ended(self)

    # -- the pump ---------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Take events until the machine needs octets or something must be waited for; then write what there is."""
        machine, stream = self._machine, self._stream
        if machine is None or stream is None:
            return
        while self._task is None:
            event = machine.next_event()
            if event is Signal.NEED_OCTETS:
                break
            self._moved_at_mono = self._reception.clock.mono()
            if event is Signal.NEED_TLS:
                stream.pause_reading()
                self._wait(self._handshake(machine, stream))
            elif isinstance(event, SessionEnded):
                stream.write(machine.octets_to_send())
                stream.close()
                return
            else:
                self._take(machine, event)
        stream.write(machine.octets_to_send())

    def _take(self, machine: ServerSession, event: Any) -> None:
        """One event: judge it at once, or begin to wait."""
        match event:
            case MailGiven():
                self._take_mail(machine, event)
            case RcptGiven(path=path):
                reply = self._reception.gate.rcpt(self._facts(machine), path) or RECIPIENT_OK
                if reply.is_positive:
                    self._mail.paths.append(path)
                machine.answer(reply)
            case DataAsked():
                machine.answer(self._begin_content())
            case ContentBlock(octets=octets):
                self._take_block(octets)
            case ContentEnded():
                self._wait(self._commit(machine, event))
            case AuthGiven(identity=identity, secret=secret):
                self._wait(self._sign_in(machine, identity, secret))
            case AuthMalformed():
                machine.answer(Reply.of(501, "5.5.2", "Cannot read the authentication response"))
            case TransactionReset() | ContentRefused() | HeloGiven():
                self._mail.abandon()
                self._mail = _Mail()

    def _take_mail(self, machine: ServerSession, event: MailGiven) -> None:
        reply = self._reception.gate.mail(self._facts(machine), event) or SENDER_OK
        if reply.is_positive:
            self._mail = _Mail(event)
        else:
            _LOG.info("mail.refused peer=%s from=%r reply=%r", self.peer[0], event.reverse_path, str(reply))
        machine.answer(reply)

    def _begin_content(self) -> Reply:
        try:
            self._mail.intake = self._reception.spool.begin()
        except SpoolError as error:
            return _refusal(error)
        return GO_AHEAD

    def _take_block(self, octets: bytes) -> None:
        mail = self._mail
        if mail.intake is None:
            return
        if len(mail.head) < headers.MAX_HEAD_OCTETS and not mail.has_whole_head:
            mail.head += octets
            mail.has_whole_head = b"\r\n\r\n" in mail.head[-len(octets) - 3 :]
        if not mail.intake.write(octets):
            self._wait(self._let_disk_catch_up(mail.intake))

    # -- what waits ---------------------------------------------------------------------------------------------------

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what waits, then pump on. An unforeseen fault is temporary, ours, and told nobody on the wire."""
        try:
            await work
        except Exception:
            _LOG.exception("session.failed peer=%s", self.peer[0])
            if self._machine is not None:
                self._machine.refuse(Reply.of(421, "4.3.0", OUR_FAULT.lines[0]))
        self._task = None
        if self._machine is None:  # the peer went away while we waited
            self._mail.abandon()
        elif self._stream is not None:
            if self.draining and self._machine.phase is not Phase.CONTENT:
                self._machine.refuse(SHUTTING_DOWN)
            self._stream.resume_reading()
            self._pump()

    async def _handshake(self, machine: ServerSession, stream: Stream) -> None:
        if self._reception.tls is None:
            raise TransportError("tls", "no certificate")
        stream.write(machine.octets_to_send())
        try:
            await stream.start_tls(self._reception.tls, server_side=True)
        except TransportError as error:
            _LOG.warning("tls.failed peer=%s reason=%s", self.peer[0], error)
            return
        machine.tls_started(stream.tls)

    async def _sign_in(self, machine: ServerSession, identity: str, secret: str) -> None:
        is_right = await self._reception.verify(identity, secret)
        if not is_right:
            _LOG.warning("login.refused peer=%s name=%r", self.peer[0], identity)
        machine.answer(SIGNED_IN if is_right else NOT_SIGNED_IN)

    async def _let_disk_catch_up(self, intake: Intake) -> None:
        """The network is faster than the disk. A disk that failed is answered at the final dot, not in mid-content."""
        if self._stream is not None:
            self._stream.pause_reading()
        try:
            await intake.drained()
        except SpoolError as error:
            self._mail.failed = error

    async def _commit(self, machine: ServerSession, event: ContentEnded) -> None:
        """The commit point of the session: reply 250 only after the spool has promised."""
        mail, self._mail = self._mail, _Mail()
        reply = await self._store(machine, mail, event)
        if self._machine is None:
            return  # the peer is gone; it may send again, the message is ours all the same
        if not reply.is_positive:
            mail.abandon()
        machine.answer(reply)

    async def _store(self, machine: ServerSession, mail: _Mail, event: ContentEnded) -> Reply:
        here = self._reception
        if mail.intake is None or mail.given is None:
            return OUR_FAULT
        if mail.failed is not None:
            return _refusal(mail.failed)
        head = headers.read_head(bytes(mail.head))
        if head.n_received > headers.MAX_RECEIVED:
            return LOOPING
        try:
            message = self._message(machine, mail, head)
            await mail.intake.commit(message)
        except SpoolError as error:
            _LOG.error("spool.refused peer=%s reason=%s", self.peer[0], error)
            return _refusal(error)
        _LOG.info(
            "message.accepted id=%s peer=%s from=%r to=%d octets=%d repairs=%d",
            mail.intake.spool_id, self.peer[0], mail.given.reverse_path, len(mail.paths), event.size_octets,
            event.repairs,
        )  # fmt: skip
        here.accepted(message.lane)
        return Reply.of(250, "2.6.0", f"queued as {mail.intake.spool_id}")

    def _message(self, machine: ServerSession, mail: _Mail, head: headers.HeadFacts) -> NewMessage:
        here, given, intake = self._reception, mail.given, mail.intake
        assert given is not None and intake is not None  # noqa: S101 - _store() has checked
        at = here.clock.now()
        envelope = Envelope(
            given.reverse_path, tuple(mail.paths), given.body, given.smtputf8, given.ret, given.envid
        )
        facts = self._facts(machine)
        hostname = here.offers.hostname
        trace = headers.received(hostname, intake.spool_id, envelope, facts, at)
        message_id = head.message_id
        if not message_id:  # without one, a message that was sent twice could not be recognised
            message_id = headers.new_message_id(hostname, intake.spool_id, at)
            trace += f"Message-ID: {message_id}\r\n".encode("ascii")
        lane = here.lane_of(envelope, facts)
        return NewMessage(envelope, facts, lane, at, at + here.keep_s, trace, message_id, head.header_from)

    # -- facts and deadlines --------------------------------------------------------------------------------------------

    def _facts(self, machine: ServerSession) -> SubmitterFacts:
        protocol = "ESMTP" if machine.extended else "SMTP"
        if machine.extended:  # RFC 3848
            protocol += "S" * bool(machine.tls) + "A" * bool(machine.identity)
        address, port = self.peer
        return SubmitterFacts(
            self._reception.name, address, port, machine.helo, protocol, machine.tls, machine.identity
        )

    def _arm(self) -> None:
        """Look again when the present deadline could have passed; one timer per session, never re-armed by octets."""
        limits = self._reception.limits
        phase = self._machine.phase if self._machine else None
        allowed_s = limits.content_s if phase is Phase.CONTENT else limits.command_s
        idle_s = self._reception.clock.mono() - self._moved_at_mono
        if self._machine is not None and self._task is None and idle_s >= allowed_s:
            _LOG.info("session.timed-out peer=%s phase=%s", self.peer[0], phase)
            self._mail.abandon()
            self._machine.refuse(TIMED_OUT)
            self._pump()
        elif self._machine is not None:
            wait_s = max(allowed_s - idle_s, 1.0)
            self._deadline = asyncio.get_running_loop().call_later(wait_s, self._arm)


class _Mail:
    """One transaction on its way in."""

    __slots__ = ("failed", "given", "has_whole_head", "head", "intake", "paths")

    def __init__(self, given: MailGiven | None = None) -> None:
        self.given = given
        self.paths: list[ForwardPath] = []
        self.intake: Intake | None = None
        self.head = bytearray()
        self.has_whole_head = False
        self.failed: SpoolError | None = None

    def abandon(self) -> None:
        """Give back what was not committed."""
        if self.intake is not None:
            self.intake.abandon()
            self.intake = None


def _refusal(error: SpoolError) -> Reply:
    return Reply.of(error.code, error.status, error.text)
