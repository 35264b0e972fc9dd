"""Questions to what is asked over HTTPS: the token service and Graph. Nothing of ours is said, not even a name.

The answer tells whether port 443 is open, whether the certificate is trusted (firewalls that look inside TLS are found
here), whether the tenant exists, and what time it is there. (RFC 9110; OpenID Connect Discovery 1.0, 4)
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from relay365.config import Account
from relay365.doctor.finding import Finding, bad, good
from relay365.doctor.upstream.reading import of_token
from relay365.errors import TransportError
from relay365.net.handshake import describe_tls_error
from relay365.net.tls import client_context
from relay365.routes.identity.source import refusal_of
from relay365.routes.identity.transport import Way

WAIT_S = 15.0
MOST_OCTETS = 65_536
HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. date: the server's clock in Unix seconds, or None."""

    status: int
    body: bytes
    date: float | None


async def get(url: str, way: Way) -> Page:
    """One GET. Raises TransportError with phase resolve, connect, tls or await."""
    return await asyncio.to_thread(_get, url, way)


def _get(url: str, way: Way) -> Page:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or HTTPS_PORT
    context = client_context(way.ca_file)
    if way.proxy:
        proxy = urlsplit(way.proxy if "//" in way.proxy else f"http://{way.proxy}")
        link = http.client.HTTPSConnection(
            proxy.hostname or "", proxy.port or 3128, timeout=WAIT_S, context=context
        )
        link.set_tunnel(host, port)
    else:
        link = http.client.HTTPSConnection(host, port, timeout=WAIT_S, context=context)
    try:
        link.request("GET", parts.path or "/", headers={"User-Agent": "relay365-doctor"})
        answer = link.getresponse()
        return Page(answer.status, answer.read(MOST_OCTETS), _date(answer.getheader("Date", "")))
    except socket.gaierror as error:
        raise TransportError("resolve", f"{host}: {error.strerror}") from error
    except ssl.SSLError as error:
        raise TransportError("tls", describe_tls_error(error)) from error
    except TimeoutError:
        raise TransportError("connect", f"{host}:{port} did not answer within {WAIT_S:.0f} s") from None
    except (OSError, http.client.HTTPException) as error:
        via = f" by the proxy {way.proxy}" if way.proxy else ""
        raise TransportError(
            "connect", f"{host}:{port}{via}: {getattr(error, 'strerror', None) or error}"
        ) from error
    finally:
        link.close()


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return None


def unreachable(what: str, error: TransportError, way: Way) -> Finding:
    """Why an HTTPS address cannot be asked, and who can open the way."""
    words = str(error)
    if error.phase == "resolve":
        do = "check the name server of this machine: resolvectl status"
        return bad(
            f"the name of {what} cannot be resolved", "DNS does not know it, or does not answer", do, words
        )
    if error.phase == "tls":
        why = "a firewall that looks inside TLS shows its own certificate, or the address is not Microsoft's"
        do = "exempt it from TLS inspection, or name the firewall's root in ca_file"
        return bad(f"the certificate of {what} is not trusted", why, do, words)
    do = (
        "let the proxy through"
        if way.proxy
        else "open port 443 outwards, or name the proxy in the route: proxy"
    )
    return bad(
        f"{what} cannot be reached", "a firewall, or a proxy that is wanted and not configured", do, words
    )


def authority_address(table: Account) -> str:
    """The discovery document of a tenant: it exists where the tenant does."""
    return f"{table.authority.rstrip('/')}/{table.tenant}/v2.0/.well-known/openid-configuration"


def judged_authority(table: Account, page: Page) -> Finding:
    """Whether the tenant is known there."""
    host = urlsplit(table.authority).netloc
    if page.status == 200:
        return good(f"{host} answers, and knows the tenant {table.tenant}")
    try:
        answer = json.loads(page.body)
    except ValueError:
        answer = {}
    if isinstance(answer, dict) and answer.get("error"):
        return of_token(f"{host} does not know the tenant {table.tenant}", refusal_of(answer), "token")
    do = "check authority and tenant of the route; is there a proxy that answers for it?"
    return bad(f"{host} answers {page.status}", "that is not how a token service answers", do)


def judged_graph(url: str, page: Page) -> Finding:
    """Graph answers strangers with 401, and that is well."""
    host = urlsplit(url).netloc
    if page.status < 500:
        return good(f"{host} answers")
    return bad(
        f"{host} answers {page.status}",
        "Graph or a proxy in front of it is unwell",
        "look at the service health",
    )
