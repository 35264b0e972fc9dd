"""The connector road, from its table: its certificate, where its MX host is found, and a Route."""

from __future__ import annotations

import asyncio
from pathlib import Path

from relay365.app.place import Site
from relay365.app.vault import path_of
from relay365.app.ways.allowance import allowance
from relay365.app.ways.graph import graph_client
from relay365.app.ways.smtp import client_tls, wire_of
from relay365.clock import SystemClock
from relay365.config import ConnectorRoute, split_host_port
from relay365.errors import ConfigError
from relay365.net.chain import ClientIdentity
from relay365.net.resolve import MxHosts, NameServer, mx_of
from relay365.net.stream import ANY_IPV4
from relay365.routes.api import Route
from relay365.routes.connector import Connector, Find, MxHost, by_dns, by_graph
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.wire.remote import Remote

WHY_NOT = (
    "a connector refuses it with 550 5.7.64, because Exchange fetches no intermediates and knows no private "
    "authority: put the certificates of the issuers behind your own into the file, as the authority gave them"
)


def connector(name: str, route: ConnectorRoute, site: Site) -> list[Route]:
    """One Route to the tenant's MX host."""
    shown = _Shown(name, route, site)
    limits = allowance(route, "", site.house)
    if route.host is not None:
        host, port = split_host_port(route.host)
        return [Connector(name, wire_of(_Named(shown, host, port), None, site), limits)]
    ended = None
    if route.find == "graph":
        client = graph_client(name, route, site)
        ended = client.close

        async def get(path: str) -> GraphAnswer:
            return await client.request("GET", path)

        find: Find = by_graph(route.domain, get)
    else:
        server = NameServer(*split_host_port(route.name_server)) if route.name_server else NameServer()

        async def ask(domain: str) -> MxHosts:
            return await mx_of(domain, server)

        find = by_dns(route.domain, ask)

    async def remote(host: str) -> Remote:
        return await shown.remote(host, route.port)

    return [Connector(name, wire_of(MxHost(find, remote, SystemClock()), None, site), limits, ended)]


class _Shown:
    """What the MX host sees of us: name, address, and a certificate that may be renewed while we run."""

    def __init__(self, name: str, route: ConnectorRoute, site: Site) -> None:
        self._helo, self._source = site.helo, route.source or ANY_IPV4
        self._plain = client_tls(route.ca_file, site)
        self._identity = _identity_of(name, route, site)
        self._looking = asyncio.Lock()

    async def remote(self, host: str, port: int) -> Remote:
        """A remote at this host."""
        context = self._plain
        if self._identity is not None:
            async with self._looking:
                await asyncio.to_thread(self._identity.look, SystemClock().now())
            context = self._identity.context
        return Remote(host, port, self._helo, "required", context, self._source)


class _Named:
    """A Destination whose host stands in the file."""

    def __init__(self, shown: _Shown, host: str, port: int) -> None:
        self._shown, self._host, self._port = shown, host, port

    async def find(self) -> Remote:
        """See Destination."""
        return await self._shown.remote(self._host, self._port)

    def missed(self) -> None:
        """See Destination: it is where it is."""


def _identity_of(name: str, route: ConnectorRoute, site: Site) -> ClientIdentity | None:
    """Raises ConfigError where certificate and key cannot be used, or a connector would not know them."""
    if route.certificate is None or route.key is None:
        return None
    certificate, key = path_of(route.certificate, site.base), path_of(route.key, site.base)
    where = f"route {name}: certificate = {route.certificate}"
    ca_file = str(site.base / route.ca_file) if route.ca_file else ""
    try:
        return ClientIdentity(certificate or Path(), key or Path(), ca_file)
    except OSError as error:
        expected = "certificate and key (PEM) that belong together"
        raise ConfigError(where, expected, f"{certificate}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(where, "our certificate with its whole chain (PEM)", str(error), WHY_NOT) from error
