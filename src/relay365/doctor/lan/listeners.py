"""Questions to our own listeners, asked as a device asks: does it answer, does it encrypt, for old machines too.

What stands between a device and us (a firewall, another network) is seen only from where the device is; a good answer
here says so. (RFC 5321; RFC 3207; docs/tls.md)
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from relay365.config import Listener, split_host_port
from relay365.doctor.finding import Finding, bad, good, unknown, warn
from relay365.doctor.probing.versions import open_context
from relay365.doctor.wire.shown import SOON_DAYS, Certificate, is_address, read
from relay365.doctor.wire.talk import Shown, Talk
from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.status import Reply
from relay365.smtp.client import ClientSession, Step
from relay365.spool.lock import DirectoryLock

HELO = "doctor.relay365.example"
PATIENCE_S = 10.0
STARTING_S = 2.0  # a relay has its data directory a moment before it listens
AGAIN_S = 0.2
SLOW_GREETING_S = 2.0  # some devices wait three seconds for a 220, APC's cards twenty

_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to
_PRINTERS = "kRSA+AES:@SECLEVEL=0"


@dataclass(frozen=True, slots=True)
class Gate:
    """One listener, as it is reached from this machine."""

    table: Listener
    file: Path

    @property
    def place(self) -> tuple[str, int]:
        """Host and port to connect to."""
        host, port = split_host_port(self.table.address)
        return _HERE.get(host, host), port

    @property
    def is_behind_proxy(self) -> bool:
        """Whether it waits for a proxy's header from us."""
        host, _ = self.place
        return (
            any(ipaddress.ip_address(host) in network for network in self.table.proxy_from)
            if is_address(host)
            else False
        )

    @property
    def keeps_us_out(self) -> bool:
        """Whether only hosts may connect, and this machine is none of them."""
        host, _ = self.place
        return (
            bool(self.table.hosts)
            and is_address(host)
            and not any(ipaddress.ip_address(host) in network for network in self.table.hosts)
        )


@dataclass(slots=True)
class Visit:
    """One conversation with a listener."""

    gate: Gate
    header: bytes = b"PROXY UNKNOWN\r\n"
    talk: Talk = field(default_factory=Talk)

    async def begin(self, context: ssl.SSLContext | None = None) -> Reply:
        """Connect, with TLS at once where the listener wants it, and EHLO; gives the greeting."""
        host, port = self.gate.place
        at_once = self.gate.table.tls == "implicit"
        if self.gate.is_behind_proxy and at_once:
            raise TransportError("tls", "a PROXY header in front of TLS at once is not tried")
        await self.talk.connect(host, port, tls=(context or open_context()) if at_once else None)
        if self.gate.is_behind_proxy:
            await self.talk.write(self.header)
        greeting = await self.talk.greeting(PATIENCE_S)
        if greeting.is_positive:
            await self.talk.ask(Step.EHLO, lambda machine: machine.ehlo(HELO), PATIENCE_S)
        return greeting

    async def encrypt(self, context: ssl.SSLContext) -> Shown:
        """A connection of its own up to the handshake; raises TransportError or RemoteProtocolError."""
        greeting = await self.begin(context)
        if self.talk.shown is None:
            if not greeting.is_positive or not self.talk.machine.offers("STARTTLS"):
                raise RemoteProtocolError("it does not offer STARTTLS")
            await self.talk.ask(Step.STARTTLS, ClientSession.starttls, PATIENCE_S)
            await self.talk.secure(context, self.gate.place[0])
        if self.talk.shown is None:
            raise TransportError("tls", "no handshake")
        return self.talk.shown


async def service(data: Path, file: Path) -> Finding:
    """Whether a relay runs on this data directory."""
    pid = await asyncio.to_thread(DirectoryLock(data).holder)
    if pid is None:
        why = f"no process has {data}: devices find nobody"
        return bad(
            "the relay is not running", why, f"systemctl start relay365, or relay365 run --config {file}"
        )
    return good(f"the relay runs as process {pid}")


async def answers(gate: Gate) -> Finding:
    """Whether the listener greets, quickly, and offers what it should."""
    host, port = gate.place
    if port == 0:
        why = "with port 0 the system chooses a new port at each start, and no device can know it"
        return warn(
            f"{gate.table.address} has no port of its own",
            why,
            'give [[listener]] address a port, such as ":25"',
        )
    try:
        visit, greeting = await _greeted(gate)
    except (TransportError, RemoteProtocolError) as error:
        return _silent(gate, error)
    took_s = visit.talk.at_s
    await visit.talk.close()
    if not greeting.is_positive:
        return bad(
            f"{gate.table.address} greets with a refusal",
            "too many sessions, or it is stopping",
            "relay365 status",
            str(greeting),
        )
    if gate.table.tls in ("optional", "required") and not visit.talk.machine.offers("STARTTLS"):
        why = "its certificate could not be used, or a [[device]] rule for this machine hides STARTTLS"
        return bad(f"{gate.table.address} offers no STARTTLS", why, "relay365 config check")
    if took_s > SLOW_GREETING_S:
        return warn(
            f"{gate.table.address} greets after {took_s:.1f} s",
            "impatient devices leave before",
            "relay365 status",
        )
    there = f"from a printer's network try: relay365 probe {host}:{port}"
    return good(f"{gate.table.address} answers here after {took_s * 1000:.0f} ms; {there}")


async def _greeted(gate: Gate) -> tuple[Visit, Reply]:
    """A visit and its greeting; a relay that is only starting gets STARTING_S to listen. Raises as Visit.begin."""
    loop = asyncio.get_running_loop()
    until = loop.time() + STARTING_S
    while True:
        visit = Visit(gate)
        try:
            return visit, await visit.begin()
        except (TransportError, RemoteProtocolError) as error:
            await visit.talk.close()
            is_shut = isinstance(error, TransportError) and error.phase == "connect"
            if not is_shut or gate.keeps_us_out or loop.time() >= until:
                raise
        await asyncio.sleep(AGAIN_S)


def _silent(gate: Gate, error: Exception) -> Finding:
    if gate.keeps_us_out:
        why = "only hosts may connect there, and this machine is none of them"
        return unknown(
            f"{gate.table.address} turns us away",
            why,
            "ask from one of its devices: relay365 probe",
            str(error),
        )
    do = f"who listens there? ss -ltnp 'sport = :{gate.place[1]}'; then: systemctl restart relay365"
    return bad(
        f"{gate.table.address} does not answer",
        "another program has the port, or the file was changed since the relay was started",
        do,
        str(error),
    )


async def certificate(gate: Gate, now: float) -> Finding:
    """The certificate that devices see: its dates, its names, and a key that printers know."""
    visit = Visit(gate)
    try:
        shown = await visit.encrypt(open_context(ssl.TLSVersion.TLSv1_2))
    except (TransportError, RemoteProtocolError) as error:
        return bad(
            f"{gate.table.address}: no handshake with TLS 1.2 or 1.3",
            "its certificate or key cannot be used",
            "relay365 config check",
            str(error),
        )
    finally:
        await visit.talk.close()
    one = read(shown.certificates)
    if one is None:
        return unknown(f"{gate.table.address}: no certificate", "it cannot be read", "relay365 config check")
    return _judged(gate, one, now) or good(
        f"{gate.table.address}: {shown.version}, {one.key}, for {', '.join(one.names[:4])}; "
        f"{one.days_left(now)} days left"
    )


def _judged(gate: Gate, one: Certificate, now: float) -> Finding | None:
    """What is wrong with a certificate that devices see; None where nothing is."""
    table, host = gate.table, split_host_port(gate.table.address)[0]
    of = f"the certificate of {table.address}"
    own = "restart the relay: it makes a new one"
    heal = "give the listener a new one (certificate, key)" if table.certificate is not None else own
    if not one.holds(now):
        return bad(f"{of} ended {one.ends:%Y-%m-%d}", "devices that check it refuse us", heal)
    if one.days_left(now) < SOON_DAYS:
        return warn(f"{of} ends in {one.days_left(now)} days", "devices that check it will refuse us", heal)
    if not one.key.startswith("RSA"):
        why = "printers of before 2018 know RSA only"
        return warn(f"{of} has {one.key}", why, "give the listener an RSA certificate")
    if host not in _HERE and not one.fits(host):
        why = "a device that checks it, and was given this address, refuses us"
        return warn(f"{of} is for {', '.join(one.names[:4])}", why, heal)
    return None


async def printers(gate: Gate) -> Finding:
    """A handshake as printers of 2012 to 2018 make it: TLS 1.2, key exchange by RSA and nothing else."""
    context = open_context(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, _PRINTERS)
    why = 'printers of 2012 to 2018 find no cipher in common and say "cannot connect"'
    do = 'ciphers = "office" with an RSA certificate, or none at all, in the [[listener]]'
    return await _handshake(gate, context, "TLS 1.2 with key exchange by RSA", why, do)


async def old_machines(gate: Gate, today: dt.date) -> Finding:
    """A handshake with TLS 1.0, on a listener for old machines; and whether somebody should look at it again."""
    context = open_context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1)
    why = "the library of this system may have TLS 1.0 switched off (crypto-policies, OPENSSL_CONF)"
    finding = await _handshake(
        gate, context, "TLS 1.0", why, "let old machines send without TLS, on a network of their own"
    )
    review = gate.table.review_by
    if review is not None and review < today:
        why = "TLS 1.0 can be broken; somebody wanted to look whether the machines are still there"
        do = "move review_by, or take the listener out"
        return warn(f"{gate.table.address} should have been reviewed by {review}", why, do)
    return finding


async def _handshake(gate: Gate, context: ssl.SSLContext, what: str, why: str, do: str) -> Finding:
    visit = Visit(gate)
    try:
        shown = await visit.encrypt(context)
    except (TransportError, RemoteProtocolError) as error:
        return warn(f"{gate.table.address}: no {what}", why, do, str(error))
    finally:
        await visit.talk.close()
    return good(f"{gate.table.address} takes {what} ({shown.cipher})")
