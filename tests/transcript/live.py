"""Plays a server transcript against a real listener, session and spool, over a socket on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import struct
from dataclasses import dataclass, replace
from typing import Any

from fakes.claims import claim_due
from relay365.clock import SystemClock
from relay365.engine.listener import Listener, SessionCount
from relay365.engine.reception import Reception
from relay365.engine.session import Session
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.client import NOBODY, Client
from relay365.smtp.events import MailGiven
from relay365.spool.api import Claim, Fate, Intake, NewMessage, Settlement, Spool, State
from transcript.house import Accepted, House, check_accepted, spool_error_of
from transcript.script import WHOLE, Block, Script, check_replies

ANSWER_S = 10.0
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
LANE = "out"


@dataclass
class Tls:
    """Both ends of a handshake."""

    server: ssl.SSLContext
    client: ssl.SSLContext


class WaitingCount(SessionCount):
    """A count of sessions that can be waited for."""

    def __init__(self) -> None:
        super().__init__(most=100, most_per_address=100)
        self.is_empty = asyncio.Event()

    def leave(self, session: Session) -> None:
        super().leave(session)
        if not self.sessions:
            self.is_empty.set()


class HouseGate:
    """The house's answers as a gate."""

    def __init__(self, house: House) -> None:
        self._house = house

    def client(self, facts: SubmitterFacts) -> Client:
        offers = self._house.offers
        return replace(NOBODY, tolerances=offers.tolerances, sender=offers.sender, login=self._house.login)

    def connect(self, peer_address: str) -> Reply | None:
        return self._house.connect

    def mail(self, facts: SubmitterFacts, event: MailGiven) -> Reply | None:
        return self._house.answer("mail")

    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None:
        return self._house.answer("rcpt")

    def took(self, facts: SubmitterFacts, n_octets: int) -> None:
        """Nobody counts."""


class UnwellIntake:
    """A real intake whose commit fails."""

    def __init__(self, intake: Intake, reply: Reply) -> None:
        self._intake, self._reply = intake, reply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._intake, name)

    async def commit(self, message: NewMessage) -> None:
        self._intake.abandon()
        raise spool_error_of(self._reply)


class UnwellSpool:
    """A real spool that refuses where the house says so (`? data`, `? dot`)."""

    def __init__(self, spool: Spool, house: House) -> None:
        self._spool, self._house = spool, house

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spool, name)

    def begin(self) -> Any:
        if (refusal := self._house.answer("data")) is not None:
            raise spool_error_of(refusal)
        intake = self._spool.begin()
        refusal = self._house.answer("dot")
        return intake if refusal is None else UnwellIntake(intake, refusal)


async def play(script: Script, spool: Spool, tls: Tls) -> None:
    """Play it on a connection of its own; every reply is checked where the script has it, the spool at the end."""
    house, count, clock = House(script), WaitingCount(), SystemClock()

    async def verify(identity: str, secret: str, address: str) -> bool:
        return house.is_right(identity, secret)

    def lanes_of(envelope: Envelope, facts: SubmitterFacts, octets: int) -> list[str]:
        return [LANE] * len(envelope.forward_paths)

    reception = Reception(
        "test", house.offers, house.limits, tls.server, False, HouseGate(house), verify, UnwellSpool(spool, house),
        lanes_of, 3600.0, lambda lane: None, clock, xclient_from=LOOPBACK * house.offers.xclient,
    )  # fmt: skip
    listener = Listener(reception, count)
    port = int((await listener.open("127.0.0.1", 0)).rpartition(":")[2])
    try:
        async with asyncio.timeout(ANSWER_S):
            await asyncio.to_thread(_converse, script, port, tls)
            await count.is_empty.wait()
    finally:
        listener.stop()
    check_accepted(script, await _take_accepted(spool, clock.now()))


class _Client:
    """A client with nothing but the operating system's socket and TLS, in a thread of its own."""

    def __init__(self, port: int, tls: Tls) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_S)
        self._lines = self._socket.makefile("rb")
        self._tls = tls

    def do(self, event: str) -> None:
        """Make an event of a script happen."""
        if event == "tls":
            self._socket = self._tls.client.wrap_socket(self._socket, server_hostname="localhost")
            self._lines = self._socket.makefile("rb")
        elif event == "eof":
            self._socket.shutdown(socket.SHUT_WR)
        elif event == "gone":  # without linger a close is a reset
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()

    def write(self, octets: bytes) -> None:
        """Write at once; a server that has closed may refuse it."""
        if octets:
            with contextlib.suppress(ConnectionError):
                self._socket.sendall(octets)

    def said(self, block: Block) -> bytes:
        """As many lines as are expected; a line too many is read, and found, with the next."""
        said = b""
        for mark, _ in block.expected:
            line = self._lines.readline()
            said += line
            while mark in WHOLE and line[3:4] == b"-":
                line = self._lines.readline()
                said += line
        return said

    def rest(self) -> bytes:
        """Say no more, and read to the end. TLS cannot close one side only: there it says QUIT."""
        with contextlib.suppress(OSError):
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.sendall(b"QUIT\r\n")
            else:
                self._socket.shutdown(socket.SHUT_WR)
        try:
            rest = self._lines.read()
        except ConnectionError:
            rest = b""
        return b"" if rest.startswith(b"221 ") and isinstance(self._socket, ssl.SSLSocket) else rest

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


def _converse(script: Script, port: int, tls: Tls) -> None:
    with contextlib.closing(_Client(port, tls)) as client:
        for block in script.blocks:
            client.do(block.event)
            client.write(block.octets)
            check_replies(script, block.expected, client.said(block))
        if script.blocks[-1].event != "gone":
            check_replies(script, [], client.rest())


async def _take_accepted(spool: Spool, now: float) -> list[Accepted]:
    """What the spool has accepted since the last look; it is settled, so that it is seen once."""
    claims = await claim_due(spool, LANE, limit=100, now=now + 1, lease_until_at=now + 100)
    accepted = [await _accepted(claim) for claim in claims]
    settled = [
        Settlement(c.spool_id, c.lease, tuple(Fate(r.n, State.DELIVERED) for r in c.recipients))
        for c in claims
    ]
    await spool.settle(settled)
    return accepted


async def _accepted(claim: Claim) -> Accepted:
    octets = claim.content.octets()
    if octets is None:
        octets = b"".join([block async for block in claim.content.blocks()])
    submitter = claim.submitter
    assert f" with {submitter.protocol} id {claim.spool_id}".encode() in claim.trace
    return Accepted(claim.envelope, octets, submitter.helo, submitter.login, submitter.protocol)
