"""One SMTP session: pumps octets through the machine, asks policy, writes the spool, replies.

Everything that needs no waiting happens inside octets_received(), without a task. Five things wait, and while one
does, reading is paused or the machine holds further commands back: the check of a password, the TLS handshake, the
disk that is slower than the network, a peer that reads slower than it asks, and the commit that must be done before
the 250. A peer that goes away meanwhile changes nothing: what was begun is finished or given back.
Invariant: the only 250 to a final dot is written after Intake.commit() has returned (docs/durability.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Coroutine
from typing import Any

from relay365.engine.blackbox.reading import REMARK
from relay365.engine.doors.visitor import Visitor
from relay365.engine.patience import Patience
from relay365.engine.reception import Gate, Reception
from relay365.engine.taking import Taking
from relay365.errors import TransportError
from relay365.mail.refusals import entering, keeping
from relay365.mail.status import Reply
from relay365.net.stream import Stream
from relay365.rules.client import unproved
from relay365.smtp import events
from relay365.smtp.server import ServerSession
from relay365.smtp.states import Phase

__all__ = ["Gate", "Reception", "Session"]

_LOG = logging.getLogger("relay365.session")

_NEED_OCTETS = events.Signal.NEED_OCTETS
_HELD_BACK_OCTETS = 64 * 1024  # what a peer may pipeline behind something that waits before reading is paused
_LOOK_AGAIN_S = 1.0  # a deadline that passed while we worked is looked at again then

SIGNED_IN = Reply.of(235, "2.7.0", "Authentication successful")
NOT_SIGNED_IN = entering.WRONG_LOGIN.said()
OUR_FAULT = keeping.SESSION_FAULT.said()
SHUTTING_DOWN = keeping.SHUTTING_DOWN.said()
TIMED_OUT = keeping.TIMED_OUT.said()
BARE_LF_END = keeping.BARE_LF_END.said()
PROXY_OK = Reply.of(220, "", "Said by the machine as its banner")
NOT_READABLE = entering.LOGIN_NOT_READABLE.said()


class Session:
    """The host of one ServerSession; a Receiver of its Stream."""

    def __init__(self, reception: Reception, ended: Callable[[Session], None]) -> None:
        self._reception = reception
        self._ended = ended
        self._stream: Stream | None = None
        self._machine: ServerSession | None = None
        self._task: asyncio.Task[None] | None = None
        self._mail = Taking()
        self._deadline: asyncio.TimerHandle | None = None
        self._patience = Patience(reception.limits, reception.clock.mono())
        self._at_end = False
        self._visitor = Visitor(reception)
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
        self._visitor.record.tally.tolerated = self._machine.counts.tolerated
        self._recognise(self._machine)
        refusal = here.gate.connect(self.peer[0])
        if refusal is not None:
            _LOG.warning("session.refused peer=%s reply=%r", self.peer[0], str(refusal))
            self._machine.refuse(refusal)
        else:
            self._machine.greet()
        self._arm()
        self._pump()

    def refuse(self, reply: Reply, spare: Container[Phase] = ()) -> None:
        """End the session now with a last reply, unless a message is being taken; then after it. Not in `spare`."""
        machine = self._machine
        if machine is None or machine.phase in spare:
            return
        if machine.phase is Phase.CONTENT or self._task is not None:
            self.draining = True
        else:
            machine.refuse(reply)
            self._pump()

    def remark(self, words: str) -> None:
        """Keep what a person should know of this connection, and what no octets of the dialogue say."""
        self._visitor.record.note(REMARK + words)

    def turned_away(self, words: str) -> None:
        """There was no session, and there will be none: keep why."""
        self.remark(words)
        self._visitor.came_to_no_word(self.peer)
        self._visitor.leaves()

    def abort(self) -> None:
        """Cut the connection; what was not accepted is forgotten."""
        if self._stream is not None:
            self._stream.abort()

    def octets_received(self, octets: bytes) -> None:
        """See net.stream.Receiver."""
        machine = self._machine
        if machine is None:
            return
        self._visitor.record.heard(octets, is_secret=machine.phase is Phase.SASL)
        machine.receive(octets)
        if self._task is None:
            self._pump()
        elif machine.n_waiting_octets > _HELD_BACK_OCTETS and self._stream is not None:
            self._stream.pause_reading()
        if machine.looks_ended:
            self._visitor.record.content_seems_over()
            self._patience.content_seems_over(self._reception.clock.mono())
            self._arm()

    def eof_received(self) -> None:
        """See net.stream.Receiver. Whoever says all at once and then no more still reads our replies."""
        if self._machine is None or self._stream is None:
            return
        self._at_end = True
        self._stream.stay_open()
        if self._task is None:
            self._pump()

    def disconnected(self, error: Exception | None) -> None:
        """Forget what was not accepted; see net.stream.Receiver."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._machine is None:
            self._visitor.came_to_no_word(self.peer)
        self._machine = None
        if self._task is None:
            self._leave()
        self._ended(self)

    def _leave(self) -> None:
        """Nothing of this connection is needed any more; its stream leads back to us, so let go of it."""
        self._mail.abandon()
        self._visitor.leaves()
        self._stream = self._deadline = None

    # -- the pump ---------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Take events until the machine needs octets or something must be waited for; then write what there is."""
        machine, stream = self._machine, self._stream
        if machine is None or stream is None:
            return
        while self._task is None:
            event = machine.next_event()
            if event is _NEED_OCTETS:
                if machine.phase is Phase.ENDED or not self._is_over(machine):
                    break
            elif event is events.Signal.NEED_TLS:
                stream.pause_reading()
                self._wait(self._handshake(machine, stream))
            elif isinstance(event, events.SessionEnded):
                self._visitor.record.ends(event.reason)
                self._end(machine, stream)
                return
            else:
                self._take(machine, event)
        self._patience.lines_read(machine.counts.lines, self._reception.clock.mono())
        self._send(machine, stream)
        if stream.is_congested and self._task is None:
            self._wait(self._let_peer_catch_up(stream))

    def _is_over(self, machine: ServerSession) -> bool:
        """Whether there is no reason to wait for more octets; then SessionEnded comes next."""
        if self._at_end:
            machine.receive_eof()
        elif self.draining and machine.phase is not Phase.CONTENT:
            machine.refuse(SHUTTING_DOWN)
        else:
            return False
        return True

    def _send(self, machine: ServerSession, stream: Stream) -> None:
        octets = machine.octets_to_send()
        if octets:
            self._visitor.record.said(octets)
            stream.write(octets)

    def _end(self, machine: ServerSession, stream: Stream) -> None:
        self._send(machine, stream)
        self._patience.ends(self._reception.clock.mono())
        self._arm()
        stream.close()

    def _take(self, machine: ServerSession, event: Any) -> None:
        """One event: judge it at once, or begin to wait."""
        match event:
            case events.MailGiven():
                self._take_mail(machine, event)
            case events.RcptGiven():
                self._take_rcpt(machine, event)
            case events.DataAsked():
                self._take_data(machine)
            case events.ContentBlock(octets=octets):
                self._take_block(octets)
            case events.ContentEnded():
                self._patience.content_ends(self._reception.clock.mono())
                self._visitor.record.content_ends(machine.n_waiting_octets)
                self._wait(self._commit(machine, event))
            case events.AuthGiven(identity=identity, secret=secret):
                self._wait(self._sign_in(machine, identity, secret))
            case events.AuthMalformed():
                machine.answer(NOT_READABLE)
            case events.XclientGiven():
                self._take_proxy(machine, event)
            case events.TransactionReset():
                self._forget()
            case events.ContentRefused(reply=reply):
                self._visitor.record.content_ends(machine.n_waiting_octets)
                self._visitor.record.answered(reply)
                self._forget()
            case events.HeloGiven():
                self._forget()
                self._recognise(machine)

    def _forget(self) -> None:
        self._mail.abandon()
        self._mail = Taking()

    def _take_mail(self, machine: ServerSession, event: events.MailGiven) -> None:
        mail, record = Taking(event), self._visitor.record
        reply = mail.open(self._reception.gate.mail(self._visitor.who, event), record.client)
        record.tally.reverse_path = event.reverse_path
        record.answered(reply)
        if reply.is_positive:
            self._mail = mail
        else:
            _LOG.info("mail.refused peer=%s from=%r reply=%r", self.peer[0], event.reverse_path, str(reply))
        machine.answer(reply)

    def _take_proxy(self, machine: ServerSession, event: events.XclientGiven) -> None:
        """A proxy that is trusted says for whom it speaks; from now on that is the peer, but for our limits."""
        address = event.address or self.peer[0]
        self._forget()
        reply = self._reception.gate.connect(address) or PROXY_OK
        machine.answer(reply)
        if reply.is_positive:
            self._visitor.stands_for(machine, (address, event.port))
            self._recognise(machine)

    def _take_rcpt(self, machine: ServerSession, event: events.RcptGiven) -> None:
        record = self._visitor.record
        refusal = self._reception.gate.rcpt(self._visitor.who, event.path)
        reply = self._mail.add(event, refusal, record.client)
        record.answered(reply)
        machine.answer(reply)

    def _take_data(self, machine: ServerSession) -> None:
        reply = self._mail.begin(self._reception, self._visitor.who)
        if reply.is_positive:
            self._patience.content_begins(self._reception.clock.mono())
            self._visitor.record.content_begins(machine.n_waiting_octets)
            self._arm_for(self._reception.limits.content_s)
        machine.answer(reply)

    def _take_block(self, octets: bytes) -> None:
        self._patience.content_came(len(octets), self._reception.clock.mono())
        if not self._mail.write(octets):
            self._wait(self._let_disk_catch_up())

    # -- what waits ---------------------------------------------------------------------------------------------------

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what waits, then pump on. An unforeseen fault is temporary, ours, and told nobody on the wire."""
        clock = self._reception.clock
        began_mono = clock.mono()
        try:
            await work
        except Exception:  # noqa: BLE001 - whatever it is, the peer gets a reply and the others go on
            _LOG.exception("session.failed peer=%s", self.peer[0])
            if self._machine is not None:
                self._machine.refuse(OUR_FAULT)
        self._task = None
        self._patience.we_worked(began_mono, clock.mono())
        if self._machine is None:  # the peer went away while we waited
            self._leave()
        elif self._stream is not None:
            if self.draining and self._machine.phase is not Phase.CONTENT:
                self._machine.refuse(SHUTTING_DOWN)
            self._stream.resume_reading()
            self._pump()

    async def _handshake(self, machine: ServerSession, stream: Stream) -> None:
        if self._reception.tls is None:
            raise TransportError("tls", "no certificate")
        self._send(machine, stream)  # the 220; reading has been paused before it
        try:
            await stream.start_tls(self._reception.tls, server_side=True)
        except TransportError as error:
            _LOG.warning("tls.failed peer=%s reason=%s", self.peer[0], error)
            self.remark(str(error).removeprefix("tls: "))
            return
        machine.tls_started(stream.tls)
        self._visitor.record.note(stream.tls)
        self._recognise(machine)

    async def _sign_in(self, machine: ServerSession, identity: str, secret: str) -> None:
        """Check a login, but where one proves nothing: nobody can try passwords there. A wrong one is answered late."""
        forgiven, is_right = unproved(self._visitor.client, is_empty=not (identity or secret)), True
        if forgiven:
            machine.counts.tolerated[forgiven] += 1
        else:
            verify, address = self._reception.verify, self._visitor.who.peer_address
            is_right = (identity or secret) != "" and await verify(identity, secret, address)
        if not is_right:
            _LOG.warning("login.refused peer=%s name=%r", self.peer[0], identity)
            n_before = machine.counts.refused_logins
            await asyncio.sleep(self._reception.limits.login_delay_s * (n_before + 1))
        machine.answer(SIGNED_IN if is_right else NOT_SIGNED_IN, as_nobody=forgiven != "")
        self._recognise(machine)

    async def _let_disk_catch_up(self) -> None:
        """The network is faster than the disk."""
        if self._stream is not None:
            self._stream.pause_reading()
        await self._mail.caught_up()

    async def _let_peer_catch_up(self, stream: Stream) -> None:
        """It asks faster than it reads our replies; they must not pile up here."""
        stream.pause_reading()
        try:
            await stream.drain(self._reception.limits.command_s)
        except TransportError as error:
            _LOG.info("session.timed-out peer=%s reason=%s", self.peer[0], error)
            stream.abort()

    async def _commit(self, machine: ServerSession, event: events.ContentEnded) -> None:
        """The commit point of the session: reply 250 only after the spool has promised.

        The wait has no bound of its own. A peer gives up after some minutes (RFC 5321 4.5.3.2.6: ten) and sends again;
        to answer 4yz before that and take the message back would need a commit that can be called off, and one that is
        durable may be on its way to Microsoft already. So a late 250 stays a 250: the copy that a peer sends again can
        be recognised by its Message-ID, while a 4yz to a message that is ours would be a lie.
        """
        mail, self._mail = self._mail, Taking()
        reply = await mail.store(self._reception, self._visitor.who, event)
        if mail.needed:
            machine.counts.tolerated.update(mail.needed)
        self._visitor.record.answered(reply, spool_id=mail.spool_id or "", piece=mail.piece)
        if mail.spool_id is not None:
            self._visitor.gave(mail.spool_id)
        if self._machine is not None:  # else the peer is gone, and the message is ours all the same
            machine.answer(reply)

    # -- facts and deadlines ------------------------------------------------------------------------------------------

    def _recognise(self, machine: ServerSession) -> None:
        """Who is this, and what is offered to it from now on?"""
        machine.grant(self._visitor.offers(machine, self.peer))

    def _arm(self) -> None:
        """Look again when the present deadline could have passed: one timer per session, never re-armed by octets."""
        if self._deadline is not None:
            self._deadline.cancel()
        machine, left_s = self._machine, self._patience.left_s(self._reception.clock.mono())
        if machine is None:
            return
        if left_s > 0 or self._task is not None:
            self._deadline = asyncio.get_running_loop().call_later(max(left_s, _LOOK_AGAIN_S), self._arm)
        elif machine.phase is Phase.ENDED:
            self.abort()
        else:
            self._give_up(machine)

    def _arm_for(self, within_s: float) -> None:
        """A deadline begins: the timer that stands mostly comes early enough, and looks again."""
        timer = self._deadline
        if timer is None or timer.when() - asyncio.get_running_loop().time() > within_s:
            self._arm()

    def _give_up(self, machine: ServerSession) -> None:
        """The peer has been silent for too long. 451 tells the one that waits for us, too, because its end was none."""
        if self._visitor.record.seems_over:
            _LOG.warning("session.bare-lf peer=%s device=%s", self.peer[0], self._visitor.client.device)
        else:
            _LOG.info("session.timed-out peer=%s phase=%s", self.peer[0], machine.phase.value)
        self._mail.abandon()
        machine.refuse(BARE_LF_END if self._visitor.record.seems_over else TIMED_OUT)
        self._pump()
