"""SPF, walked as a receiver walks it: whom a domain lets send, whether Microsoft is among them, and whether we are.

Apart from the findings that are made of it, because it is a small language with limits of its own: ten questions to
DNS, one record per domain. (RFC 7208 4.5, 4.6.4, 5)
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from relay365.doctor.names.asking import Names

MOST_LOOKUPS = 10  # RFC 7208 4.6.4: more is a permanent error at every receiver


@dataclass(slots=True)
class Spf:
    """What the walk found. record: the domain's own text, "" where there is none; includes: every domain that it leads
    to; ending: -all, ~all, ?all, +all or "" ; faults: why receivers see a permanent error; lists: whether the address
    is among those that may send.
    """

    record: str = ""
    includes: list[str] = field(default_factory=list)
    n_lookups: int = 0
    ending: str = ""
    faults: list[str] = field(default_factory=list)
    lists: bool = False


async def walk(domain: str, names: Names, address: str = "") -> Spf:
    """Read a domain's SPF with all that it includes. address: whom to look for, "" for nobody.

    Raises TransportError where DNS does not answer.
    """
    found = Spf()
    await _walk(domain, names, address, found)
    if found.n_lookups > MOST_LOOKUPS:
        found.faults.append(
            f"it needs {found.n_lookups} questions to DNS, and receivers stop at {MOST_LOOKUPS}"
        )
    return found


async def _walk(domain: str, names: Names, address: str, found: Spf) -> None:
    records = [one for one in await names.ask(domain, "TXT") if _is_spf(one)]
    is_first = not found.record
    if len(records) != 1:
        if records:
            found.faults.append(f"{domain} has {len(records)} SPF records, and one is allowed")
            found.record = found.record or records[0]
        elif not is_first:
            found.faults.append(f"it includes {domain}, which has no SPF record")
        return
    found.record = found.record or records[0]
    redirect = ""
    for word in records[0].split()[1:]:
        if word.lower().startswith("redirect="):
            redirect = word.partition("=")[2]
        elif word.lstrip("+-~?").lower() == "all":
            found.ending = (word if len(word) > 3 else f"+{word}").lower() if is_first else found.ending
            redirect = ""
            break
        else:
            await _term(word, domain, names, address, found)
    if redirect:
        await _enter(redirect, names, address, found)


async def _term(word: str, domain: str, names: Names, address: str, found: Spf) -> None:
    """One mechanism; those that name macros, exists or ptr are only counted."""
    kind, _, rest = word.lstrip("+").partition(":")
    kind, _, length = kind.partition("/")
    kind = kind.lower()
    if kind in ("ip4", "ip6"):
        found.lists = found.lists or _is_in(address, rest)
    elif kind == "include":
        await _enter(rest, names, address, found)
    elif kind in ("a", "mx"):
        found.n_lookups += 1
        host, _, own_length = (rest or domain).partition("/")
        if address and "%" not in host and found.n_lookups <= MOST_LOOKUPS:
            prefix = own_length or length
            hosts = [one.partition(" ")[2] for one in await names.ask(host, "MX")] if kind == "mx" else [host]
            for one in hosts[:10]:
                known = await names.addresses_of(one)
                found.lists = found.lists or any(
                    _is_in(address, f"{ip}/{prefix}".rstrip("/")) for ip in known
                )
    elif kind.lstrip("-~?") in ("exists", "ptr"):
        found.n_lookups += 1


async def _enter(domain: str, names: Names, address: str, found: Spf) -> None:
    """An include or a redirect; each domain once, or a loop would never end."""
    found.n_lookups += 1
    name = domain.lower().rstrip(".")
    if name in found.includes or "%" in name or found.n_lookups > 2 * MOST_LOOKUPS:
        return
    found.includes.append(name)
    await _walk(name, names, address, found)


def _is_spf(text: str) -> bool:
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def _is_in(address: str, network: str) -> bool:
    try:
        return bool(address) and ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
