"""Paths and mailboxes as they stand on the wire (RFC 5321 4.1.2, 4.1.1.2, 4.1.1.3).

Only what decides about accepting is read here; addresses are kept and passed on exactly as given.
"""

from __future__ import annotations

import re

MAX_PATH_OCTETS = 256  # RFC 5321 4.5.3.1.3, angle brackets included

TOO_LONG = f"longer than {MAX_PATH_OCTETS} octets"
BAD_NAME = "the local part is missing or has a forbidden character"
BAD_DOMAIN = "the domain is missing or has a forbidden character"
NO_DOMAIN = "the domain is missing"
IN_SHORT = {TOO_LONG: "too long", BAD_NAME: "bad name", BAD_DOMAIN: "bad domain", NO_DOMAIN: "no domain"}

_DOT_STRING = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]+")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f\x7f"\\]|\\[\x20-\x7e])*"')
_DOMAIN = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]{1,255}|\[[0-9A-Za-z:.]{3,60}\]")
_SOURCE_ROUTE = re.compile(r"@[^:<>\x00-\x20]*:")


def split_mailbox(address: str) -> tuple[str, str]:
    """Split `local-part@domain`; the domain is "" for a bare local-part.

    Raises ValueError with a short reason where the text is no mailbox.
    """
    local = _QUOTED.match(address) or _DOT_STRING.match(address)
    if local is None:
        raise ValueError(BAD_NAME)
    rest = address[local.end() :]
    if not rest:
        return local[0], ""
    if rest[0] != "@" or _DOMAIN.fullmatch(rest[1:]) is None:
        raise ValueError(BAD_DOMAIN)
    return local[0], rest[1:]


def domain_of(address: str) -> str:
    """The domain of an address in lower case, or "" for the null path and bare local-parts."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def strip_source_route(path: str) -> str:
    """Drop an obsolete source route `@a,@b:`; it must be accepted and should be ignored (RFC 5321 C)."""
    route = _SOURCE_ROUTE.match(path)
    return path[route.end() :] if route else path


def check_path(address: str) -> str:
    """Give the reason why an address cannot stand in an envelope (a key of IN_SHORT), or "" when it can."""
    if len(address.encode("utf-8", "surrogatepass")) + 2 > MAX_PATH_OCTETS:
        return TOO_LONG
    try:
        local, domain = split_mailbox(address)
    except ValueError as reason:
        return str(reason)
    if not domain and local.lower() != "postmaster":
        return NO_DOMAIN
    return ""
