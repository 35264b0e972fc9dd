"""Whose domain it is: the tenant by OpenID discovery, and where its mail goes by DNS.

Apart from tries, which need an application: this is known before anything is made. No answer is not the answer no.
(OpenID Connect Discovery 1.0, 4; Microsoft: "OpenID Connect on the Microsoft identity platform"; AADSTS90002)
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import quote

from relay365.errors import Relay365Error, TransportError
from relay365.net.resolve import MxHosts, NameServer, mx_of
from relay365.routes.identity.transport import Transport, Way

OURS = (".mail.protection.outlook.com", ".mx.microsoft", ".mail.protection.partner.outlook.cn")
OTHER_CLOUDS = (".mail.protection.office365.us",)

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class NoTenant(Relay365Error):
    """There is no tenant of this domain, or nobody could say. is_sure: the token service said no."""

    def __init__(self, what: str, why: str, *, is_sure: bool) -> None:
        self.what, self.why, self.is_sure = what, why, is_sure
        super().__init__(f"{what}: {why}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """domain: as it was asked for. cloud_host: the token service's own name of its cloud."""

    domain: str
    id: str
    cloud_host: str = ""


@dataclass(frozen=True, slots=True)
class MailHost:
    """Where a domain's mail goes. host: the preferred MX host, or ""; unknown: why nobody could say."""

    host: str = ""
    unknown: str = ""

    @property
    def is_microsoft(self) -> bool:
        """Whether that is Exchange Online."""
        return self.host.lower().endswith(OURS + OTHER_CLOUDS)


def find_tenant(domain: str, authority: str, way: Way) -> Tenant:
    """The tenant that a domain belongs to; raises NoTenant. Blocks, half a minute at most."""
    import requests

    transport = Transport(way)
    address = f"{authority.rstrip('/')}/{quote(domain, safe='')}/v2.0/.well-known/openid-configuration"
    try:
        answer = transport.get(address)
    except (requests.RequestException, OSError) as error:
        raise NoTenant(f"{authority} cannot be asked", _innermost(error), is_sure=False) from error
    finally:
        transport.close()
    try:
        found = answer.json()
    except ValueError:
        found = {}
    if not isinstance(found, dict):
        found = {}
    identity = _ID.search(str(found.get("issuer", "")))
    if answer.status_code == 200 and identity is not None:
        return Tenant(domain, identity[0].lower(), str(found.get("cloud_instance_name", "")))
    words = (
        _first_line(found.get("error_description", "")) or f"HTTP {answer.status_code} without a tenant in it"
    )
    is_sure = answer.status_code == 400
    raise NoTenant(f"no tenant of {domain} is known at {authority}", words, is_sure=is_sure)


def find_mail_host(domain: str, server: NameServer | None = None) -> MailHost:
    """The preferred MX host of a domain. Blocks, ten seconds at most."""
    try:
        found: MxHosts = asyncio.run(mx_of(domain, server or NameServer()))
    except TransportError as error:
        return MailHost(unknown=str(error))
    return MailHost(found.hosts[0] if found.hosts else "")


def _innermost(error: Exception) -> str:
    """Why a connection failed, without the names of the library's classes around it."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return re.sub(r"^HTTPS?Connection(Pool)?\([^)]*\): ", "", _first_line(reason or error))


def _first_line(words: object) -> str:
    lines = str(words).splitlines()
    return lines[0][:300] if lines else ""
