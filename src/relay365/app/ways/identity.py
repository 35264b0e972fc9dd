"""Tokens for a route: the credential that its table names, as one TokenSource."""

from __future__ import annotations

from relay365.app.place import Site
from relay365.app.vault import secret_of
from relay365.clock import SystemClock
from relay365.config import Account
from relay365.routes.tokens import Application, Entra, TokenSource


def tokens_of(name: str, route: Account, site: Site, scope: str = "") -> TokenSource:
    """The tokens of a route for its own scope or another one; raises ConfigError where a secret cannot be read."""
    application = Application(
        route.authority.rstrip("/"), route.tenant, route.client, scope or route.scope,
        str(site.base / route.ca_file) if route.ca_file else "",
        secret=secret_of(name, "secret", route.secret, site.base),
        certificate=secret_of(name, "certificate", route.certificate, site.base),
        key=secret_of(name, "key", route.key, site.base),
    )  # fmt: skip
    return TokenSource(Entra(application), SystemClock())
