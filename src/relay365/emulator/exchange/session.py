"""One submission session: pumps octets through the machine, asks the judge, records what is taken, and misbehaves on
demand.

It is a task that reads from top to bottom; while it waits (a slow mood, a delayed message) nothing more is read from
the machine, so replies keep their order. A peer that goes away ends every wait at once.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.emulator import texts
from relay365.emulator.directory import MailboxState
from relay365.emulator.exchange.judge import Judge, Letter, Verdict
from relay365.emulator.moods import Mood, Moods
from relay365.emulator.record import Draft, Record
from relay365.errors import TransportError
from relay365.mail.headers import read_head
from relay365.mail.status import Reply
from relay365.net.stream import Stream
from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentBlock,
    ContentEnded,
    ContentRefused,
    DataAsked,
    Event,
    HeloGiven,
    MailGiven,
    RcptGiven,
    SessionEnded,
    Signal,
    TransactionReset,
)
from relay365.smtp.offers import Limits, Offers, Phrases
from relay365.smtp.server import ServerSession
from relay365.smtp.states import Phase

ADVERTISED_OCTETS = 157_286_400
MOST_OCTETS = 2**40  # the judge knows the size limits and their words; the machine must not
HELD_BACK_OCTETS = 256 * 1024

LIMITS = Limits(command_octets=16_384, recipients=100_000, errors=20, command_s=300.0, content_s=300.0)


@dataclass(frozen=True, slots=True)
class Reception:
    """What all sessions share. context gives the TLS context for "" or for a way in which a certificate is wrong."""

    judge: Judge
    moods: Moods
    record: Record
    context: Callable[[str], ssl.SSLContext]
    clock: Clock


class Session:
    """The host of one ServerSession; a Receiver of its Stream."""

    def __init__(self, reception: Reception, ended: Callable[[Session], None]) -> None:
        self.task: asyncio.Task[None] | None = None
        self.session_id = secrets.token_hex(8).upper()
        self._here, self._ended = reception, ended
        self._stream: Stream | None = None
        self._machine: ServerSession | None = None
        self._mailbox: MailboxState | None = None
        self._mail = _Mail()
        self._wake = asyncio.Event()
        self._gone = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Session {self.session_id} {self._machine!r}>"

    # -- the stream's side ----------------------------------------------------------------------------------------

    def connected(self, stream: Stream) -> None:
        """See net.stream.Receiver."""
        self._stream = stream
        self._machine = ServerSession(self._offers(), LIMITS, peer=f"[{stream.peer[0]}]")
        self.task = asyncio.get_running_loop().create_task(self._run(stream, self._machine))

    def octets_received(self, octets: bytes) -> None:
        """See net.stream.Receiver."""
        if self._machine is not None and self._stream is not None:
            self._machine.receive(octets)
            if self._machine.n_waiting_octets > HELD_BACK_OCTETS:
                self._stream.pause_reading()
        self._wake.set()

    def eof_received(self) -> None:
        """The connection closes by itself; see net.stream.Receiver."""

    def disconnected(self, error: Exception | None) -> None:
        """See net.stream.Receiver."""
        self._gone.set()
        self._wake.set()

    def end(self) -> None:
        """Break the connection; the task ends by itself."""
        if self._stream is not None:
            self._stream.abort()

    # -- the task ---------------------------------------------------------------------------------------------------

    async def _run(self, stream: Stream, machine: ServerSession) -> None:
        try:
            await self._greet(machine)
            while not self._gone.is_set():
                event = machine.next_event()
                if event is Signal.NEED_OCTETS:
                    stream.write(machine.octets_to_send())
                    await self._wait_for_octets(stream, machine)
                elif event is Signal.NEED_TLS:
                    await self._shake_hands(stream, machine)
                elif isinstance(event, SessionEnded):
                    stream.write(machine.octets_to_send())
                    stream.close()
                    return
                elif not isinstance(event, Signal):
                    await self._take(machine, event)
        finally:
            self._mail.drop()
            if not stream.is_closing:
                stream.abort()
            self._ended(self)

    async def _greet(self, machine: ServerSession) -> None:
        refusal = self._here.judge.greeting()
        await self._pause("greeting")
        if refusal is not None:
            self._count(refusal)
            machine.refuse(self._reply(refusal))
        else:
            machine.greet()

    async def _wait_for_octets(self, stream: Stream, machine: ServerSession) -> None:
        stream.resume_reading()
        self._wake.clear()
        limit_s = LIMITS.content_s if machine.phase is Phase.CONTENT else LIMITS.command_s
        try:
            async with asyncio.timeout(limit_s):
                await self._wake.wait()
        except TimeoutError:
            machine.refuse(self._reply(Verdict("idle")))

    async def _shake_hands(self, stream: Stream, machine: ServerSession) -> None:
        moods, tally = self._here.moods, self._here.record.tally
        injection, wrong = moods.strike("injection"), moods.strike("wrong-certificate")
        stream.pause_reading()
        glued = injection.word("octets").encode() if injection else b""
        stream.write(machine.octets_to_send() + glued)
        try:
            context = self._here.context(wrong.word("how") if wrong else "")
            await stream.start_tls(context, server_side=True)
        except TransportError:
            tally.tls_failures += 1
            self._gone.set()
            return
        tally.tls_handshakes += 1
        machine.tls_started(stream.tls)

    # -- events -------------------------------------------------------------------------------------------------------

    async def _take(self, machine: ServerSession, event: Event) -> None:
        match event:
            case HeloGiven():
                self._forget_mail()
                await self._pause("ehlo")
            case AuthGiven():
                await self._take_login(machine, event)
            case AuthMalformed():
                await self._answer(machine, "auth", Verdict("auth-failed"))
            case MailGiven():
                await self._take_mail(machine, event)
            case RcptGiven(path=path):
                await self._take_rcpt(machine, path.address)
            case DataAsked():
                await self._answer(machine, "data", self._begin_content())
            case ContentBlock(octets=octets):
                self._take_block(octets)
            case ContentEnded():
                await self._take_end(machine, event)
            case TransactionReset() | ContentRefused():
                self._forget_mail()

    async def _take_login(self, machine: ServerSession, event: AuthGiven) -> None:
        verdict, self._mailbox = self._here.judge.login(event.mechanism, event.identity, event.secret)
        self._here.record.tally.logins += verdict.is_good
        await self._answer(machine, "auth", verdict)

    async def _take_mail(self, machine: ServerSession, event: MailGiven) -> None:
        verdict = self._here.judge.mail(self._mailbox, event.reverse_path, event.size_octets)
        self._forget_mail()
        self._mail.reverse_path = event.reverse_path
        await self._answer(machine, "mail", verdict)

    async def _take_rcpt(self, machine: ServerSession, address: str) -> None:
        recipients = self._mail.recipients
        verdict = self._here.judge.rcpt(self._known(), address, len(recipients))
        if verdict.is_good:
            recipients.append(address)
        await self._answer(machine, "rcpt", verdict)

    def _begin_content(self) -> Verdict:
        mailbox = self._known()
        self._mail.sender = mailbox
        self._mail.in_time = mailbox.begin_sending()
        self._mail.draft = self._here.record.begin()
        return Verdict("start-input")

    def _take_block(self, octets: bytes) -> None:
        """Content; more than Exchange takes at all is counted, not kept."""
        mail, address = self._mail, self._known().settings.address
        mail.size_octets += len(octets)
        if mail.draft is not None and mail.size_octets <= ADVERTISED_OCTETS:
            mail.draft.write(octets)
        drop = self._here.moods.find("drop", address)
        if drop is not None and mail.size_octets >= drop.seconds("after_octets"):
            self._here.moods.strike("drop", address)
            self.end()
            self._gone.set()

    async def _take_end(self, machine: ServerSession, event: ContentEnded) -> None:
        mail, mailbox = self._mail, self._known()
        if mail.draft is None:
            return
        header_from = read_head(bytes(mail.draft.head)).header_from
        letter = Letter(
            mail.reverse_path, tuple(mail.recipients), header_from, mail.size_octets, mail.in_time
        )
        verdict = self._here.judge.dot(mailbox, letter)
        if verdict.is_good:
            await self._delay(mailbox)
        await self._pause("dot")
        if self._gone.is_set():
            return
        if not verdict.is_good:
            mailbox.n_refused += 1
            self._forget_mail()
            await self._answer(machine, "", verdict)
            return
        await self._accept(machine, mailbox, event.repairs)

    async def _accept(self, machine: ServerSession, mailbox: MailboxState, repairs: int) -> None:
        """Record the message, then say so, or lie."""
        mail, here, address = self._mail, self._here, mailbox.settings.address
        if mail.draft is None:
            return
        lie = here.moods.strike("lie", address)
        path = (mail.reverse_path, tuple(mail.recipients))
        delivered = here.record.keep(
            mail.draft, address, path, at=here.clock.now(), repairs=repairs, answered=lie is None
        )
        mail.draft = None
        mailbox.take(len(mail.recipients))
        self._forget_mail()
        here.moods.accepted(address)
        message_id = delivered.message_id or f"<{self.session_id}@{texts.MAILBOX_HOST}>"
        machine.answer(self._reply(Verdict("accepted", {"message_id": message_id})))
        if lie is not None:
            await self._lie(machine, lie)

    async def _lie(self, machine: ServerSession, lie: Mood) -> None:
        machine.octets_to_send()  # what should have been said
        stream = self._stream
        if stream is None:
            return
        match lie.word("how"):
            case "garbage":
                stream.write(b"%%%% what was the question %%%%\r\n")
            case "silence":
                await self._gone.wait()
            case "cut":
                stream.abort()
                self._gone.set()
            case _:
                stream.close()
                self._gone.set()

    # -- small things ------------------------------------------------------------------------------------------------

    async def _delay(self, mailbox: MailboxState) -> None:
        """The surplus of a minute waits for the next ones."""
        while not self._gone.is_set():
            wait_s = self._here.judge.wait_s(mailbox)
            if not wait_s:
                return
            await self._sleep(wait_s)

    async def _pause(self, step: str) -> None:
        moods = self._here.moods
        address = self._mailbox.settings.address if self._mailbox else ""
        mood = moods.strike("slow", address, at=step) or moods.strike("slow", address, at="all")
        if mood is not None:
            await self._sleep(mood.seconds("seconds"))

    async def _sleep(self, seconds: float) -> None:
        """Wait, or until the peer has gone."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return

    async def _answer(self, machine: ServerSession, step: str, verdict: Verdict) -> None:
        if step:
            await self._pause(step)
        self._count(verdict)
        machine.answer(self._reply(verdict))

    def _count(self, verdict: Verdict) -> None:
        if not verdict.is_good:
            self._here.record.tally.refused[verdict.text] += 1

    def _reply(self, verdict: Verdict) -> Reply:
        if verdict.raw is not None:
            return verdict.raw
        return texts.reply(verdict.text, self.session_id, self._here.clock.now(), **verdict.facts)

    def _known(self) -> MailboxState:
        if self._mailbox is None:
            raise RuntimeError("a transaction without a login")  # MAIL is refused without one
        return self._mailbox

    def _forget_mail(self) -> None:
        self._mail.drop()
        self._mail = _Mail()

    def _offers(self) -> Offers:
        phrases = Phrases(
            texts.banner(self._here.clock.now()), texts.HELLO, texts.TLS_READY, "", texts.GOODBYE
        )
        has_starttls = self._here.moods.strike("no-starttls") is None
        return Offers(
            texts.FRONT_END, MOST_OCTETS, starttls=has_starttls, mechanisms=("LOGIN", "XOAUTH2"),
            extensions=texts.EXTENSIONS, phrases=phrases,
        )  # fmt: skip


@dataclass(slots=True)
class _Mail:
    """One transaction on its way in."""

    reverse_path: str = ""
    recipients: list[str] = field(default_factory=list)
    size_octets: int = 0
    in_time: bool = True
    draft: Draft | None = None
    sender: MailboxState | None = None

    def drop(self) -> None:
        """Forget the content and give the sender's place back."""
        if self.draft is not None:
            self.draft.drop()
            self.draft = None
        if self.sender is not None:
            self.sender.end_sending()
            self.sender = None
