"""Listeners that stay, come and go, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from relay365.app.live.listeners import HELD, Listeners
from relay365.app.live.plan import difference
from relay365.clock import SystemClock
from relay365.config import Config, parse
from relay365.config import Listener as ListenerTable
from relay365.engine.listener import SessionCount
from relay365.engine.reception import Reception
from relay365.errors import ConfigError
from relay365.net.identity import Identity
from relay365.smtp.offers import Offers
from relay365.spool.memory import MemorySpool
from transcript.standin import reception


def _config(*addresses: str, more: str = "") -> Config:
    tables = "".join(f'[[listener]]\naddress = "{one}"\ntls = "none"\n{more}' for one in addresses)
    return parse(f'[server]\ndata = "d"\n{tables}[[route]]\nkind = "smarthost"\nhost = "x:25"\n', "x.toml")


def _receive(name: str) -> object:
    def receive(table: ListenerTable, identity: Identity | None) -> Reception:
        here = reception(MemorySpool(SystemClock()), offers=Offers(name))
        return replace(here, name=table.address, clock=SystemClock())

    return receive


def _none(config: Config) -> dict[str, Identity | None]:
    return dict.fromkeys((one.address for one in config.listener), None)


async def _greeting(address: str) -> str:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        return (await asyncio.wait_for(reader.readline(), 10)).decode().split()[1]
    finally:
        writer.transport.abort()


def test_one_that_stays_has_another_reception(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same socket; whoever comes from then on is greeted by the new one, and a session that is open is not cut."""

    async def story() -> None:
        here, old = Listeners(SessionCount(9, 9)), _config("127.0.0.1:0")
        await here.open(old, _none(old), _receive("old.test"))  # type: ignore[arg-type]
        (address,) = here.addresses.values()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        assert b"old.test" in await reader.readline()
        plan = difference(old, old, ({}, {}))
        fresh = await here.bind(old, plan, _none(old), _receive("new.test"))  # type: ignore[arg-type]
        here.follow(old, fresh, _none(old), _receive("new.test"))  # type: ignore[arg-type]
        writer.write(b"EHLO device.test\r\n")
        said = await reader.readline()
        found = address, *here.addresses.values(), await _greeting(address)
        writer.transport.abort()
        here.stop()

        assert b"old.test" in said
        assert (address, address, "new.test") == found

    asyncio.run(story())


def test_one_that_goes_and_one_that_comes() -> None:
    """The new one listens before the old one is shut; then that takes nobody in."""

    async def story() -> None:
        here, old, new = Listeners(SessionCount(9, 9)), _config("127.0.0.1:0"), _config("127.0.0.2:0")
        await here.open(old, _none(old), _receive("old.test"))  # type: ignore[arg-type]
        (gone,) = here.addresses.values()
        plan = difference(old, new, ({}, {}))
        fresh = await here.bind(new, plan, _none(new), _receive("new.test"))  # type: ignore[arg-type]
        (come,) = fresh.addresses.values()
        assert ("old.test", "new.test") == (await _greeting(gone), await _greeting(come))
        here.follow(new, fresh, _none(new), _receive("new.test"))  # type: ignore[arg-type]
        with pytest.raises(ConnectionRefusedError):
            await _greeting(gone)
        assert ["127.0.0.2:0"] == list(here.opened) == list(here.addresses)
        assert "new.test" == await _greeting(come)
        here.stop()

    asyncio.run(story())


def test_an_address_that_is_taken() -> None:
    """What was bound before it is let go, and the error says which listener."""

    async def story() -> None:
        here, old = Listeners(SessionCount(9, 9)), _config("127.0.0.1:0")
        with socket.socket() as other, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
            probe.close()
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            new = _config("127.0.0.1:0", f"127.0.0.1:{free}", taken)
            with pytest.raises(ConfigError) as error:
                await here.bind(new, difference(old, new, ({}, {})), _none(new), _receive("x"))  # type: ignore[arg-type]
        assert (f"listener {taken}: address", HELD) == (error.value.where, error.value.hint)
        with socket.socket() as again:
            again.bind(("127.0.0.1", free))

    asyncio.run(story())
