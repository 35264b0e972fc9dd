"""Doors: what a listener offers, what it asks for, and the certificate that it shows, from the configuration."""

from __future__ import annotations

import socket
from functools import cache, partial
from pathlib import Path

from relay365.config import Config
from relay365.config import Listener as ListenerConfig
from relay365.engine.doors.porter import Lodge, Porter
from relay365.errors import ConfigError
from relay365.net.identity import Identity
from relay365.net.tls import own_certificate
from relay365.rules import policy
from relay365.rules.admission.rulebook import Rule
from relay365.smtp.offers import Limits, Offers


def host_name(config: Config) -> str:
    """Our name in greeting, EHLO and Received."""
    return config.server.name or _machine_name()


@cache
def _machine_name() -> str:
    """Asked once, before the first session: a name server that is away takes its time, and the loop cannot wait."""
    return socket.getfqdn()


def offers_of(config: Config, listener: ListenerConfig, hostname: str) -> Offers:
    """What a listener offers to whom no rule knows."""
    return Offers(
        hostname,
        config.server.max_message,
        starttls=listener.tls in ("optional", "required"),
        mechanisms=(
            "PLAIN",
            "LOGIN",
        ),  # said only where a login may be given: under TLS, or to whom a rule allows it
    )


def limits_of(config: Config) -> Limits:
    """How much a peer may say."""
    server = config.server
    return Limits(
        recipients=server.max_recipients,
        errors=server.max_errors,
        command_s=server.command_timeout,
        content_s=server.content_timeout,
    )


def gate_of(rules: tuple[Rule, ...], listener: ListenerConfig, lodge: Lodge) -> Porter:
    """Who stands at the door of a listener and decides by the rules."""
    door = policy.Door(listener.address, listener.tls, require_auth=listener.require_auth)
    return Porter(policy.Policy(rules, door), lodge)


def identity_of(
    listener: ListenerConfig, names: list[str], base: Path, data: Path, now: float
) -> Identity | None:
    """The certificate that a listener shows: the administrator's, or our own with these names; raises ConfigError."""
    if listener.tls == "none":
        return None
    try:
        if listener.certificate is not None and listener.key is not None:
            files = base / (listener.certificate.file or ""), base / (listener.key.file or "")
            return Identity(*files, listener.ciphers)
        renew = partial(own_certificate, data / "tls", names)
        return Identity(*renew(now), listener.ciphers, renew)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"listener {listener.address}: certificate", "a usable chain and key", str(error)
        ) from error
