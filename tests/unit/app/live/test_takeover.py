"""A relay in this process that follows one file after the other: what stays, what goes, and that nothing is left."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from relay365.app.service import Relay
from relay365.config import parse
from relay365.errors import ConfigError
from relay365.net.loop import loop_factory

FILE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
name = "one"
host = "127.0.0.1:9"
tls = "none"
[[route]]
kind = "smarthost"
name = "two"
host = "127.0.0.1:9"
tls = "none"
per_minute = 30
[log]
level = "error"
"""
Told = Callable[[Relay], Awaitable[None]]


def _story(folder: Path, told: Told) -> None:
    died: list[str] = []

    async def run() -> None:
        relay = await Relay.start(parse(FILE, "x.toml"), folder, lambda: died.append("a part"))
        try:
            await told(relay)
        finally:
            assert 0 == await relay.stop()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
    assert [] == died


async def _follow(relay: Relay, text: str) -> None:
    await relay.reload(parse(text, "x.toml"))


def test_fifty_changes_leave_nothing(tmp_path: Path) -> None:
    """No task, and no lane, listener or reader of an earlier configuration."""

    async def told(relay: Relay) -> None:
        texts = (
            FILE.replace('"two"', '"three"'), FILE.replace("per_minute = 30", "per_minute = 20"),
            FILE + '[metrics]\naddress = "127.0.0.1:0"\n', FILE,
        )  # fmt: skip
        for text in texts:
            await _follow(relay, text)
        relay._takeover.parts.build.site.graph_places.clear()
        settled = await _n_tasks(relay)
        for n in range(50):
            await _follow(relay, texts[n % 4])
        gc.collect()

        assert settled >= await _n_tasks(relay)
        assert ["one", "two"] == sorted(relay.parts.scheduler.lanes)
        assert 1 == len(relay.parts.listeners.opened)

    _story(tmp_path, told)


async def _n_tasks(relay: Relay) -> int:
    """Tasks that live on, when those that end with a change are not counted."""
    await asyncio.sleep(0.5)
    return len(asyncio.all_tasks()) - len(relay._takeover.ending)


def test_a_lane_whose_route_stays_is_the_same(tmp_path: Path) -> None:
    """With its budgets and connections; the other one is new, and has what the old one used of its window."""

    async def told(relay: Relay) -> None:
        one, two = (relay.parts.scheduler.lanes[name] for name in ("one", "two"))
        log = two.order.vector.budgets["messages"].log  # type: ignore[attr-defined]
        log.fill(7, relay.parts.clock.mono())
        await _follow(relay, FILE.replace("per_minute = 30", "per_minute = 10"))
        lanes = relay.parts.scheduler.lanes

        assert lanes["one"] is one
        assert lanes["two"] is not two
        assert 3 == lanes["two"].places(relay.parts.clock.mono())

    _story(tmp_path, told)


def test_what_cannot_be_had_leaves_all_as_it_was(tmp_path: Path) -> None:
    """An address of somebody else among listeners that could be had: none of them is open, and nothing has changed."""

    async def told(relay: Relay) -> None:
        before, build = relay.addresses, relay.parts.build
        both = '[[listener]]\naddress = "127.0.0.1:{}"\n[[listener]]\naddress = "192.0.2.1:1"\n[[allow]]'
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        free = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(ConfigError) as error:
            await _follow(relay, FILE.replace("[[allow]]", both.format(free)))

        assert "192.0.2.1:1" in error.value.where
        assert (before, build) == (relay.addresses, relay.parts.build)
        with pytest.raises(OSError, match=r".+"):
            await asyncio.open_connection("127.0.0.1", free)

    _story(tmp_path, told)


def test_a_metrics_address_that_is_taken(tmp_path: Path) -> None:
    """Refused like every other; the listeners that were bound for it are let go."""

    async def told(relay: Relay) -> None:
        port = relay.addresses[0].rpartition(":")[2]
        with pytest.raises(ConfigError, match="metrics"):
            await _follow(relay, FILE + f'[metrics]\naddress = "127.0.0.1:{port}"\n')

        assert relay.watching.address is None

    _story(tmp_path, told)
