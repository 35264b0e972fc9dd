"""The SMTP ports follow the moods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.exchange.mx import MxHost
from relay365.emulator.exchange.session import Reception
from relay365.emulator.exchange.submission import Submission
from relay365.emulator.house.ports import Ports
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.tenant.office import PostOffice


async def _greeting(ports: Ports, service: str) -> str:
    try:
        async with asyncio.timeout(0.5):
            reader, writer = await asyncio.open_connection("127.0.0.1", ports.listeners[service].port)
            line = await reader.readline()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "nothing"
    writer.close()
    return line[:3].decode()


def test_each_port_follows_its_moods(
    directory_of: Callable[..., Directory], tmp_path: Path, clock: FakeClock
) -> None:
    """An outage of one service shuts or swallows its port alone, and the port answers again when it is over."""
    moods, directory, record = Moods(clock), directory_of(), Record(tmp_path)
    office = PostOffice(directory, record, moods, clock)
    judges = (Submission(directory, lambda token, mailbox: "", moods, clock), MxHost(directory, moods, clock))

    def no_tls(how: str) -> None:
        raise AssertionError(how)

    async def story() -> list[tuple[str, str]]:
        ports = Ports(moods)
        for judge in judges:
            ports.add(Reception(judge, moods, record, office, no_tls, clock), "127.0.0.1", 0, 0)  # type: ignore[arg-type]
        moods.changed = ports.follow
        ports.follow()
        await ports.settled()
        heard = []
        for how in ("", "refuse", "blackhole", ""):
            moods.clear()
            if how:
                moods.add({"name": "outage", "how": how, "service": "mx"})
            await ports.settled()
            heard.append((await _greeting(ports, "submission"), await _greeting(ports, "mx")))
        await ports.close()
        return heard

    assert [("220", "220"), ("220", "refused"), ("220", "nothing"), ("220", "220")] == asyncio.run(story())
