"""Stand-ins for what is outside of us: a transport of asyncio, and a loop whose time jumps instead of passing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

from relay365.engine.reception import Gate, Reception
from relay365.engine.session import Session
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.net.stream import Stream
from relay365.rules.client import NOBODY, Client
from relay365.smtp.events import MailGiven
from relay365.smtp.offers import Limits, Offers
from relay365.spool.api import Intake, NewMessage, Spool

HIGH_WATER_OCTETS = 64 * 1024


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[valid-type,misc]
    """Where the loop would sleep until a timer, the time is already there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready: list[Any] = super().select(0)
        if ready or timeout is None or timeout <= 0:
            return ready
        self.now += timeout
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """No test waits: an hour is over as soon as nothing else is to be done. For one thread and no sockets."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class LoopClock:
    """The loop's time as a clock."""

    def now(self) -> float:
        return 1_700_000_000.0 + self.mono()

    def mono(self) -> float:
        return asyncio.get_running_loop().time()

    def dice(self) -> float:
        return 0.5


class FakeTransport(asyncio.Transport):
    """A connection whose peer is the test. A peer that does not read lets what is written pile up."""

    def __init__(self, protocol: Stream, peer: tuple[str, int] = ("192.0.2.7", 2525)) -> None:
        super().__init__({"peername": peer})
        self.written = bytearray()
        self.is_reading_paused = self.closed = self.aborted = False
        self.peer_reads = True
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self.written += data
        if not self.peer_reads and len(self.written) > HIGH_WATER_OCTETS:
            self._protocol.pause_writing()

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class OpenGate:
    """Everybody may do everything."""

    def client(self, facts: SubmitterFacts) -> Client:
        return NOBODY

    def connect(self, peer_address: str) -> Reply | None:
        return None

    def mail(self, facts: SubmitterFacts, event: MailGiven) -> Reply | None:
        return None

    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None:
        return None

    def took(self, facts: SubmitterFacts, n_octets: int) -> None:
        """Nobody counts."""


async def nobody(identity: str, secret: str, address: str) -> bool:
    """No login is right."""
    return False


def reception(
    spool: Spool,
    *,
    limits: Limits | None = None,
    offers: Offers | None = None,
    gate: Gate | None = None,
    verify: Callable[[str, str, str], Awaitable[bool]] = nobody,
) -> Reception:
    """A reception of the test's own, everything else as simple as it gets."""
    return Reception(
        "test", offers or Offers("relay.test"), limits or Limits(), None, False, gate or OpenGate(), verify, spool,
        lambda envelope, facts, octets: ["out"] * len(envelope.forward_paths), 3600.0, lambda lane: None, LoopClock(),
    )  # fmt: skip


class Device:
    """A peer in a test's hand: it says octets and hears replies."""

    def __init__(self, here: Reception) -> None:
        self.n_ended = 0
        self.session = Session(here, self._ended)
        self.stream = Stream(self.session)
        self.transport = FakeTransport(self.stream)
        self.stream.connection_made(self.transport)

    def _ended(self, session: Session) -> None:
        self.n_ended += 1

    def say(self, octets: bytes) -> None:
        """Octets arrive."""
        room = self.stream.get_buffer(len(octets))
        room[: len(octets)] = octets
        self.stream.buffer_updated(len(octets))

    def hang_up(self) -> None:
        """The connection is lost."""
        self.transport.abort()
        self.stream.connection_lost(None)

    def heard(self) -> bytes:
        """What was said since the last look."""
        said = bytes(self.transport.written)
        self.transport.written.clear()
        return said

    async def reply(self) -> bytes:
        """What was said, when all that can be done at once has been done."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.heard()

    async def to_data(self, content: bytes = b"") -> None:
        """An envelope and DATA, and the beginning of a content."""
        self.say(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
        assert (await self.reply()).endswith(b"\r\n354 Start mail input; end with <CRLF>.<CRLF>\r\n")
        self.say(content) if content else None


class StubbornIntake:
    """A real intake that does what a disk may do: make wait, fail, and tell whether it was given back."""

    def __init__(self, spool: StubbornSpool, intake: Intake) -> None:
        self._spool, self._intake = spool, intake
        self.spool_id = intake.spool_id

    @property
    def size_octets(self) -> int:
        return self._intake.size_octets

    def write(self, block: bytes) -> bool:
        self._intake.write(block)
        return not self._spool.is_slow

    async def drained(self) -> None:
        await self._spool.may_go_on.wait()
        if self._spool.fault is not None:
            raise self._spool.fault

    async def commit(self, message: NewMessage) -> None:
        await self._spool.may_go_on.wait()
        if self._spool.fault is not None:
            raise self._spool.fault
        await self._intake.commit(message)
        self._spool.committed.append(message)

    def abandon(self) -> None:
        self._spool.n_abandoned += 1
        self._intake.abandon()


class StubbornSpool:
    """A real spool behind a disk that the test commands."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.is_slow = False
        self.fault: Exception | None = None
        self.n_abandoned = 0
        self.committed: list[NewMessage] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spool, name)

    def begin(self) -> Any:
        return StubbornIntake(self, self._spool.begin())
