"""A line: one warm SMTP connection to a remote, and the conversation that hands over one message.

Pipelined where the remote offers it: envelope in one write, content in the next. A reply belongs to the recipient it
answers; a failure before the final dot is deferred, after it uncertain, and ClientSession.past_the_dot decides which.
A large content goes in chunks where the remote takes them, which saves the pass over its dots. What may not be sent in
clear is never sent in clear: where TLS or AUTH is missing that the route asks for, there is no line. Who does not know
EHLO is greeted with HELO where neither is asked for.
(RFC 5321 3.2, 3.3, 4.5.3.2; RFC 2920; RFC 3030; RFC 3207)
"""

from __future__ import annotations

import asyncio
import contextlib

from relay365.errors import RemoteProtocolError, SpoolError, TransportError
from relay365.mail.outcome import Outcome
from relay365.mail.status import Reply
from relay365.net.stream import Stream, connect
from relay365.routes.api import Consignment
from relay365.routes.wire.ear import DEAF, Ear
from relay365.routes.wire.remote import Remote, SignIn, StepRefused, held
from relay365.routes.wire.talk import Judge, RefusedEarly, Talk, broken, our_no, too_large
from relay365.smtp.client import CONTENT_BLOCK_S, DEADLINE_S, ClientSession, ReplyReceived, Step
from relay365.smtp.events import Signal

CONNECT_S = 30.0
CHUNKED_OCTETS = 64 * 1024  # below this a pass over the dots costs less than the replies to chunks
CHUNK_OCTETS = 256 * 1024
_WRITE_OCTETS = 64 * 1024
UNKNOWN = (500, 502)  # "not recognized" and "not implemented": it is older than EHLO (RFC 5321 4.2.4)


class Line:
    """One connection; a Receiver of its Stream. open() it, deliver() as often as is_usable, close() it."""

    def __init__(self, judge: Judge, ear: Ear = DEAF) -> None:
        self.n_delivered = 0
        self.ear = ear  # of the attempt that is under way
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
        if not self._machine.is_confidential:
            self.ear.heard(octets)
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
        """Connect, greet, secure, authenticate. Raises CannotOpen, TransportError, StepRefused, TokenRefused."""
        tls = remote.context if remote.tls == "implicit" else None
        await connect(remote.host, remote.port, self, deadline_s=CONNECT_S, tls=tls, source=remote.source)
        self.ear.note(f"connected to {remote.host}:{remote.port}")
        await self._expect(Step.GREETING)
        lacks = "the route requires TLS" if remote.tls == "required" else ""
        await self._hello(remote, lacks or _sign_in_lacks(sign_in))
        if remote.tls in ("required", "opportunistic"):
            await self._secure(remote, _sign_in_lacks(sign_in))
        if sign_in is not None:
            await sign_in.begin(self._machine)
            await self._expect(Step.AUTH)

    async def _hello(self, remote: Remote, lacks: str) -> None:
        """EHLO; HELO to who does not know it, unless the route lacks something without EHLO."""
        self._machine.ehlo(remote.helo)
        reply = await self._reply(Step.EHLO)
        if reply.is_positive:
            return
        if reply.code not in UNKNOWN:
            raise StepRefused(Step.EHLO, reply)
        if lacks:
            raise held("no-ehlo", f"{remote.host} does not know EHLO, and {lacks}: {reply}")
        self._machine.helo(remote.helo)
        await self._expect(Step.HELO)

    async def _secure(self, remote: Remote, lacks: str) -> None:
        if not self._machine.offers("STARTTLS"):
            if remote.tls == "opportunistic":
                return
            raise held("no-starttls", f"{remote.host} does not offer STARTTLS, and the route requires TLS")
        if self._stream is None or remote.context is None:
            raise TransportError("tls", "no connection to secure")
        self._machine.starttls()
        await self._expect(Step.STARTTLS)
        await self._stream.start_tls(remote.context, server_side=False, server_name=remote.host)
        self.ear.note(f"encrypted: {self._stream.tls}")
        self._machine.tls_started()
        await self._hello(remote, lacks)

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
        talk = Talk(len(consignment.envelope.forward_paths), self._judge)
        try:
            refusal = self._cannot_carry(consignment)
            if refusal is None:
                await self._transaction(consignment, talk)
            else:
                talk.settle_rest(refusal)
        except RefusedEarly as early:
            talk.content(early.reply)
            self._abort(f"refused before the end of the content: {early.reply}")
        except (TransportError, RemoteProtocolError, SpoolError) as error:
            talk.settle_rest(broken(error, past_the_dot=self._machine.past_the_dot))
            self._abort(str(error))
        except asyncio.CancelledError as stop:
            accept_cancellation()  # what is known now is an outcome; the caller settles it and ends
            talk.settle_rest(broken(stop, past_the_dot=self._machine.past_the_dot))
            self._abort("the relay is stopping")
        except BaseException:  # a fault of ours: nobody would close this line any more
            self._abort("a fault of the relay")
            raise
        return talk.result()

    async def _transaction(self, consignment: Consignment, talk: Talk) -> None:
        size = consignment.content.size_octets + len(consignment.trace)
        in_chunks = self._machine.offers("CHUNKING") and size > CHUNKED_OCTETS
        if self._machine.offers("PIPELINING"):
            await self._envelope_at_once(consignment, talk, asks=not in_chunks)
        else:
            await self._envelope_in_steps(consignment, talk, asks=not in_chunks)
        if in_chunks:
            talk.has_go_ahead = not talk.is_settled
        if talk.has_go_ahead:
            await (self._chunks if in_chunks else self._content)(consignment)
            talk.content(await self._reply(Step.DOT), dsn=self._machine.offers("DSN"))
            self._is_inside = False
            self.n_delivered += 1

    def _cannot_carry(self, consignment: Consignment) -> Outcome | None:
        """What the remote's EHLO rules out already (RFC 6531 3.6, RFC 1870 6.1)."""
        machine, envelope = self._machine, consignment.envelope
        if envelope.smtputf8 and not machine.offers("SMTPUTF8"):
            text = "550 5.6.7 the next server does not take internationalized addresses (SMTPUTF8)"
            return our_no("5.6.7", text, "remote-lacks-smtputf8")
        limit = machine.features.get("SIZE", "")
        size = consignment.content.size_octets + len(consignment.trace)
        if limit.isascii() and limit.isdigit() and 0 < int(limit) < size:
            return too_large(size, int(limit))
        return None

    async def _envelope_at_once(self, consignment: Consignment, talk: Talk, *, asks: bool) -> None:
        """MAIL and RCPTs in one write (RFC 2920); every reply is read, also when MAIL was refused.

        asks: with DATA behind them; chunks need not ask.
        """
        machine, envelope = self._machine, consignment.envelope
        resets, self._is_inside = self._is_inside, True
        if resets:
            machine.rset()
        machine.mail(envelope, consignment.content.size_octets + len(consignment.trace))
        for path in envelope.forward_paths:
            machine.rcpt(path)
        if asks:
            machine.data()
        if resets:
            await self._reply(Step.RSET)
        talk.sender(await self._reply(Step.MAIL))
        for n in range(len(envelope.forward_paths)):
            talk.recipient(n, await self._reply(Step.RCPT))
        if asks:
            await self._go_ahead(talk)

    async def _envelope_in_steps(self, consignment: Consignment, talk: Talk, *, asks: bool) -> None:
        """Each command after the reply to the last, for remotes without PIPELINING; stops where nobody is left."""
        machine, envelope = self._machine, consignment.envelope
        resets, self._is_inside = self._is_inside, True
        if resets:
            machine.rset()
            await self._reply(Step.RSET)
        machine.mail(envelope, consignment.content.size_octets + len(consignment.trace))
        talk.sender(await self._reply(Step.MAIL))
        if talk.is_settled:
            return
        for n, path in enumerate(envelope.forward_paths):
            machine.rcpt(path)
            talk.recipient(n, await self._reply(Step.RCPT))
        if asks and not talk.is_settled:
            machine.data()
            await self._go_ahead(talk)

    async def _go_ahead(self, talk: Talk) -> None:
        reply = await self._reply(Step.DATA)
        if reply.code == 354:
            if talk.is_settled:  # it wants a content for nobody: leave rather than send an empty message
                self._abort("354 without an accepted recipient")
            talk.has_go_ahead = not talk.is_settled
        else:
            talk.content(reply)

    async def _content(self, consignment: Consignment) -> None:
        """Behind a 354: stuffed, up to the final dot."""
        machine = self._machine
        machine.content(consignment.trace)
        whole = consignment.content.octets()
        if whole is not None:
            machine.content(whole)
        else:
            async for block in consignment.content.blocks():
                machine.content(block)
                await self._send()
        machine.end_content()
        await self._send()

    async def _chunks(self, consignment: Consignment) -> None:
        """As it is, in chunks; without PIPELINING each one waits for its reply (RFC 3030 4.2)."""
        machine, held_back = self._machine, [consignment.trace]
        async for block in consignment.content.blocks():
            if sum(map(len, held_back)) >= CHUNK_OCTETS:
                machine.chunk(b"".join(held_back))
                held_back.clear()
                await self._send()
                if not machine.offers("PIPELINING"):
                    await self._chunk_taken()
            held_back.append(block)
        machine.chunk(b"".join(held_back), is_last=True)
        await self._send()
        while machine.expected is Step.CHUNK:
            await self._chunk_taken()

    async def _chunk_taken(self) -> None:
        reply = await self._reply(Step.CHUNK)
        if not reply.is_positive:
            raise RefusedEarly(reply)

    async def _send(self) -> None:
        """Write the out-box in pieces, so that past_the_dot rises only when the last piece goes out.

        Between the pieces a remote may have said no already, or be gone.
        """
        machine, stream = self._machine, self._stream
        while machine.n_to_send:
            self._hear_early()
            if self._lost is not None or stream is None:
                raise TransportError("send", self._lost or "no connection")
            octets = machine.octets_to_send(_WRITE_OCTETS)
            self.ear.content(len(octets))
            stream.write(octets)
            await stream.drain(CONTENT_BLOCK_S)

    def _hear_early(self) -> None:
        """Replies that came while the content is on its way: yes to a chunk, or a no to all of it."""
        while isinstance(event := self._machine.next_event(), ReplyReceived):
            if event.step is not Step.CHUNK or not event.reply.is_positive:
                raise RefusedEarly(event.reply)

    # -- closing ---------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Say QUIT where that is possible, wait a little for the answer, close.

        A connection that is no good any more is not waited for: what was written may never be read.
        """
        if self._stream is None:
            return
        if self.is_usable:
            self._machine.quit()
            with contextlib.suppress(TransportError, RemoteProtocolError):
                await self._reply(Step.QUIT)
                self._stream.close()
                return
        self._stream.abort()

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
        self._say()
        until = 0.0
        while True:
            event = self._machine.next_event()
            if isinstance(event, ReplyReceived):
                if step is Step.AUTH:
                    self.ear.heard(f"{event.reply}\r\n".encode())
                if event.reply.code == 421:  # its last words on this connection (RFC 5321 3.8)
                    self._lost = self._lost or str(event.reply)
                if event.step is not step:
                    raise RemoteProtocolError(f"reply to {event.step.value} where {step.value} was awaited")
                return event.reply
            if self._lost is not None:
                raise TransportError("await", self._lost)
            self._say()  # answers to SASL prompts
            until = until or asyncio.get_running_loop().time() + DEADLINE_S[step]
            await self._octets(until, step)

    def _say(self) -> None:
        """Write the out-box: commands, or what belongs to a sign-in."""
        if self._stream is None or not self._machine.n_to_send:
            return
        octets = self._machine.octets_to_send()
        if not self._machine.is_confidential:
            self.ear.said(octets)
        else:  # of the command itself its two words are no secret
            words = b" ".join(octets.split(b" ", 2)[:2]) if octets.startswith(b"AUTH ") else b""
            self.ear.said(words)
            self.ear.secret(len(octets) - len(words))
        self._stream.write(octets)

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


def _sign_in_lacks(sign_in: SignIn | None) -> str:
    """What a route that signs in lacks without EHLO, in words; "" for one that does not."""
    return "the route has a sign-in" if sign_in is not None else ""


def accept_cancellation() -> None:
    """Take a cancellation of this task as an order to come to an end at once, with outcomes (routes.api)."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
