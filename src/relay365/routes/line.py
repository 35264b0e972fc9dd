"""A line: one warm SMTP connection to a remote, and the conversation that hands over one message.

Pipelined where the remote offers it: envelope in one write, content in the next. A reply belongs to the recipient it
answers; a failure before the final dot is deferred, after it uncertain, and ClientSession.past_the_dot decides which.
(RFC 5321 3.3, 4.5.3.2; RFC 2920; RFC 3207)
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from relay365.errors import RemoteProtocolError, SpoolCorrupt, SpoolError, TransportError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus, Reply
from relay365.net.stream import Stream, connect
from relay365.routes.api import Consignment
from relay365.smtp.client import CONTENT_BLOCK_S, DEADLINE_S, ClientSession, ReplyReceived, Step
from relay365.smtp.events import Signal

CONNECT_S = 30.0
_WRITE_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a line leads. tls: "required", "opportunistic", "none" or "implicit"; context is needed unless "none"."""

    host: str
    port: int
    helo: str
    tls: str
    context: ssl.SSLContext | None = None


class SignIn(Protocol):
    """How a line authenticates."""

    async def begin(self, machine: ClientSession) -> None:
        """Queue the AUTH command; raises TokenRefused or TransportError(phase="auth")."""
        ...

    def refused(self) -> None:
        """The remote said no: forget what was cached."""
        ...


class StepRefused(Exception):
    """The remote refused a step on the way to a usable line."""

    def __init__(self, step: Step, reply: Reply) -> None:
        self.step, self.reply = step, reply
        super().__init__(f"{step.value}: {reply}")


class Line:
    """One connection; a Receiver of its Stream. open() it, deliver() as often as is_usable, close() it."""

    def __init__(self, judge: Callable[[Reply, str], Outcome]) -> None:
        self.n_delivered = 0
        self._judge = judge
        self._machine = ClientSession()
        self._stream: Stream | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._lost: str | None = None
        self._is_inside = False  # a transaction was begun and not ended: RSET first

    def __repr__(self) -> str:
        return f"<Line {self._machine!r} delivered={self.n_delivered} lost={self._lost}>"

    # -- the stream's side ----------------------------------------------------------------------------------------

    def connected(self, stream: Stream) -> None:
        """See net.stream.Receiver."""
        self._stream = stream

    def octets_received(self, octets: bytes) -> None:
        """See net.stream.Receiver."""
        self._machine.receive(octets)
        self._wake()

    def eof_received(self) -> None:
        """See net.stream.Receiver."""
        self._lost = self._lost or "the remote closed the connection"
        self._wake()

    def disconnected(self, error: Exception | None) -> None:
        """See net.stream.Receiver."""
        self._lost = self._lost or (str(error) if error else "the connection was closed")
        self._wake()

    # -- opening ---------------------------------------------------------------------------------------------

    async def open(self, remote: Remote, sign_in: SignIn | None) -> None:
        """Connect, greet, secure, authenticate. Raises TransportError, StepRefused, TokenRefused."""
        tls = remote.context if remote.tls == "implicit" else None
        await connect(remote.host, remote.port, self, deadline_s=CONNECT_S, tls=tls)
        await self._expect(Step.GREETING)
        self._machine.ehlo(remote.helo)
        await self._expect(Step.EHLO)
        if remote.tls in ("required", "opportunistic"):
            await self._secure(remote)
        if sign_in is not None:
            await sign_in.begin(self._machine)
            await self._expect(Step.AUTH)

    async def _secure(self, remote: Remote) -> None:
        if not self._machine.offers("STARTTLS"):
            if remote.tls == "opportunistic":
                return
            raise TransportError("tls", f"{remote.host} does not offer STARTTLS, and TLS is required")
        if self._stream is None or remote.context is None:
            raise TransportError("tls", "no connection to secure")
        self._machine.starttls()
        await self._expect(Step.STARTTLS)
        await self._stream.start_tls(remote.context, server_side=False, server_name=remote.host)
        self._machine.tls_started()
        self._machine.ehlo(remote.helo)
        await self._expect(Step.EHLO)

    # -- delivering ------------------------------------------------------------------------------------------

    @property
    def is_usable(self) -> bool:
        """Whether another message can be handed over."""
        return self._lost is None and self._machine.expected is None and self._stream is not None

    def has_news(self) -> bool:
        """Whether the remote said something while nobody asked (421), or hung up: this line is no good."""
        try:
            return self._lost is not None or self._machine.next_event() is not Signal.NEED_OCTETS
        except RemoteProtocolError:
            return True

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """One transaction; n outcomes for n forward-paths, in their order. Raises nothing for the remote's doings."""
        talk = _Talk(len(consignment.envelope.forward_paths))
        try:
            refusal = self._cannot_carry(consignment)
            if refusal is None:
                await self._transaction(consignment, talk)
            else:
                talk.settle_rest(refusal)
        except _RefusedEarly as early:
            talk.settle_rest(self._judge(early.reply, "data"))
            self._abort(f"refused before the end of the content: {early.reply}")
        except (TransportError, RemoteProtocolError, SpoolError) as error:
            talk.settle_rest(self._broken(error))
            self._abort(str(error))
        except asyncio.CancelledError as stop:
            accept_cancellation()  # what is known now is an outcome; the caller settles it and ends
            talk.settle_rest(self._broken(stop))
            self._abort("the relay is stopping")
        except BaseException:  # a fault of ours: nobody would close this line any more
            self._abort("a fault of the relay")
            raise
        return tuple(talk.outcomes)  # type: ignore[arg-type]  # every path is settled here

    async def _transaction(self, consignment: Consignment, talk: _Talk) -> None:
        if self._machine.offers("PIPELINING"):
            await self._envelope_at_once(consignment, talk)
        else:
            await self._envelope_in_steps(consignment, talk)
        if talk.has_go_ahead:
            await self._content(consignment)
            talk.settle_rest(self._judge(await self._reply(Step.DOT), "data"))
            self._is_inside = False
            self.n_delivered += 1

    def _cannot_carry(self, consignment: Consignment) -> Outcome | None:
        """What the remote's EHLO rules out already (RFC 6531 3.6, RFC 1870 6.1)."""
        machine, envelope = self._machine, consignment.envelope
        if envelope.smtputf8 and not machine.offers("SMTPUTF8"):
            text = "550 5.6.7 the next server does not take internationalized addresses (SMTPUTF8)"
            return _our_no("5.6.7", text, "remote-lacks-smtputf8")
        limit = machine.features.get("SIZE", "")
        size = consignment.content.size_octets + len(consignment.trace)
        if limit.isascii() and limit.isdigit() and 0 < int(limit) < size:
            text = f"552 5.3.4 {size} octets are more than the next server takes ({limit})"
            return _our_no("5.3.4", text, "larger-than-remote-takes")
        return None

    async def _envelope_at_once(self, consignment: Consignment, talk: _Talk) -> None:
        """MAIL, RCPTs and DATA in one write (RFC 2920); every reply is read, also when MAIL was refused."""
        machine, envelope = self._machine, consignment.envelope
        resets, self._is_inside = self._is_inside, True
        if resets:
            machine.rset()
        machine.mail(envelope, consignment.content.size_octets + len(consignment.trace))
        for path in envelope.forward_paths:
            machine.rcpt(path)
        machine.data()
        if resets:
            await self._reply(Step.RSET)
        self._judge_sender(await self._reply(Step.MAIL), talk)
        for n in range(len(envelope.forward_paths)):
            self._judge_recipient(await self._reply(Step.RCPT), talk, n)
        await self._go_ahead(talk)

    async def _envelope_in_steps(self, consignment: Consignment, talk: _Talk) -> None:
        """Each command after the reply to the last, for remotes without PIPELINING; stops where nobody is left."""
        machine, envelope = self._machine, consignment.envelope
        resets, self._is_inside = self._is_inside, True
        if resets:
            machine.rset()
            await self._reply(Step.RSET)
        machine.mail(envelope, consignment.content.size_octets + len(consignment.trace))
        self._judge_sender(await self._reply(Step.MAIL), talk)
        if talk.is_settled:
            return
        for n, path in enumerate(envelope.forward_paths):
            machine.rcpt(path)
            self._judge_recipient(await self._reply(Step.RCPT), talk, n)
        if not talk.is_settled:
            machine.data()
            await self._go_ahead(talk)

    def _judge_sender(self, reply: Reply, talk: _Talk) -> None:
        if reply.code // 100 != 2:
            talk.settle_rest(self._judge(reply, "mail"))

    def _judge_recipient(self, reply: Reply, talk: _Talk, n: int) -> None:
        if reply.code // 100 != 2 and talk.outcomes[n] is None:
            talk.outcomes[n] = self._judge(reply, "rcpt")

    async def _go_ahead(self, talk: _Talk) -> None:
        reply = await self._reply(Step.DATA)
        if reply.code == 354:
            if talk.is_settled:  # it wants a content for nobody: leave rather than send an empty message
                self._abort("354 without an accepted recipient")
            talk.has_go_ahead = not talk.is_settled
        else:
            talk.settle_rest(self._judge(reply, "data"))

    async def _content(self, consignment: Consignment) -> None:
        machine, stream = self._machine, self._stream
        if stream is None:
            raise TransportError("send", "no connection")
        machine.content(consignment.trace)
        whole = consignment.content.octets()
        if whole is not None:
            machine.content(whole)
        else:
            async for block in consignment.content.blocks():
                machine.content(block)
                await self._send(stream)
        machine.end_content()
        await self._send(stream)

    async def _send(self, stream: Stream) -> None:
        """Write the out-box in pieces, so that past_the_dot rises only when the last piece goes out.

        Between the pieces a remote may have said no already, or be gone.
        """
        machine = self._machine
        while machine.n_to_send:
            event = machine.next_event()
            if isinstance(event, ReplyReceived):
                raise _RefusedEarly(event.reply)
            if self._lost is not None:
                raise TransportError("send", self._lost)
            stream.write(machine.octets_to_send(_WRITE_OCTETS))
            await stream.drain(CONTENT_BLOCK_S)

    def _broken(self, error: BaseException) -> Outcome:
        if isinstance(error, SpoolError):
            row = "stored-damaged" if isinstance(error, SpoolCorrupt) else "stored-unreadable"
            text = f"the stored content cannot be read: {error}"
            return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row=row)
        is_stopped = isinstance(error, asyncio.CancelledError)
        reason = "the relay was stopped" if is_stopped else str(error)
        if self._machine.past_the_dot:
            text = f"no answer after the final dot: {reason}"
            return Outcome(
                Kind.UNCERTAIN, Scope.MESSAGE, Class.TRANSIENT, None, text, row="no-answer-after-dot"
            )
        row = "stopped" if is_stopped else "connection-broken"
        return Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, reason, row=row)

    # -- closing ---------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Say QUIT where that is possible, wait a little for the answer, close."""
        if self._stream is None:
            return
        if self.is_usable:
            self._machine.quit()
            with contextlib.suppress(TransportError, RemoteProtocolError):
                await self._reply(Step.QUIT)
        self._stream.close()

    def _abort(self, reason: str) -> None:
        self._lost = self._lost or reason
        if self._stream is not None:
            self._stream.abort()

    # -- waiting ---------------------------------------------------------------------------------------------

    async def _expect(self, step: Step) -> None:
        reply = await self._reply(step)
        if not reply.is_positive:
            raise StepRefused(step, reply)

    async def _reply(self, step: Step) -> Reply:
        """The reply to a step, within the step's deadline; raises TransportError or RemoteProtocolError."""
        if self._stream is not None and (octets := self._machine.octets_to_send()):
            self._stream.write(octets)
        until = asyncio.get_running_loop().time() + DEADLINE_S[step]
        while True:
            event = self._machine.next_event()
            if isinstance(event, ReplyReceived):
                if event.reply.code == 421:  # its last words on this connection (RFC 5321 3.8)
                    self._lost = self._lost or str(event.reply)
                if event.step is not step:
                    raise RemoteProtocolError(f"reply to {event.step.value} where {step.value} was awaited")
                return event.reply
            if self._lost is not None:
                raise TransportError("await", self._lost)
            if self._stream is not None and (octets := self._machine.octets_to_send()):
                self._stream.write(octets)  # answers to SASL prompts
            await self._octets(until, step)

    async def _octets(self, until: float, step: Step) -> None:
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_at(until, self._wake)
        try:
            await waiter
        finally:
            self._waiter = None
            timer.cancel()
        if loop.time() >= until:
            self._lost = f"no answer to {step.value} within {DEADLINE_S[step]:.0f} s"

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def accept_cancellation() -> None:
    """Take a cancellation of this task as an order to come to an end at once, with outcomes (routes.api)."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


class _RefusedEarly(Exception):
    """The remote refused the content while it was on its way: nothing of it was accepted."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply))


class _Talk:
    """What is known of each forward-path so far."""

    __slots__ = ("has_go_ahead", "outcomes")

    def __init__(self, n_paths: int) -> None:
        self.outcomes: list[Outcome | None] = [None] * n_paths
        self.has_go_ahead = False

    @property
    def is_settled(self) -> bool:
        return None not in self.outcomes

    def settle_rest(self, outcome: Outcome) -> None:
        self.outcomes = [outcome if known is None else known for known in self.outcomes]


def _our_no(status: str, text: str, row: str) -> Outcome:
    return Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE, EnhancedStatus.parse(status), text, row)
