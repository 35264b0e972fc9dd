"""The emulator as a whole, inside the test's own loop."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.emulator.app import Emulator, Wishes
from relay365.emulator.folder import Folder
from relay365.emulator.scenario import Scenario
from relay365.errors import ConfigError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose keys are made already."""
    path = tmp_path_factory.mktemp("made") / "directory"
    folder = Folder(path)
    folder.take()
    folder.identity(SystemClock().now())
    folder.release()
    return path


def _wishes(path: Path, *moods: dict[str, Any], **ports: int) -> Wishes:
    return Wishes(path, Scenario(mood=moods), ports=ports)


async def _answers(facts: dict[str, Any]) -> bool:
    host, _, port = facts["submission"].rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return False
    line = await reader.readline()
    writer.close()
    return line.startswith(b"220 ")


def test_it_listens_when_it_says_so(made: Path) -> None:
    """Inside the context all three services listen, and emulator.json says where; outside nothing does."""

    async def story() -> tuple[list[bool], dict[str, Any]]:
        async with Emulator(_wishes(made), SystemClock()) as emulator:
            inside = await _answers(emulator.facts)
            for address in (emulator.facts["authority"], emulator.facts["control"]):
                _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
                writer.close()
        return [inside, await _answers(emulator.facts)], emulator.facts

    answers, facts = asyncio.run(story())

    assert [True, False] == answers
    assert facts == json.loads((made / "emulator.json").read_text("utf-8"))


def test_an_outage_of_the_scenario_ends_by_itself(made: Path) -> None:
    """A port that refuses from the start opens when the outage's time is over."""

    async def story() -> list[bool]:
        async with Emulator(_wishes(made, {"name": "outage", "for_s": 0.2}), SystemClock()) as emulator:
            first = await _answers(emulator.facts)
            async with asyncio.timeout(10):
                while not await _answers(emulator.facts):
                    await asyncio.sleep(0.01)
            return [first, True]

    assert [False, True] == asyncio.run(story())


def test_a_failed_start_leaves_nothing_behind(made: Path) -> None:
    """A port that is taken or a wrong mood ends the start, and the directory can be had again."""

    async def begin(wishes: Wishes) -> None:
        async with Emulator(wishes, SystemClock()):
            raise AssertionError("it started")

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(begin(_wishes(made, control=taken.getsockname()[1])))
    with pytest.raises(ConfigError) as caught:
        asyncio.run(begin(_wishes(made, {"name": "slow", "seconds": "long"})))
    folder = Folder(made)
    folder.take()
    folder.release()

    assert ("mood[0].seconds", "a number", "'long'") == (
        caught.value.where, caught.value.expected, caught.value.found,
    )  # fmt: skip
