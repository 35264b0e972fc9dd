"""The connector road is built from its table: what is shown, from where, and where the host comes from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fakes.content import InMemory, consignment
from fakes.names import names
from relay365.app.place import Site
from relay365.app.ways.connector import connector
from relay365.config import ConnectorRoute
from relay365.errors import ConfigError
from relay365.net.tls import own_certificate
from relay365.routes.connector import Connector

NOW = 1_795_000_000.0


def site(folder: Path) -> Site:
    return Site("relay.contoso.com", folder, folder)


def table(**keys: object) -> ConnectorRoute:
    return ConnectorRoute.model_validate({"kind": "connector", **keys})


def test_its_limits_are_those_of_the_table(tmp_path: Path) -> None:
    """One lane for the tenant, 200 recipients of a transaction."""
    (route,) = connector("mx", table(host="mx.contoso.com:25", max_message="20M"), site(tmp_path))

    assert isinstance(route, Connector)
    assert ("mx", 10, None, 200, 20 * 1024**2) == (
        route.lane, route.limits.connections, route.limits.messages, route.limits.recipients, route.limits.octets,
    )  # fmt: skip


def test_a_leaf_alone_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    """Named with the key of the file, the number that Exchange would give, and the cure."""
    chain, key = own_certificate(tmp_path, ["relay.contoso.com"], NOW)
    mine = {"certificate": {"file": "leaf.pem"}, "key": {"file": key.name}}
    end = b"-----END CERTIFICATE-----\n"
    (tmp_path / "leaf.pem").write_bytes(chain.read_bytes().partition(end)[0] + end)
    with pytest.raises(ConfigError) as error:
        connector("mx", table(host="mx.contoso.com:25", **mine), site(tmp_path))

    assert 'route mx: certificate = { file = "leaf.pem" }' == error.value.where
    assert "alone, without that of its issuer" in error.value.found
    assert "550 5.7.64" in error.value.hint
    mine["certificate"] = {"file": chain.name}
    assert 1 == len(connector("mx", table(host="mx.contoso.com:25", **mine), site(tmp_path)))


@pytest.mark.parametrize("missing", ["certificate", "key"])
def test_a_missing_file_is_named(missing: str, tmp_path: Path) -> None:
    """With its path."""
    chain, key = own_certificate(tmp_path, ["relay.contoso.com"], NOW)
    mine = {"certificate": {"file": chain.name}, "key": {"file": key.name}, missing: {"file": "gone.pem"}}
    with pytest.raises(ConfigError, match="route mx"):
        connector("mx", table(host="mx.contoso.com:25", **mine), site(tmp_path))


def test_the_name_server_of_the_table_is_asked(tmp_path: Path) -> None:
    """And its word that the MX is a filter's holds the mail."""

    async def run() -> tuple[str, int]:
        async with names() as server:
            server.records = {"contoso.com": ["0 mx.filter.example."]}
            keys = {"domain": "contoso.com", "name_server": f"127.0.0.1:{server.port}"}
            (route,) = connector("mx", table(**keys), site(tmp_path))
            (outcome,) = await route.deliver(consignment(InMemory(b"Subject: x\r\n\r\n")))
            await route.close()
            return outcome.row, server.n_asked

    assert ("mx-not-microsoft", 1) == asyncio.run(run())
