"""Bad manners: what is said instead, or how."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from fakes.clock import FakeClock
from relay365.emulator.exchange.manners import Manners, WaywardOffers
from relay365.emulator.moods import Moods
from relay365.mail.status import Reply
from relay365.net.stream import Stream

REPLY = Reply.of(250, "2.0.0", "OK <1@x> [Hostname=host]")


class _Ends(Stream):
    """A stream that only says how it was ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def close(self) -> None:
        self.ends.append("close")

    def abort(self) -> None:
        self.ends.append("cut")

    def reset(self) -> None:
        self.ends.append("reset")

    def end_writing(self) -> None:
        self.ends.append("half-close")


@pytest.fixture
def moods(clock: FakeClock) -> Moods:
    return Moods(clock)


@pytest.mark.parametrize(
    ("how", "lines", "n_octets"),
    [("lines", 3, 60), ("long", 1, 100_013), ("octets", 1, 36), ("endless", 1, 36)],
)
def test_odd_replies(moods: Moods, how: str, lines: int, n_octets: int) -> None:
    """The reply keeps its code, status and words in every form, and only at the step that was asked for."""
    moods.add({"name": "odd-reply", "how": how, "at": "dot", "count": 1})
    manners = Manners(moods, "mx")

    assert (REPLY, "") == manners.shaped("rcpt", REPLY)
    reply, way = manners.shaped("dot", REPLY)
    said = how if how in ("octets", "endless") else ""
    assert (lines, n_octets, said) == (len(reply.lines), len(reply.encode()), way)
    assert (250, "2.0.0") == (reply.code, str(reply.status))
    assert "".join(reply.lines).startswith("OK <1@x> [Hostname=host]")


def test_a_reply_without_end(moods: Moods) -> None:
    """It is a reply of many lines as far as it comes, and stops when nobody listens any more."""
    said: list[bytes] = []

    class Hears(_Ends):
        def write(self, octets: bytes) -> None:
            said.append(octets)

    async def story() -> None:
        manners = Manners(moods, "mx")
        talking = asyncio.get_running_loop().create_task(manners.go_on(Hears(), REPLY))
        while len(said) < 3:
            await asyncio.sleep(0.01)
        manners.gone.set()
        await asyncio.wait_for(talking, 10)

    asyncio.run(story())
    assert {b"250-"} == {line[:4] for line in b"".join(said).splitlines()}


@pytest.mark.parametrize("how", ["close", "reset"])
def test_hanging_up(moods: Moods, how: str) -> None:
    """`hang-up` ends the connection at its step and leaves the others alone."""
    moods.add({"name": "hang-up", "at": "rcpt", "how": how})
    stream = _Ends()

    async def story() -> list[bool]:
        manners = Manners(moods, "mx")
        return [await manners.before(step, stream) for step in ("mail", "rcpt")]

    assert ([True, False], [how]) == (asyncio.run(story()), stream.ends)


@pytest.mark.parametrize("mood", [{"name": "hang", "at": "data"}, {"name": "slow", "seconds": 3_600}])
def test_waits_end_with_the_peer(moods: Moods, mood: dict[str, object]) -> None:
    """Who waits on demand stops at once when the peer has gone, and says nothing more."""
    moods.add(mood)

    async def story() -> bool:
        manners = Manners(moods, "mx")
        waiting = asyncio.get_running_loop().create_task(manners.before("data", _Ends()))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        manners.gone.set()
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(story()) is False


@pytest.mark.parametrize("how", ["close", "cut", "reset", "half-close"])
def test_lies(moods: Moods, how: str) -> None:
    """Each lie ends the connection in its own way."""
    stream = _Ends()

    async def story() -> None:
        manners = Manners(moods, "mx")
        if how == "half-close":
            manners.gone.set()  # the peer closes its half, too
        await manners.lie(stream, how)
        assert manners.gone.is_set()

    asyncio.run(story())
    assert [how] == stream.ends


def test_wayward_offers() -> None:
    """What a mood dictates takes the place of the answers to EHLO and STARTTLS; HELO is served."""
    said = Reply.of(500, "5.5.1", "No")
    dictate: Callable[[str], Reply | None] = {"ehlo": said, "starttls": said}.get
    offers = WaywardOffers("host.example", starttls=True, dictate=dictate)

    assert said == offers.hello("peer", extended=True, secured=False)
    assert 250 == offers.hello("peer", extended=False, secured=False).code
    assert said == offers.starttls_refusal("", secured=False)
    assert WaywardOffers("host.example", starttls=True).starttls_refusal("", secured=False) is None
