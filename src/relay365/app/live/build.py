"""Build: all that is made of a configuration before any of it is used, at a start and at a reload alike.

What a configuration names is read here: secrets, roots, certificates. So a file that cannot be used is found out while
nothing has been changed yet. Blocks, hence in a thread beside a loop that runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from relay365.app.alerting import Posts, posts_of
from relay365.app.doors import host_name, identity_of
from relay365.app.keyring import Key, Keyring
from relay365.app.live.plan import named_listeners
from relay365.app.place import Site
from relay365.app.roads import BuiltWay, build_ways, site_of
from relay365.app.ways.fates import Readers, readers_of
from relay365.config import Config, split_host_port
from relay365.config.roads.kinds import Account
from relay365.net.identity import Identity
from relay365.net.tls import own_names
from relay365.routes.api import Route
from relay365.routes.wire.ear import Ears


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads what Microsoft says later, the keys of their tokens, and all that they were made from."""

    readers: Readers
    keys: tuple[Key, ...]
    mark: Hashable


@dataclass(frozen=True, slots=True)
class Build:
    """See the module. ways: by name of the route."""

    config: Config
    site: Site
    ways: Mapping[str, BuiltWay]
    reading: Reading
    posts: Posts

    @classmethod
    def of(cls, config: Config, base: Path, ears: Ears, present: Build | None = None) -> Build:
        """Of a configuration; raises ConfigError. present: what holds now, of which all that is alike is kept."""
        keyring = present.site.keyring if present is not None else Keyring()
        site = site_of(config, base, keyring)
        if config.log.sessions:
            site = replace(site, ears=ears)
        if present is not None:
            site = replace(site, graph_places=present.site.graph_places)
        ways = build_ways(config, site, present.ways if present is not None else None)
        reading = _reading(config, site, ways, present)
        return cls(config, site, ways, reading, posts_of(config, base))

    @property
    def routes(self) -> list[Route]:
        """All routes, in the order of the file."""
        return [route for way in self.ways.values() for route in way.routes]

    @property
    def keys(self) -> list[Key]:
        """Of the tokens of all routes and readers."""
        return [key for way in self.ways.values() for key in way.keys] + list(self.reading.keys)

    def identities(self, now: float) -> dict[str, Identity | None]:
        """What each listener shows, by its name; raises ConfigError. Makes our own where there is none."""
        config, site = self.config, self.site
        names = own_names(host_name(config), [split_host_port(one.address)[0] for one in config.listener])
        return {
            name: identity_of(table, names, site.base, site.data, now)
            for name, table in named_listeners(config.listener).items()
        }


def _reading(config: Config, site: Site, ways: Mapping[str, BuiltWay], present: Build | None) -> Reading:
    tables = zip(config.route_names(), config.route, strict=True)
    asking = [name for name, one in tables if isinstance(one, Account) and (one.trace or one.read_reports)]
    mark = tuple((name, ways[name].mark) for name in asking)
    if present is not None and present.reading.mark == mark:
        return present.reading
    own = replace(site, keyring=site.keyring.part())
    routes = [route for way in ways.values() for route in way.routes]
    readers = readers_of(config, routes, own, own.keyring.clock)
    return Reading(readers, tuple(own.keyring.keys), mark)
