"""The submission port: it keeps its number through an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.exchange.listener import Listener
from relay365.emulator.exchange.session import Reception
from relay365.emulator.exchange.submission import Submission
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.tenant.office import PostOffice


@pytest.fixture
def reception(directory_of: Callable[..., Directory], tmp_path: Path, clock: FakeClock) -> Reception:
    moods, directory, record = Moods(clock), directory_of(), Record(tmp_path)
    judge = Submission(directory, lambda token, mailbox: "bad", moods, clock)

    def no_tls(how: str) -> None:
        raise AssertionError(how)

    office = PostOffice(directory, record, moods, clock)
    return Reception(judge, moods, record, office, no_tls, clock)  # type: ignore[arg-type]


async def _greeting(port: int) -> str:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return "refused"
    line = await reader.readline()
    writer.close()
    return line[:3].decode()


def test_the_port_refuses_and_answers_again(reception: Reception) -> None:
    """Before open() and after shut() connections are refused; the port stays ours and answers again."""

    async def story() -> list[str]:
        listener = Listener(reception, "127.0.0.1", 0)
        said = [await _greeting(listener.port)]
        await listener.open()
        await listener.open()
        said.append(await _greeting(listener.port))
        listener.shut()
        said.append(await _greeting(listener.port))
        with pytest.raises(OSError, match="in use"):
            await asyncio.start_server(lambda *_: None, "127.0.0.1", listener.port, reuse_address=False)
        await listener.open()
        said.append(await _greeting(listener.port))
        await listener.close()
        return [*said, await _greeting(listener.port)]

    assert ["refused", "220", "refused", "220", "refused"] == asyncio.run(story())


def test_shut_wins_over_an_open_on_its_way(reception: Reception) -> None:
    """A shut() that comes while the port is being opened is the last word."""

    async def story() -> str:
        listener = Listener(reception, "127.0.0.1", 0)
        opening = asyncio.get_running_loop().create_task(listener.open())
        await asyncio.sleep(0)
        listener.shut()
        await opening
        said = await _greeting(listener.port)
        await listener.close()
        return said

    assert "refused" == asyncio.run(story())


def test_a_taken_port(reception: Reception) -> None:
    """A port that another program listens on is an OSError."""

    async def story() -> None:
        other = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        try:
            with pytest.raises(OSError, match="in use"):
                Listener(reception, "127.0.0.1", other.sockets[0].getsockname()[1])
        finally:
            other.close()
            await other.wait_closed()

    asyncio.run(story())


def test_closing_ends_sessions(reception: Reception) -> None:
    """close() ends the sessions that are open, and their counters go back."""

    async def story() -> tuple[int, bytes, int]:
        listener = Listener(reception, "127.0.0.1", 0)
        await listener.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        await reader.readline()
        n_open = reception.record.tally.connections_open
        await listener.close()
        try:
            rest = await reader.read()
        except ConnectionResetError:
            rest = b""
        writer.close()
        return n_open, rest, reception.record.tally.connections_open

    assert (1, b"", 0) == asyncio.run(story())


def test_a_port_that_swallows(reception: Reception) -> None:
    """While connections are swallowed a client gets neither a connection nor a refusal; afterwards the port answers."""

    async def story() -> list[str]:
        listener = Listener(reception, "127.0.0.1", 0)
        await listener.open()
        listener.swallow()
        try:
            async with asyncio.timeout(0.5):
                said = [await _greeting(listener.port)]
        except TimeoutError:
            said = ["nothing"]
        await listener.open()
        said.append(await _greeting(listener.port))
        listener.swallow()
        listener.shut()
        said.append(await _greeting(listener.port))
        await listener.close()
        return said

    assert ["nothing", "220", "refused"] == asyncio.run(story())
