"""What is watched of a configuration: where the endpoint answers, and everything that ends some day."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.app.keyring import Keyring
from relay365.app.watching import Watching, ends_of
from relay365.config import Config, parse
from relay365.engine.listener import SessionCount
from relay365.errors import ConfigError
from relay365.net.tls import own_certificate
from relay365.routes.identity.expiry import Ending
from relay365.spool.memory import MemorySpool

FILE = """
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[listener]]
address = "127.0.0.1:2526"
tls = "none"
[[route]]
kind = "connector"
host = "127.0.0.1:26"
certificate = { file = "relay.crt" }
key = { file = "relay.key" }
"""
NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()


@pytest.fixture
def config() -> Config:
    return parse(FILE, "x.toml")


def test_certificates_of_listeners_and_routes_end(config: Config, tmp_path: Path) -> None:
    """The listener's own and the connector's; a listener without TLS has none, a file that is missing is left out."""
    data = tmp_path / "data"
    assert [] == ends_of(config, tmp_path, data, Keyring())
    leaf, _ = own_certificate(data / "tls", ["relay.test"], NOW)
    (tmp_path / "relay.crt").write_bytes(leaf.read_bytes())
    ends = ends_of(config, tmp_path, data, Keyring())

    assert ["connector", "listener 127.0.0.1:2525"] == [one.of for one in ends]
    assert {"certificate CN=relay.test"} == {one.what for one in ends}
    assert all(one.at > NOW + 30 * 86_400 for one in ends)


def test_a_damaged_certificate_ends_nowhere(config: Config, tmp_path: Path) -> None:
    """It is told when it is used."""
    (tmp_path / "relay.crt").write_text("no certificate")

    assert [] == ends_of(config, tmp_path, tmp_path / "data", Keyring())


@pytest.mark.parametrize(("path", "status"), [("/metrics", 200), ("/healthz", 200), ("/readyz", 200)])
def test_every_page_answers(tmp_path: Path, path: str, status: int) -> None:
    """On the address of the file; without one nothing listens."""
    clock = FakeClock()
    config = parse(FILE + '[metrics]\naddress = "127.0.0.1:0"\n', "x.toml")

    async def ask(wanted: Config) -> bytes:
        watching = Watching()
        parts = {}, SessionCount(1, 1), MemorySpool(clock)
        scene = watching.scene_of(wanted, (tmp_path, tmp_path), parts, Keyring())
        watching.is_listening = True
        await watching.open(wanted, scene)
        try:
            if watching.address is None:
                return b""
            host, _, port = watching.address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            return answer
        finally:
            await watching.close()

    assert asyncio.run(ask(config)).startswith(f"HTTP/1.1 {status} ".encode())
    assert b"" == asyncio.run(ask(parse(FILE, "x.toml")))


def test_what_does_not_renew_itself_has_a_note(config: Config, tmp_path: Path) -> None:
    """That of its route; the ends of others have none."""
    own_certificate(tmp_path / "data" / "tls", ["relay.test"], NOW)

    class Ring(Keyring):
        def endings(self) -> list[tuple[str, Ending]]:
            return [("one", Ending("certificate CN=a", NOW)), ("two", Ending("client secret", NOW))]

    ends = ends_of(config, tmp_path, tmp_path / "data", Ring(), {"one": "no rights"})

    assert {("one", "no rights"), ("two", ""), ("listener 127.0.0.1:2525", "")} == {
        (e.of, e.note) for e in ends
    }


def test_the_endpoint_moves_with_the_file(tmp_path: Path) -> None:
    """It answers at the new address before the old one is closed; one that is taken changes nothing."""

    async def story() -> None:
        watching = Watching()
        here = parse(FILE + '[metrics]\naddress = "127.0.0.1:0"\n', "x.toml")
        other = parse(FILE + '[metrics]\naddress = "127.0.0.2:0"\n', "x.toml")
        parts = {}, SessionCount(9, 9), MemorySpool(FakeClock())  # type: ignore[var-annotated]
        scene = watching.scene_of(here, (tmp_path, tmp_path), parts, Keyring())
        await watching.open(here, scene)
        first = watching.address
        assert await watching.bind(here, scene) is None
        taken = parse(FILE + f'[metrics]\naddress = "{first}"\n', "x.toml")
        with pytest.raises(ConfigError, match="metrics"):
            await watching.bind(taken, scene)
        bound = await watching.bind(other, scene)
        await watching.follow(other, scene, bound)
        assert str(watching.address).startswith("127.0.0.2:")
        assert not await _answers(first)
        assert await _answers(watching.address)
        await watching.follow(config_without(), scene, None)
        assert watching.address is None
        assert watching.events not in logging.getLogger("relay365").handlers
        await watching.close()

    asyncio.run(story())


def config_without() -> Config:
    return parse(FILE, "x.toml")


async def _answers(address: str | None) -> bool:
    host, _, port = str(address).rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return False
    writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said.startswith(b"HTTP/1.1 200")
