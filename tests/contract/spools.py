"""What every test of a spool needs: a clock that stands still, both kinds of spool, and short words for mail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from fakes.claims import claim_due
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.spool.api import (
    Claim,
    Fate,
    Intake,
    MessageView,
    NewMessage,
    Selection,
    Settlement,
    Spool,
    State,
)
from relay365.spool.memory import MemorySpool
from relay365.spool.sqlite import SqliteSpool

T = TypeVar("T")

START_AT = 1_000_000.0
LIFE_S = 1000.0
LEASE_S = 100.0
LANE = "smarthost"
FACTS = SubmitterFacts("127.0.0.1:25", "192.0.2.7", 4711, "printer", "ESMTP", "", "scan", "Kopierer 2. OG")

TAKEN = Outcome(Kind.DELIVERED, reply_text="250 2.0.0 taken", row="ok", remote_id="<r@x>")
NOT_NOW = Outcome(Kind.DEFERRED, klass=Class.TRANSIENT, reply_text="451 4.2.1 not now", row="later")
NEVER = Outcome(Kind.FAILED, klass=Class.MESSAGE, reply_text="550 5.1.1 no such user", row="gone")
NO_ANSWER = Outcome(
    Kind.UNCERTAIN, klass=Class.TRANSIENT, reply_text="no answer after the final dot", row="dot"
)


@dataclass
class StillClock:
    """Time moves when a test says so."""

    at: float = START_AT
    mono_at: float = 0.0

    def now(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.mono_at

    def dice(self) -> float:
        return 0.5


class Life(Protocol):
    """The store of one data directory through its lives."""

    clock: StillClock

    async def open(self) -> Spool:
        """Begin the first or the next life; the one before must be closed."""
        ...


@dataclass
class MemoryLife:
    """Lives of the reference model."""

    clock: StillClock = field(default_factory=StillClock)
    _last: MemorySpool | None = None

    async def open(self) -> Spool:
        self._last = MemorySpool(self.clock, self._last)
        return self._last


@dataclass
class SqliteLife:
    """Lives of the real one, in a directory."""

    directory: Path
    clock: StillClock = field(default_factory=StillClock)

    async def open(self) -> SqliteSpool:
        return await SqliteSpool.open(self.directory, clock=self.clock, disk_floor_octets=0)


def live(life: Life, *stories: Callable[[Spool], Awaitable[T]]) -> T:
    """Run each story in a life of its own, one after the other; gives what the last one gives."""

    async def lives() -> T:
        for story in stories:
            spool = await life.open()
            try:
                given = await story(spool)
            finally:
                await spool.close()
        return given

    return asyncio.run(lives())


def new_message(
    *recipients: str,
    at: float = START_AT,
    lane: str = LANE,
    life_s: float = LIFE_S,
    reverse_path: str = "scan@contoso.com",
    notify: str = "NEVER",
) -> NewMessage:
    """A message as a session commits it."""
    paths = tuple(
        ForwardPath(address, notify, f"rfc822;{address}") for address in recipients or ("lena@x.test",)
    )
    envelope = Envelope(reverse_path, paths, "8BITMIME", True, "HDRS", "env+2D1")
    return NewMessage(
        envelope, FACTS, lane, at, at + life_s, b"Received: by relay.test\r\n", "<1@device.test>", "scan@contoso.com"
    )  # fmt: skip


def octets_of(size: int, seed: int = 1) -> bytes:
    """A content of a size; different seeds differ everywhere."""
    line = bytes(33 + (seed * 7 + n) % 90 for n in range(70)) + b"\r\n"
    return (line * (size // len(line) + 1))[:size]


async def fill(intake: Intake, octets: bytes, block: int = 64 * 1024) -> None:
    """Write a content in blocks, waiting where the intake asks for it."""
    for start in range(0, len(octets), block):
        if not intake.write(octets[start : start + block]):
            await intake.drained()


async def accept(
    spool: Spool, message: NewMessage | None = None, octets: bytes = b"Subject: x\r\n\r\nhi\r\n"
) -> SpoolId:
    """Take a message in, as a session does."""
    intake = spool.begin()
    await fill(intake, octets)
    await intake.commit(message or new_message())
    return intake.spool_id


async def claim(spool: Spool, now: float = START_AT, *, lane: str = LANE, limit: int = 10) -> list[Claim]:
    """Claim what is due, for LEASE_S."""
    return await claim_due(spool, lane, limit=limit, now=now, lease_until_at=now + LEASE_S)


async def read(claim_: Claim) -> bytes:
    """The content of a claim, by its blocks."""
    return b"".join([block async for block in claim_.content.blocks()])


def settlement(claim_: Claim, *fates: Fate) -> Settlement:
    """Fates for the recipients of a claim, in their order; one fate is for all of them."""
    given = fates * len(claim_.recipients) if len(fates) == 1 else fates
    return Settlement(
        claim_.spool_id,
        claim_.lease,
        tuple(replace(fate, n=r.n) for fate, r in zip(given, claim_.recipients, strict=True)),
    )


DELIVERED = Fate(0, State.DELIVERED, TAKEN)
FAILED = Fate(0, State.FAILED, NEVER, owes=Debt.FAILURE)
DEFERRED = Fate(0, State.QUEUED, NOT_NOW, next_attempt_at=START_AT + 60)
UNCERTAIN = Fate(0, State.QUEUED, NO_ANSWER, next_attempt_at=START_AT + 60, possible_duplicate=True)
UNTOUCHED = Fate(0, State.QUEUED, None, next_attempt_at=START_AT, counted=False)
HELD = Fate(0, State.HELD, NOT_NOW)


async def states(spool: Spool, spool_id: SpoolId) -> list[str]:
    """The states of a message's recipients, in their order; [] for an unknown one."""
    view = await spool.show(spool_id)
    return [r.state.value for r in view.recipients] if view is not None else []


async def events(spool: Spool, spool_id: SpoolId) -> list[tuple[int, str]]:
    """(n, name) of each event of a message."""
    view = await spool.show(spool_id)
    assert view is not None
    return [(event.n, event.name) for event in view.events]


async def everything(spool: Spool) -> list[MessageView]:
    """All messages, oldest first."""
    return await spool.list(Selection(limit=10_000))
