"""The routes of a configuration that ask for tokens, for the commands of `relay365 token`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import WRONG_USE, data_directory, fail, instant, load_config, now

if TYPE_CHECKING:
    from relay365.app.place import Site
    from relay365.config import Account, Config
    from relay365.engine.watch.scene import End
    from relay365.routes.identity.expiry import Ending
    from relay365.routes.identity.source import TokenSource
    from relay365.routes.identity.store import TokenStore

REMINDER = "reminder"  # what an end is of that somebody has written into the file

route_argument = click.argument("route", required=False, default="")


@dataclass(frozen=True, slots=True)
class SigningRoute:
    """A route of the file that asks for tokens."""

    name: str
    table: Account
    site: Site

    def source(self) -> TokenSource:
        """Its tokens; leaves with 2 where a secret cannot be read."""
        from relay365.app.ways.identity import tokens_of
        from relay365.errors import ConfigError

        try:
            return tokens_of(self.name, self.table, self.site)
        except ConfigError as error:
            fail(
                WRONG_USE,
                error.where,
                f"expected {error.expected}, found {error.found}",
                error.hint or "correct it",
            )

    def store(self) -> TokenStore:
        """Where the sign-in of its person is kept."""
        from relay365.app.ways.identity import store_of

        return store_of(self.name, self.site)


def nearest_end(config: Config, file: Path) -> dict[str, Any] | None:
    """What ends first of all that routes sign in with: route, what, at, days; None where nothing is known to end."""
    from relay365.app.ways.identity import tokens_of
    from relay365.errors import ConfigError

    routes = _routes_of(config, file)
    for one in routes:
        with contextlib.suppress(ConfigError):
            tokens_of(one.name, one.table, one.site)
    endings = routes[0].site.keyring.endings() if routes else []
    return {"route": endings[0][0], **end_object(endings[0][1])} if endings else None


def calendar(config: Config, file: Path) -> list[dict[str, Any]]:
    """Everything that ends some day, the nearest first: of (route or listener), what, at, days, renews_itself.

    Reminders stand behind it, as of REMINDER.
    """
    from relay365.app.keyring import Keyring
    from relay365.app.watching import ends_of
    from relay365.app.ways.identity import tokens_of
    from relay365.errors import ConfigError

    routes = _routes_of(config, file)
    for one in routes:
        with contextlib.suppress(ConfigError):
            tokens_of(one.name, one.table, one.site)
    keyring = routes[0].site.keyring if routes else Keyring()
    ends = ends_of(config, file.resolve().parent, data_directory(config, file), keyring)
    at_now, renewing = now(), _renewing(config)
    return [
        {
            "of": one.of, "what": one.what, "at": instant(one.at), "days": int((one.at - at_now) // 86_400),
            "renews_itself": one.of in renewing and one.what.startswith("certificate"),
        }
        for one in [*ends, *_reminders(config)]
    ]  # fmt: skip


def _reminders(config: Config) -> list[End]:
    """Days of somebody's own, in their order."""
    from relay365.app.alerting import begin_of
    from relay365.engine.watch.scene import End

    days = sorted(config.alerts.reminder, key=lambda one: one.on)
    return [End(REMINDER, one.what, begin_of(one.on)) for one in days]


def _renewing(config: Config) -> set[str]:
    """Routes and listeners whose certificate the relay renews: where the file says so, and those that it has made."""
    routes = zip(config.route_names(), config.route, strict=True)
    own = {f"listener {one.address}" for one in config.listener if one.certificate is None}
    return {name for name, table in routes if getattr(table, "renew", False)} | own


def way_of(table: Any) -> str | None:
    """How a route signs in, in words; None where it does not."""
    if identity := getattr(table, "managed_identity", ""):
        return f"managed identity ({identity})"
    ways = (
        ("login", "sign-in of a person"), ("secret", "client secret"), ("workload_token", "workload identity"),
        ("certificate", "certificate"), ("app_certificate", "certificate"), ("pfx", "certificate"),
        ("password", "password"),
    )  # fmt: skip
    return next((words for key, words in ways if getattr(table, key, None)), None)


def end_object(ending: Ending) -> dict[str, Any]:
    """The documented JSON of an end."""
    return {"what": ending.what, "at": instant(ending.at), "days": ending.days_left(now())}


def _routes_of(config: Config, file: Path) -> list[SigningRoute]:
    from relay365.app.place import Site
    from relay365.app.ways.identity import signs_in

    site = Site("", file.resolve().parent, data_directory(config, file), config.server.token_key)
    tables = zip(config.route_names(), config.route, strict=True)
    return [SigningRoute(name, table, site) for name, table in tables if signs_in(table)]


def signing_routes(config_file: Path | None, route: str) -> list[SigningRoute]:
    """The route that is named, or all that ask for tokens; leaves with 2 where there is none."""
    config, file = load_config(config_file)
    found = _routes_of(config, file)
    if route:
        found = [one for one in found if one.name == route]
    if not found:
        what = f"there is no route {route} that asks for tokens" if route else "no route asks for tokens"
        names = ", ".join(config.route_names())
        fail(WRONG_USE, what, f"the file has: {names}", "name a route that signs in with OAuth")
    return found


def person_route(config_file: Path | None, route: str) -> SigningRoute:
    """The one route that a person signs in for; leaves with 2 where it is not clear."""
    routes = [one for one in signing_routes(config_file, route) if one.table.login]
    if len(routes) > 1:
        names = ", ".join(one.name for one in routes)
        fail(WRONG_USE, "which route?", f"several have a person's sign-in: {names}", "name one")
    if not routes:
        fail(
            WRONG_USE,
            f"{route or 'no route'} has no person's sign-in",
            'it signs in as an application, or nothing has login = "mailbox"',
            "relay365 token status",
        )
    return routes[0]
