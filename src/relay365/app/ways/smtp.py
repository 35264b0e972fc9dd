"""The routes that speak SMTP, from their tables; that to an MX host is built in connector."""

from __future__ import annotations

import ssl

from relay365.app.place import Site
from relay365.app.vault import secret_of
from relay365.app.ways.allowance import allowance
from relay365.app.ways.identity import tokens_of
from relay365.config import AcsRoute, HveRoute, SmarthostRoute, SubmissionRoute, split_host_port
from relay365.errors import ConfigError
from relay365.net.tls import client_context
from relay365.routes.acs import Acs, user_name
from relay365.routes.api import Route
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.hve import Hve
from relay365.routes.smarthost import Smarthost
from relay365.routes.submission import Submission
from relay365.routes.wire.pool import Judges
from relay365.routes.wire.remote import Destination, Remote, SignIn
from relay365.routes.wire.route import Wire
from relay365.routes.wire.sign_in import PasswordSignIn, TokenSignIn

JUDGES = Judges(reply=outcome_of, token=outcome_of_token)


def submission(name: str, route: SubmissionRoute, site: Site) -> list[Route]:
    """One Route for each mailbox; they share the application, or the person, and the tokens."""
    password = secret_of(name, "password", route.password, site.base)
    tokens = None if password else tokens_of(name, route, site)
    remote = _remote(route.endpoint, "required", route.ca_file, site)
    built: list[Route] = []
    for mailbox in route.mailboxes or (route.mailbox or "",):
        sign_in: SignIn
        if tokens is None:
            sign_in = PasswordSignIn(mailbox, password)
        else:
            sign_in = TokenSignIn(mailbox, tokens.token, tokens.forget)
        limits = allowance(route, mailbox, site.house)
        built.append(Submission(name, wire_of(remote, sign_in, site), limits, mailbox))
    return built


def hve(name: str, route: HveRoute, site: Site) -> list[Route]:
    """One Route for the account."""
    sign_in = _sign_in(name, route, route.mailbox, site)
    remote = _remote(route.endpoint, "required", route.ca_file, site)
    limits = allowance(route, route.mailbox, site.house)
    domains = [domain.lower() for domain in route.domains]
    return [Hve(name, route.mailbox, domains, wire_of(remote, sign_in, site), limits)]


def acs(name: str, route: AcsRoute, site: Site) -> list[Route]:
    """One Route for the resource; its two windows hold both."""
    user = route.user or user_name(route.resource, route.client, route.tenant)
    sign_in = _sign_in(name, route, user, site)
    remote = _remote(route.endpoint, "required", route.ca_file, site)
    limits = allowance(route, "", site.house)
    return [Acs(name, wire_of(remote, sign_in, site), limits, nobody=site.house.sender)]


def smarthost(name: str, route: SmarthostRoute, site: Site) -> list[Route]:
    """One Route to the next hop."""
    password = secret_of(name, "password", route.password, site.base)
    sign_in = PasswordSignIn(route.user, password) if password else None
    remote = _remote(route.host, route.tls, route.ca_file, site)
    return [Smarthost(name, wire_of(remote, sign_in, site), allowance(route, "", site.house))]


def wire_of(destination: Destination, sign_in: SignIn | None, site: Site) -> Wire:
    """How a route speaks, with the catalogue as its judge and the site's ears."""
    return Wire(destination, sign_in, JUDGES, site.ears)


def client_tls(ca_file: str, site: Site) -> ssl.SSLContext:
    """The context for our connections; raises ConfigError where the roots cannot be read."""
    file = str(site.base / ca_file) if ca_file else ""
    try:
        return client_context(file)
    except OSError as error:
        raise ConfigError("ca_file", "a readable PEM file", f"{file}: {error}") from error


def _remote(endpoint: str, tls: str, ca_file: str, site: Site) -> Remote:
    host, port = split_host_port(endpoint)
    return Remote(host, port, site.helo, tls, client_tls(ca_file, site) if tls != "none" else None)


def _sign_in(name: str, route: HveRoute | AcsRoute, user: str, site: Site) -> SignIn:
    password = secret_of(name, "password", route.password, site.base)
    if password:
        return PasswordSignIn(user, password)
    tokens = tokens_of(name, route, site)
    return TokenSignIn(user, tokens.token, tokens.forget)
