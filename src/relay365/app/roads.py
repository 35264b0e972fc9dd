"""Routes: a configuration in, the ways out, one Route for each mailbox or next hop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from relay365.app.doors import host_name
from relay365.app.keyring import Keyring
from relay365.app.place import House, Site
from relay365.app.ways import connector, graph, smtp
from relay365.config import Config
from relay365.routes.api import Route

Builder = Callable[[str, Any, Site], list[Route]]
"""Name and table of a route in, a Route for each of its mailboxes out; raises ConfigError."""

BUILDERS: dict[str, Builder] = {
    "submission": smtp.submission,
    "connector": connector.connector,
    "hve": smtp.hve,
    "acs": smtp.acs,
    "smarthost": smtp.smarthost,
    "graph": graph.graph,
}


def site_of(config: Config, base: Path, keyring: Keyring | None = None) -> Site:
    """What all routes are built with.

    keyring: gets the token sources of all routes; without one nobody looks after them.
    """
    data = base / config.server.data
    return Site(
        host_name(config), base, data, config.server.token_key, keyring or Keyring(), house=House.of(config)
    )


def build_routes(config: Config, base: Path, site: Site | None = None) -> list[Route]:
    """All routes, their secrets read, in the order of the file; raises ConfigError.

    site: what else is built with is built with the same one; default: one for the routes alone.
    """
    site = site or site_of(config, base)
    routes: list[Route] = []
    for name, route in zip(config.route_names(), config.route, strict=True):
        routes += BUILDERS[route.kind](name, route, site)
    return routes
