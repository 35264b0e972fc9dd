"""One SMTP session of any service: pumps octets through the machine, asks the judge, hands on what is taken, and
misbehaves on demand.

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
from relay365.emulator.exchange.chunks import ChunkingSession
from relay365.emulator.exchange.judge import Envelope, Guest, Judge, Letter, Verdict, said
from relay365.emulator.exchange.manners import GARBAGE, Manners, WaywardOffers
from relay365.emulator.moods import Moods
from relay365.emulator.record import Draft, Record
from relay365.emulator.tenant.office import Posting, PostOffice
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

MOST_OCTETS = 2**40  # the judge knows the size limits and their words; the machine must not
HELD_BACK_OCTETS = 256 * 1024

LIMITS = Limits(command_octets=16_384, recipients=100_000, errors=20, command_s=300.0, content_s=300.0)

Secure = Callable[[str], tuple[ssl.SSLContext, list[bytes]]]
"""Gives the TLS context for "" or for a way in which TLS is wrong, and the list in which the client's certificates will
stand, leaf first, once its handshake is done."""


@dataclass(frozen=True, slots=True)
class Reception:
    """What all sessions of one service share. trusted gives the names that a client's certificates stand for."""

    judge: Judge
    moods: Moods
    record: Record
    office: PostOffice
    secure: Secure
    clock: Clock
    front_end: str = texts.FRONT_END
    mechanisms: tuple[str, ...] = ("LOGIN", "XOAUTH2")
    trusted: Callable[[list[bytes]], tuple[str, ...]] = lambda certificates: ()


class Session:
    """The host of one ServerSession; a Receiver of its Stream."""

    def __init__(self, reception: Reception, ended: Callable[[Session], None]) -> None:
        self.task: asyncio.Task[None] | None = None
        self.session_id = secrets.token_hex(8).upper()
        self._here, self._ended = reception, ended
        self._stream: Stream | None = None
        self._machine: ChunkingSession | None = None
        self._guest = Guest()
        self._manners = Manners(reception.moods, reception.judge.service)
        self._mail = _Mail()
        self._wake = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Session {self._here.judge.service} {self.session_id} {self._machine!r}>"

    # -- the stream's side ----------------------------------------------------------------------------------------

    def connected(self, stream: Stream) -> None:
        """See net.stream.Receiver."""
        self._stream, self._guest.ip = stream, stream.peer[0]
        self._machine = ChunkingSession(self._offers(), LIMITS, peer=f"[{stream.peer[0]}]")
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
        self._manners.gone.set()
        self._wake.set()

    def end(self) -> None:
        """Break the connection; the task ends by itself."""
        if self._stream is not None:
            self._stream.abort()

    # -- the task ---------------------------------------------------------------------------------------------------

    async def _run(self, stream: Stream, machine: ChunkingSession) -> None:
        try:
            await self._greet(stream, machine)
            while not self._manners.gone.is_set():
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
                    await self._take(stream, machine, event)
        finally:
            self._forget_mail()
            if not stream.is_closing:
                stream.abort()
            self._ended(self)

    async def _greet(self, stream: Stream, machine: ChunkingSession) -> None:
        refusal = self._here.judge.greeting()
        if not await self._manners.before("greeting", stream):
            return
        banner = self._manners.strike("banner")
        if refusal is not None:
            self._count(refusal)
            machine.refuse(self._reply(refusal))
        elif banner is not None and banner.word("how") == "garbage":
            stream.write(GARBAGE)
        else:
            machine.greet()
            if banner is not None:
                stream.write(machine.octets_to_send())
                self._manners.end(stream, "close")

    async def _wait_for_octets(self, stream: Stream, machine: ChunkingSession) -> None:
        stream.resume_reading()
        self._wake.clear()
        limit_s = LIMITS.content_s if machine.is_in_content else LIMITS.command_s
        try:
            async with asyncio.timeout(limit_s):
                await self._wake.wait()
        except TimeoutError:
            machine.refuse(self._reply(Verdict("idle")))

    async def _shake_hands(self, stream: Stream, machine: ChunkingSession) -> None:
        manners, tally = self._manners, self._here.record.tally
        stream.pause_reading()
        if not await manners.before("starttls", stream):
            return
        injection, wrong = manners.strike("injection"), manners.strike("wrong-certificate")
        how = wrong.word("how") if wrong else "old" if manners.strike("old-tls") else ""
        glued = injection.word("octets").encode() if injection else b""
        stream.write(machine.octets_to_send() + glued)
        context, certificates = self._here.secure(how)
        try:
            await stream.start_tls(context, server_side=True)
        except TransportError:
            tally.tls_failures += 1
            manners.gone.set()
            return
        tally.tls_handshakes += 1
        self._guest.names = self._here.trusted(certificates)
        machine.tls_started(stream.tls)

    # -- events -------------------------------------------------------------------------------------------------------

    async def _take(self, stream: Stream, machine: ChunkingSession, event: Event) -> None:
        judge, guest, mail = self._here.judge, self._guest, self._mail
        match event:
            case HeloGiven():
                self._forget_mail()
                await self._manners.before("ehlo", stream)
            case AuthGiven():
                verdict, guest.account = judge.login(event.mechanism, event.identity, event.secret)
                self._manners.account = guest.account
                self._here.record.tally.logins += verdict.is_good
                await self._answer(stream, machine, "auth", verdict)
            case AuthMalformed():
                await self._answer(stream, machine, "auth", judge.malformed())
            case MailGiven():
                verdict = judge.mail(guest, event.reverse_path, event.size_octets)
                self._forget_mail()
                self._mail.envelope.reverse_path = event.reverse_path
                await self._answer(stream, machine, "mail", verdict)
            case RcptGiven(path=path):
                verdict = judge.rcpt(guest, mail.envelope, path.address)
                if verdict.is_good:
                    mail.envelope.recipients.append(path.address)
                await self._answer(stream, machine, "rcpt", verdict)
            case DataAsked():
                await self._answer(stream, machine, "data", self._begin_content())
            case ContentBlock(octets=octets):
                self._take_block(stream, octets)
            case ContentEnded():
                await self._take_end(stream, machine, event.repairs)
            case TransactionReset() | ContentRefused():
                self._forget_mail()

    def _begin_content(self) -> Verdict:
        """The beginning of a content; a refusal of DATA that a mood asks for."""
        mood = self._manners.strike("reply", at="data")
        if mood is not None:
            return said(mood.word("text"), self._guest.ip)
        self._mail.begin(self._here, self._guest)
        return Verdict("start-input")

    def _take_block(self, stream: Stream, octets: bytes) -> None:
        """Content; more than Exchange takes at all is counted, not kept."""
        mail = self._mail
        draft = mail.draft or mail.begin(self._here, self._guest)
        mail.size_octets += len(octets)
        if mail.size_octets <= texts.ADVERTISED_OCTETS:
            draft.write(octets)
        drop = self._manners.find("drop")
        if drop is not None and mail.size_octets >= drop.seconds("after_octets"):
            self._manners.strike("drop")
            self._manners.end(stream, drop.word("how"))

    async def _take_end(self, stream: Stream, machine: ChunkingSession, repairs: int) -> None:
        here, guest, mail = self._here, self._guest, self._mail
        draft = mail.draft or mail.begin(here, guest)
        header_from, envelope = read_head(bytes(draft.head)).header_from, mail.envelope
        letter = Letter(
            envelope.reverse_path, tuple(envelope.recipients), header_from, mail.size_octets, mail.in_time
        )
        verdict = here.judge.dot(guest, letter)
        if verdict.is_good:
            await self._delay()
        if not await self._manners.before("dot", stream):
            return
        here.judge.taken(guest, is_good=verdict.is_good)
        if verdict.is_good:
            await self._accept(stream, machine, repairs)
        else:
            self._forget_mail()
            await self._answer(stream, machine, "", verdict)

    async def _accept(self, stream: Stream, machine: ChunkingSession, repairs: int) -> None:
        """Hand the message on, then say so, or lie."""
        mail, here = self._mail, self._here
        if mail.draft is None:
            return
        draft, mail.draft = mail.draft, None
        lie = self._manners.strike("lie")
        posting = Posting(
            here.judge.service, self._guest.account, mail.envelope.reverse_path, tuple(mail.envelope.recipients),
            self._guest.ip, repairs, lie is None,
        )  # fmt: skip
        delivered = here.office.take(draft, posting)
        self._forget_mail()
        message_id = delivered.message_id or f"<{self.session_id}@{texts.MAILBOX_HOST}>"
        verdict = here.judge.accepted(message_id, delivered.size)
        if lie is None:
            await self._say(stream, machine, "dot", verdict)
            return
        stream.write(machine.octets_to_send())
        machine.answer(self._reply(verdict))
        machine.octets_to_send()  # what should have been said
        await self._manners.lie(stream, lie.word("how"))

    # -- small things ------------------------------------------------------------------------------------------------

    async def _delay(self) -> None:
        """The surplus of a minute waits for the next ones."""
        while not self._manners.gone.is_set():
            wait_s = self._here.judge.wait_s(self._guest)
            if not wait_s:
                return
            await self._manners.sleep(wait_s)

    async def _answer(self, stream: Stream, machine: ChunkingSession, step: str, verdict: Verdict) -> None:
        if step and self._manners.find("hang", at=step) is not None:
            stream.write(machine.octets_to_send())  # only this answer never comes (RFC 2920 3.2)
        if step and not await self._manners.before(step, stream):
            return
        await self._say(stream, machine, step or "dot", verdict)

    async def _say(self, stream: Stream, machine: ChunkingSession, step: str, verdict: Verdict) -> None:
        self._count(verdict)
        reply, how = self._manners.shaped(step, self._reply(verdict))
        if not how:
            machine.answer(reply)
            return
        stream.write(machine.octets_to_send())
        machine.answer(reply)
        octets = machine.octets_to_send()
        if how == "endless":
            await self._manners.go_on(stream, reply)
        else:
            await self._manners.spell(stream, octets)

    def _count(self, verdict: Verdict) -> None:
        if not verdict.is_good:
            self._here.record.tally.refused[verdict.text] += 1

    def _reply(self, verdict: Verdict) -> Reply:
        if verdict.raw is not None:
            return verdict.raw
        return texts.reply(verdict.text, self.session_id, self._here.clock.now(), **verdict.facts)

    def _forget_mail(self) -> None:
        self._mail.drop(self._here, self._guest)
        self._mail = _Mail()

    def _offers(self) -> Offers:
        here, manners = self._here, self._manners
        banner = texts.banner(here.clock.now(), here.front_end)
        phrases = Phrases(banner, texts.HELLO, texts.TLS_READY, "", texts.GOODBYE)
        mood = manners.strike("no-extension")
        hidden = set(mood.word("which").upper().replace(",", " ").split()) if mood is not None else set()
        return WaywardOffers(
            here.front_end, MOST_OCTETS, tolerances=frozenset(),
            starttls=manners.strike("no-starttls") is None and "STARTTLS" not in hidden,
            mechanisms=() if "AUTH" in hidden else here.mechanisms,
            extensions=tuple(one for one in texts.EXTENSIONS if one.partition(" ")[0] not in hidden),
            phrases=phrases, dictate=self._dictate, marks=False,
        )  # fmt: skip

    def _dictate(self, step: str) -> Reply | None:
        mood = self._manners.strike("reply", at=step)
        return self._reply(said(mood.word("text"), self._guest.ip)) if mood is not None else None


@dataclass(slots=True)
class _Mail:
    """One transaction on its way in."""

    envelope: Envelope = field(default_factory=Envelope)
    size_octets: int = 0
    in_time: bool = True
    draft: Draft | None = None
    is_begun: bool = False

    def begin(self, here: Reception, guest: Guest) -> Draft:
        """A content begins: take the sender's place."""
        self.is_begun = True
        self.in_time = here.judge.begin(guest)
        self.draft = here.office.begin()
        return self.draft

    def drop(self, here: Reception, guest: Guest) -> None:
        """Forget the content and give the sender's place back."""
        if self.draft is not None:
            self.draft.drop()
            self.draft = None
        if self.is_begun:
            self.is_begun = False
            here.judge.end(guest)
