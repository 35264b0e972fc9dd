"""Routes: a configuration in, the ways out, one Route for each mailbox or next hop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from relay365.app.doors import host_name
from relay365.app.keyring import Key, Keyring
from relay365.app.place import House, Site
from relay365.app.vault import read_octets
from relay365.app.ways import connector, graph, smtp
from relay365.app.ways.allowance import allowance, graph_at_once, mailboxes_of
from relay365.config import Config, GraphRoute
from relay365.config import Route as RouteTable
from relay365.errors import ConfigError
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


@dataclass(frozen=True, slots=True)
class BuiltWay:
    """One [[route]] as it was built: its Routes, the keys of its tokens, and all that it was made from."""

    routes: tuple[Route, ...]
    keys: tuple[Key, ...]
    mark: Hashable


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
    ways = build_ways(config, site)
    site.keyring.keys += [key for way in ways.values() for key in way.keys]
    return [route for way in ways.values() for route in way.routes]


def build_ways(
    config: Config, site: Site, present: Mapping[str, BuiltWay] | None = None
) -> dict[str, BuiltWay]:
    """The routes by name, in the order of the file; raises ConfigError. Their keys are not on the site's keyring yet.

    present: those that exist; one that would be made from the same is not made again.
    """
    found: dict[str, BuiltWay] = {}
    for name, table in zip(config.route_names(), config.route, strict=True):
        there = (present or {}).get(name)
        mark = mark_of(table, site)
        if there is not None and there.mark == mark:
            found[name] = there
            continue
        own = replace(site, keyring=site.keyring.part())
        routes = BUILDERS[table.kind](name, table, own)
        found[name] = BuiltWay(tuple(routes), tuple(own.keyring.keys), mark)
    return found


def mark_of(table: RouteTable, site: Site) -> Hashable:
    """All that a route is made from, what its files hold included, as far as they are read once.

    Certificates and secrets of an application are read for every question, and make no route another one.
    """
    limits = tuple(allowance(table, mailbox, site.house) for mailbox in mailboxes_of(table))
    at_once = graph_at_once(table, site.house) if isinstance(table, GraphRoute) else 0
    place = site.helo, site.base, site.data, site.token_key, site.ears
    return table, limits, at_once, place, _digest(table, site)


def _digest(table: RouteTable, site: Site) -> str:
    """Of the password and the roots; of what cannot be read there is none: whoever builds it says so."""
    found = hashlib.sha256()
    password = getattr(table, "password", None)
    try:
        found.update(b"" if password is None else read_octets(password, site.base))
        found.update(b"\0" + ((site.base / table.ca_file).read_bytes() if table.ca_file else b""))
    except (ConfigError, OSError):
        return ""
    return found.hexdigest()
