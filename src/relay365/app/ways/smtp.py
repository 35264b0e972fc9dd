"""The routes that speak SMTP, from their tables."""

from __future__ import annotations

import dataclasses
import ssl

from relay365.app.place import Site
from relay365.app.vault import secret_of
from relay365.app.ways.identity import tokens_of
from relay365.config import SmarthostRoute, SubmissionRoute, split_host_port
from relay365.errors import ConfigError
from relay365.net.tls import client_context
from relay365.routes.api import LaneLimits, Route
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.line import Remote, SignIn
from relay365.routes.pool import Judges
from relay365.routes.smarthost import PasswordSignIn, Smarthost
from relay365.routes.submission import Submission, TokenSignIn

JUDGES = Judges(reply=outcome_of, token=outcome_of_token)


def submission(name: str, route: SubmissionRoute, site: Site) -> list[Route]:
    """One Route for each mailbox; they share the application and its tokens."""
    host, port = split_host_port(route.endpoint)
    remote = Remote(host, port, site.helo, "required", client_tls(route.ca_file, site))
    password = secret_of(name, "password", route.password, site.base)
    tokens = None if password else tokens_of(name, route, site)
    limits = LaneLimits(route.connections, route.per_minute, recipients=route.recipients)
    built: list[Route] = []
    for mailbox in route.mailboxes or (route.mailbox or "",):
        sign_in: SignIn
        if tokens is None:
            sign_in = PasswordSignIn(mailbox, password)
        else:
            sign_in = TokenSignIn(mailbox, tokens.token, tokens.forget)
        budget = dataclasses.replace(limits, budget=f"mailbox {mailbox.lower()}")
        built.append(Submission(name, mailbox, remote, JUDGES, sign_in=sign_in, limits=budget))
    return built


def smarthost(name: str, route: SmarthostRoute, site: Site) -> list[Route]:
    """One Route to the next hop."""
    host, port = split_host_port(route.host)
    context = client_tls(route.ca_file, site) if route.tls != "none" else None
    password = secret_of(name, "password", route.password, site.base)
    sign_in = PasswordSignIn(route.user, password) if password else None
    limits = LaneLimits(route.connections, route.per_minute, recipients=route.recipients)
    remote = Remote(host, port, site.helo, route.tls, context)
    return [Smarthost(name, remote, JUDGES, sign_in=sign_in, limits=limits)]


def client_tls(ca_file: str, site: Site) -> ssl.SSLContext:
    """The context for our connections; raises ConfigError where the roots cannot be read."""
    file = str(site.base / ca_file) if ca_file else ""
    try:
        return client_context(file)
    except OSError as error:
        raise ConfigError("ca_file", "a readable PEM file", f"{file}: {error}") from error
