"""Bad manners on demand: waits, silence, ends, and right answers in odd forms.

Apart from the session, which says what Exchange would say, and asks here first how. All waits end at once when the
peer has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from relay365.emulator.moods import Mood, Moods
from relay365.mail.status import Reply
from relay365.net.stream import Stream
from relay365.smtp.offers import Offers

GARBAGE = b"%%%% what was the question %%%%\r\n"
LONG_OCTETS = 100_000


class Manners:
    """The manners of one session. gone is set when nothing more can be said; account once somebody signed in."""

    def __init__(self, moods: Moods, service: str) -> None:
        self.gone = asyncio.Event()
        self.account = ""
        self._moods, self._service = moods, service

    def strike(self, name: str, **values: str) -> Mood | None:
        """A mood of this session, counted."""
        return self._moods.strike(name, self.account, self._service, **values)

    def find(self, name: str, **values: str) -> Mood | None:
        """A mood of this session, not counted."""
        return self._moods.find(name, self.account, self._service, **values)

    async def before(self, step: str, stream: Stream) -> bool:
        """Whatever comes before an answer at a step; False when there will be none."""
        slow = self.strike("slow", at=step) or self.strike("slow", at="all")
        if slow is not None:
            await self.sleep(slow.seconds("seconds"))
        if self.strike("hang", at=step) is not None:
            await self.gone.wait()
        end = self.strike("hang-up", at=step)
        if end is not None:
            self.end(stream, end.word("how"))
        return not self.gone.is_set()

    async def sleep(self, seconds: float) -> None:
        """Wait, or until the peer has gone."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone.wait()
        except TimeoutError:
            return

    def shaped(self, step: str, reply: Reply) -> tuple[Reply, str]:
        """The reply in the form that a mood asks for, and how it is to be said: "", "octets" or "endless"."""
        odd = self.strike("odd-reply", at=step)
        how = odd.word("how") if odd is not None else ""
        words = " ".join(reply.lines)
        if how == "lines":
            third = max(1, len(words) // 3)
            reply = Reply(
                reply.code, reply.status, (words[:third], words[third : 2 * third], words[2 * third :])
            )
        elif how == "long":
            reply = Reply(reply.code, reply.status, (words + " " + "x" * (LONG_OCTETS - len(words)),))
        return reply, how if how in ("octets", "endless") else ""

    async def spell(self, stream: Stream, octets: bytes) -> None:
        """Say something octet by octet, each in a segment of its own as far as the network lets it."""
        for n in range(len(octets)):
            stream.write(octets[n : n + 1])
            await self.sleep(0.001)

    async def go_on(self, stream: Stream, reply: Reply) -> None:
        """Say a reply that never comes to its last line, as long as somebody listens."""
        while not self.gone.is_set():
            stream.write(f"{reply.code}-{reply.lines[0]}\r\n".encode() * 10)
            await self.sleep(0.01)

    def end(self, stream: Stream, how: str) -> None:
        """End the connection: close, cut (without the goodbye of TLS) or reset."""
        if how == "reset":
            stream.reset()
        elif how == "cut":
            stream.abort()
        else:
            stream.close()
        self.gone.set()

    async def lie(self, stream: Stream, how: str) -> None:
        """What is said in place of the answer to a message that was taken."""
        if how == "garbage":
            stream.write(GARBAGE)
        elif how == "silence":
            await self.gone.wait()
        elif how == "half-close":
            stream.end_writing()
            await self.gone.wait()
        else:
            self.end(stream, how)


@dataclass(frozen=True, slots=True)
class WaywardOffers(Offers):
    """Offers whose answers to EHLO and STARTTLS, which the machine gives by itself, a mood may dictate."""

    dictate: Callable[[str], Reply | None] = lambda step: None

    def hello(self, peer: str, *, extended: bool, secured: bool) -> Reply:
        """See Offers."""
        said = self.dictate("ehlo") if extended else None
        return said or Offers.hello(self, peer, extended=extended, secured=secured)

    def starttls_refusal(self, argument: str, *, secured: bool) -> Reply | None:
        """See Offers."""
        return Offers.starttls_refusal(self, argument, secured=secured) or self.dictate("starttls")
