"""Tokens for a route: the credential that its table names, as one TokenSource, and who looks after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TypeGuard

from relay365.app.keyring import Key
from relay365.app.place import Site
from relay365.app.vault import path_of, read_octets
from relay365.config import Account, ConnectorRoute, HveRoute, SecretRef
from relay365.errors import ConfigError
from relay365.routes.identity.credential import (
    Certificate,
    ClientSecret,
    Credential,
    Pfx,
    Reference,
    Workload,
)
from relay365.routes.identity.entra import Application, Entra, ManagedIdentity
from relay365.routes.identity.expiry import Ending
from relay365.routes.identity.person import PersonSignIn
from relay365.routes.identity.source import FRESH_S, LAST_USE_S, Directory, TokenSource
from relay365.routes.identity.store import TokenStore
from relay365.routes.identity.transport import Way


def tokens_of(name: str, route: Account, site: Site, scope: str = "") -> TokenSource:
    """The tokens of a route for its own scope or another one; raises ConfigError where a secret cannot be read.

    Sources of one credential share its breaker, and all of them are on the site's keyring.
    """
    directory, ending, breaker = _directory_of(name, route, site, scope)
    source = TokenSource(
        directory,
        site.keyring.clock,
        breaker=site.keyring.breaker_of(breaker),
        least_left_s=FRESH_S if isinstance(route, HveRoute) else LAST_USE_S,
        label=name,
    )
    site.keyring.keys.append(Key(source, ending, lapses=isinstance(directory, PersonSignIn)))
    return source


def signs_in(route: object) -> TypeGuard[Account]:
    """Whether a route of the file asks for tokens at all."""
    return isinstance(route, Account) and (route.asks_entra() or bool(route.managed_identity))


def application_of(route: Account, site: Site, scope: str = "") -> Application:
    """The app registration of a route."""
    way = Way(str(site.base / route.ca_file) if route.ca_file else "", route.proxy)
    scopes = tuple((scope or route.scope).split())
    return Application(route.authority.rstrip("/"), route.tenant, route.client, scopes, way)


def store_of(name: str, site: Site) -> TokenStore:
    """Where the sign-in of a route's person is kept."""
    key = None
    if site.token_key is not None:
        key = reference_of("server", "token_key", site.token_key, site.base)
    return TokenStore(site.data / "tokens" / f"{name}.bin", key)


def credential_of(name: str, route: Account, site: Site) -> Credential | None:
    """The credential of a route's application; None where a person or a managed identity signs in.

    Everything is read once: raises ConfigError where it cannot be.
    """

    def at(key: str) -> Reference | None:
        ref: SecretRef | None = getattr(route, key, None)
        return reference_of(f"route {name}", key, ref, site.base) if ref is not None else None

    prefix = "app_" if isinstance(route, ConnectorRoute) else ""
    secret, pfx, token = at("secret"), at("pfx"), at("workload_token")
    certificate, key = at(f"{prefix}certificate"), at(f"{prefix}key")
    credential: Credential | None = None
    if secret is not None:
        credential = ClientSecret(secret, _midnight(route.secret_expires))
    elif certificate is not None and key is not None:
        credential = Certificate(certificate, key)
    elif pfx is not None:
        credential = Pfx(pfx, at("pfx_password"))
    elif token is not None:
        return Workload(token)  # the platform may write it after our start
    if credential is not None:
        credential.proof()
    return credential


def reference_of(table: str, key: str, ref: SecretRef, base: Path) -> Reference:
    """A reference that names table and key when it cannot be read."""

    def read() -> bytes:
        try:
            octets = read_octets(ref, base)
        except ConfigError as error:
            raise ConfigError(f"{table}: {key} = {ref}", error.expected, error.found, error.hint) from error
        if not octets.strip():
            raise ConfigError(f"{table}: {key} = {ref}", "a secret", "an empty file")
        return octets

    return Reference(f"{table}: {key} = {ref}", read, path_of(ref, base))


Parts = tuple[Directory, Callable[[], Ending | None], str]
"""A directory, what asks for its end, and the name of its breaker."""


def _directory_of(name: str, route: Account, site: Site, scope: str) -> Parts:
    application = application_of(route, site, scope)
    if route.managed_identity:
        identity = ManagedIdentity(route.managed_identity, application.scopes[0])
        return identity, lambda: None, f"managed {route.managed_identity}"
    if route.login:
        person = PersonSignIn(application, store_of(name, site), name)
        return person, person.ending, f"person {name}"
    credential = credential_of(name, route, site)
    if credential is None:
        where = f"route {name}"
        raise ConfigError(where, "a way to sign in (secret, certificate, pfx, login, ...)", "none")
    named = sorted((key, str(ref)) for key, ref in route.secrets().items())
    return Entra(application, credential), credential.ending, f"{application} {named}"


def _midnight(day: dt.date | None) -> float | None:
    """The first instant of a day, UTC: that is when the portal says that a secret ends."""
    if day is None:
        return None
    return dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()
