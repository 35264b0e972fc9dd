"""Routes: a configuration in, the ways out, one Route for each mailbox or next hop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from relay365.app.doors import host_name
from relay365.app.keyring import Keyring
from relay365.app.place import Site
from relay365.app.ways import graph, smtp
from relay365.config import Config
from relay365.errors import ConfigError
from relay365.routes.api import Route

Builder = Callable[[str, Any, Site], list[Route]]
"""Name and table of a route in, a Route for each of its mailboxes out; raises ConfigError."""

BUILDERS: dict[str, Builder] = {
    "submission": smtp.submission,
    "smarthost": smtp.smarthost,
    "graph": graph.graph,
}


def build_routes(config: Config, base: Path, keyring: Keyring | None = None) -> list[Route]:
    """All routes, their secrets read, in the order of the file; raises ConfigError.

    keyring: gets the token sources of all routes; without one nobody looks after them.
    """
    data = base / config.server.data
    site = Site(host_name(config), base, data, config.server.token_key, keyring or Keyring())
    routes: list[Route] = []
    for name, route in zip(config.route_names(), config.route, strict=True):
        builder = BUILDERS.get(route.kind)
        if builder is None:
            hint = "it comes with a later version"
            raise ConfigError(f"route {name}: kind", f"one of {', '.join(BUILDERS)}", route.kind, hint)
        routes += builder(name, route, site)
    return routes
