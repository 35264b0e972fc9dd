"""The probe: connects to a mail server as often as is needed and gives what was seen, as one value.

It is `openssl s_client` that speaks SMTP. Nothing is sent: MAIL and RCPT, where they are asked for, end in RSET.
(RFC 5321; RFC 3207; RFC 8314 3.3 for TLS at once)
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from relay365.doctor.probing.versions import Spoken, exchanges, open_context, suites, versions
from relay365.doctor.wire.shown import is_address
from relay365.doctor.wire.talk import Entry, Shown, Talk
from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.status import Reply
from relay365.net.tls import client_context
from relay365.routes.wire.line import UNKNOWN
from relay365.smtp.client import ClientSession, Step

SILENCE_S = 3.0  # so long a plain port is given for its greeting, before TLS at once is tried
TLS_PORT = 465

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed. manner: auto, starttls or tls; name: what the certificate should say; helo: our own name."""

    host: str
    port: int
    manner: str = "auto"
    name: str = ""
    helo: str = "probe.relay365.example"
    ca_file: str = ""
    least: str = "1.0"
    enumerate_suites: bool = False
    sender: str | None = None
    recipient: str = ""
    patience_s: float = 15.0

    @property
    def called(self) -> str:
        """The name that its certificate must have."""
        return self.name or self.host


@dataclass(slots=True)
class Seen:
    """What the probe saw; what is empty was not there, and faults says why where that is known.

    manner: "tls" (at once), "starttls" or "plain". distrust: why our strict client would refuse it, "" where it would
    not. asked: what MAIL and RCPT were answered.
    """

    manner: str = ""
    greeting: str = ""
    greeting_s: float = 0.0
    features: dict[str, str] = field(default_factory=dict)
    features_inside: dict[str, str] = field(default_factory=dict)
    shown: Shown | None = None
    distrust: str = ""
    spoken: list[Spoken] = field(default_factory=list)
    exchanges: list[str] = field(default_factory=list)
    suites: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS came about in any way."""
        return self.shown is not None


async def probe(target: Target, told: Told = lambda words: None) -> Seen:
    """Look at it; told: what is being done, for who waits.

    Raises TransportError(phase="resolve" or "connect") where nobody is there, and RemoteProtocolError where what
    answers is no mail server.
    """
    seen = Seen()
    told("greeting")
    await _first_look(target, seen)
    if seen.manner == "plain":
        return seen
    told("trust")
    seen.distrust = await _distrust(target, seen.manner)

    async def shake(context: ssl.SSLContext) -> Shown:
        return await _shaken(target, seen.manner, context)

    told("TLS versions")
    seen.spoken = await versions(shake, target.least)
    old = [one.version for one in seen.spoken if one.is_spoken and one.version != "1.3"]
    if old:
        told("key exchange")
        seen.exchanges = await exchanges(shake, old[0])
    for version in old if target.enumerate_suites else ():
        told(f"cipher suites of TLS {version}")
        seen.suites[version] = await suites(shake, version)
    return seen


async def _first_look(target: Target, seen: Seen) -> None:
    """One conversation with whatever it is: who speaks first, what is offered in clear and inside."""
    at_once = target.manner == "tls" or (target.manner == "auto" and target.port == TLS_PORT)
    ways = (at_once, not at_once) if target.manner == "auto" else (at_once,)
    for way in ways:
        try:
            return await _look(target, seen, at_once=way)
        except _NoGreeting as silence:
            why = str(silence)
    hint = "" if target.manner == "auto" else "; it may want TLS at once (--tls), or none (--starttls)"
    raise TransportError("greet", f"no greeting: {why}{hint}")


class _NoGreeting(Exception):
    """It waits for something else than we do."""


async def _look(target: Target, seen: Seen, *, at_once: bool) -> None:
    talk = Talk()
    try:
        await talk.connect(
            target.host, target.port, tls=open_context() if at_once else None, name=_sni(target)
        )
        began = talk.at_s
        within_s = SILENCE_S if target.manner == "auto" and not at_once else target.patience_s
        greeting = await _greeted(talk, within_s)
        seen.greeting, seen.greeting_s = str(greeting), talk.at_s - began
        await _introduce(target, seen, talk, at_once=at_once)
        if target.sender is not None:
            seen.asked = await _asked(target, talk)
    except TransportError as error:
        if error.phase == "tls" and at_once and not seen.greeting:
            raise _NoGreeting(str(error)) from error  # a plain port answers a hello with words
        raise
    finally:
        seen.entries = talk.entries
        await talk.close()


async def _greeted(talk: Talk, within_s: float) -> Reply:
    try:
        return await talk.greeting(within_s)
    except TransportError as error:
        raise _NoGreeting(str(error)) from error


async def _introduce(target: Target, seen: Seen, talk: Talk, *, at_once: bool) -> None:
    """EHLO, or HELO where that is not known, and STARTTLS where it is offered."""
    hello = await talk.ask(Step.EHLO, lambda machine: machine.ehlo(target.helo), target.patience_s)
    if hello.code in UNKNOWN:
        await talk.ask(Step.HELO, lambda machine: machine.helo(target.helo), target.patience_s)
    seen.features = seen.features_inside = dict(talk.machine.features)
    seen.manner, seen.shown = ("tls", talk.shown) if at_once else ("plain", None)
    if at_once or "STARTTLS" not in seen.features:
        return
    reply = await talk.ask(Step.STARTTLS, ClientSession.starttls, target.patience_s)
    if reply.code != 220:
        return
    seen.manner = "starttls"
    with contextlib.suppress(TransportError):  # then the versions say what it wants
        await talk.secure(open_context(), _sni(target))
        seen.shown = talk.shown
        await talk.ask(Step.EHLO, lambda machine: machine.ehlo(target.helo), target.patience_s)
        seen.features_inside = dict(talk.machine.features)


async def _asked(target: Target, talk: Talk) -> list[tuple[str, str]]:
    """MAIL, RCPT and RSET, each with its answer."""
    envelope = Envelope(target.sender or "", (ForwardPath(target.recipient),))
    steps: list[tuple[str, Callable[[], Awaitable[Reply]]]] = [
        (
            f"MAIL FROM:<{envelope.reverse_path}>",
            lambda: talk.ask(Step.MAIL, lambda m: m.mail(envelope, 1000)),
        ),
    ]
    if target.recipient:
        path = envelope.forward_paths[0]
        steps.append((f"RCPT TO:<{path.address}>", lambda: talk.ask(Step.RCPT, lambda m: m.rcpt(path))))
    steps.append(("RSET", lambda: talk.ask(Step.RSET, ClientSession.rset)))
    found = []
    for words, step in steps:
        reply = await step()
        found.append((words, str(reply)))
        if not reply.is_positive and not words.startswith("RCPT"):
            break
    return found


async def _distrust(target: Target, manner: str) -> str:
    """Why a client that verifies would refuse it, "" where it would not."""
    try:
        await _shaken(target, manner, client_context(target.ca_file))
    except TransportError as error:
        return str(error).removeprefix("tls: ").removeprefix("certificate not trusted: ")
    return ""


async def _shaken(target: Target, manner: str, context: ssl.SSLContext) -> Shown:
    """One connection up to its handshake; raises TransportError or RemoteProtocolError."""
    talk = Talk()
    try:
        at_once = manner == "tls"
        name = target.called if context.check_hostname else _sni(target)
        await talk.connect(target.host, target.port, tls=context if at_once else None, name=name)
        if not at_once:
            await talk.greeting(target.patience_s)
            await talk.ask(Step.EHLO, lambda machine: machine.ehlo(target.helo), target.patience_s)
            reply = await talk.ask(Step.STARTTLS, ClientSession.starttls, target.patience_s)
            if reply.code != 220:
                raise RemoteProtocolError(f"STARTTLS was answered {reply}")
            await talk.secure(context, name)
        if talk.shown is None:
            raise TransportError("tls", "no handshake")
        return talk.shown
    finally:
        await talk.close()


def _sni(target: Target) -> str:
    """An address is never said as a server's name (RFC 6066 3); a library that is given one leaves it out."""
    return target.called


def openssl_line(target: Target, manner: str) -> str:
    """The same question to openssl, to be pasted."""
    words = ["openssl", "s_client", "-crlf", "-showcerts", "-connect", _joined(target.host, target.port)]
    if manner != "tls":
        words[2:2] = ["-starttls", "smtp"]
    if not is_address(target.called):
        words += ["-servername", target.called, "-verify_hostname", target.called]
    if target.ca_file:
        words += ["-CAfile", target.ca_file]
    return " ".join(words)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def within(seconds: float, looked: Awaitable[Seen]) -> Seen:
    """The probe as a whole within its time; raises TransportError(phase="await")."""
    try:
        async with asyncio.timeout(seconds):
            return await looked
    except TimeoutError:
        raise TransportError("await", f"the probe did not end within {seconds:.0f} s") from None
