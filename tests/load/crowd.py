"""Many peers at once that do not behave, and one that does: how quickly it is served meanwhile, and what they cost.

All of them live in one loop; each comes from an address of 127.0.0.0/8, so that limits per address are seen at work.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PATIENCE_S = 60.0
NORMAL = (
    b"EHLO normal.test\r\nMAIL FROM:<scan@corp.test>\r\nRCPT TO:<lena@else.test>\r\nDATA\r\n"
    b"Message-ID: <%d@device.test>\r\n\r\nhello\r\n.\r\nQUIT\r\n"
)
Manner = Callable[["Member"], Awaitable[None]]


@dataclass
class Member:
    """One peer of a crowd: what it heard, and when the relay ended it (seconds after it came; 0 while it lives)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    came_at: float
    said: bytes = b""
    lasted_s: float = 0.0

    async def hear_all(self) -> None:
        """Read until the relay ends the connection."""
        with contextlib.suppress(ConnectionError):
            while octets := await self.reader.read(4096):
                self.said += octets
        self.lasted_s = time.monotonic() - self.came_at


async def silent(member: Member) -> None:
    """Says nothing at all."""


async def dribbling(member: Member) -> None:
    """One octet of a command every second, for ever."""
    with contextlib.suppress(ConnectionError):
        while not member.writer.is_closing():
            member.writer.write(b"E")
            await member.writer.drain()
            await asyncio.sleep(1.0)


async def stopping_in_data(member: Member) -> None:
    """An envelope, the beginning of a content, and then nothing."""
    member.writer.write(
        b"EHLO x\r\nMAIL FROM:<a@corp.test>\r\nRCPT TO:<b@else.test>\r\nDATA\r\nSubject: half"
    )


async def dribbling_in_data(member: Member) -> None:
    """An envelope, and then a line of two octets every second: each one is progress, all of it is too little."""
    await stopping_in_data(member)
    with contextlib.suppress(ConnectionError):
        while not member.writer.is_closing():
            member.writer.write(b"\r\n")
            await member.writer.drain()
            await asyncio.sleep(1.0)


@dataclass
class Crowd:
    """Peers of one manner. members are those that got a connection."""

    port: int
    members: list[Member] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def come(self, n: int, manner: Manner, *, addresses: int = 10, first: int = 2) -> None:
        """n peers, from so many addresses beginning at 127.0.0.FIRST; all have connected when this returns."""
        for begin in range(0, n, 50):
            await asyncio.gather(
                *(
                    self._one(manner, f"127.0.0.{first + i % addresses}")
                    for i in range(begin, min(n, begin + 50))
                )
            )

    async def _one(self, manner: Manner, address: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        member = Member(reader, writer, time.monotonic())
        self.members.append(member)
        loop = asyncio.get_running_loop()
        self._tasks += [loop.create_task(member.hear_all()), loop.create_task(_mannered(manner, member))]

    @property
    def n_alive(self) -> int:
        """Peers whose connection the relay has not ended."""
        return sum(not member.lasted_s for member in self.members)

    async def until(self, claim: Callable[[], bool]) -> None:
        """Wait for something, within patience."""
        async with asyncio.timeout(PATIENCE_S):
            while not claim():
                await asyncio.sleep(0.02)

    async def go(self) -> None:
        """Everybody leaves."""
        for task in self._tasks:
            task.cancel()
        for member in self.members:
            member.writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _mannered(manner: Manner, member: Member) -> None:
    await manner(member)


async def normal_client(port: int, n: int = 0) -> tuple[float, bytes]:
    """(seconds, all that was said) of one message from connect to the last octet."""
    since = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(NORMAL % n)
            said = await reader.read()
        finally:
            writer.close()
    return time.monotonic() - since, said


async def normal_clients(port: int, n: int) -> list[float]:
    """n normal clients, one after the other, ten a second at most; the seconds that each took. All are served."""
    took = []
    for number in range(n):
        seconds, said = await normal_client(port, number)
        assert b"\r\n250 2.6.0 queued as " in said, said
        took.append(seconds)
        await asyncio.sleep(0.1)
    return took
