"""Questions about the address that a connector sees of us: is it public, has it a name, is it static, is it listed.

Microsoft knows a connector's relay by this address, and judges mail by its reputation. Block lists are asked as RFC
5782 says, their own test entries first: many do not answer open resolvers, or answer falsely.
(RFC 1912 2.1; RFC 5782 5; RFC 6598; Microsoft: "How connectors work with my on-premises email servers")
"""

from __future__ import annotations

import ipaddress
import re

from relay365.doctor.finding import Finding, bad, good, unknown, warn
from relay365.doctor.names.asking import Names, reversed_of
from relay365.doctor.names.records import no_answer
from relay365.errors import TransportError

LISTS = ("zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com")
CARRIER_NAT = ipaddress.ip_network("100.64.0.0/10")

_DYNAMIC = re.compile(
    r"(?<![a-z])(dyn|dynamic|dynip|dhcp|dsl|adsl|vdsl|ppp|pppoe|pool|dial|dialup|cable|mobile|lte)(?![a-z])"
)
_REFUSED = ipaddress.ip_network(
    "127.255.255.0/24"
)  # Spamhaus: typing error, open resolver, too many questions
_DO_ADDRESS = "relay365 doctor connector --address OUR.PUBLIC.ADDRESS"


async def public(seen: str, own: str) -> Finding:
    """What address Microsoft sees. seen: as its EHLO reply says, or as was given; own: that of our end of the line."""
    try:
        address, inner = ipaddress.ip_address(seen), ipaddress.ip_address(own) if own else None
    except ValueError:
        why = "the remote did not say in its EHLO reply from where we come"
        return unknown("our public address is not known", why, _DO_ADDRESS, seen)
    if not address.is_global:
        why = "only our own network has such an address: the remote is no server of Microsoft, or a proxy is between"
        return unknown(f"we are seen as {address}, which is not public", why, _DO_ADDRESS)
    if address.version == 6:
        why = "connectors know IPv4 addresses only (New-InboundConnector -SenderIPAddresses)"
        return bad(
            f"we are seen as {address}, an IPv6 address", why, "set source in the route to our IPv4 address"
        )
    if inner is not None and inner in CARRIER_NAT:
        why = "that is carrier-grade NAT: the public address is shared with strangers, and changes"
        do = "ask the provider for a static public address, or let the connector know us by certificate"
        return bad(f"we come from {inner} and are seen as {address}", why, do)
    return good(
        f"Microsoft sees us as {address}" + (f" (here {inner})" if inner and inner != address else "")
    )


async def named(address: str, names: Names) -> Finding:
    """PTR, and whether that name leads back; a name that looks dynamic is said."""
    try:
        hosts = await names.hosts_of(address)
        back = [host for host in hosts[:5] if address in await names.addresses_of(host)]
    except TransportError as error:
        return no_answer(error)
    if not hosts:
        why = "receivers distrust an address without a name"
        return warn(
            f"{address} has no PTR record", why, "ask the provider to set one to the name of our relay"
        )
    if not back:
        why = "PTR and forward record do not confirm each other"
        return warn(
            f"PTR of {address} is {hosts[0]}, which does not lead back",
            why,
            f"set A of {hosts[0]} to {address}",
        )
    if _DYNAMIC.search(back[0].lower()):
        why = "a connector by address breaks when it changes, and whoever gets it next may send through our tenant"
        do = "make sure that it is static, or let the connector know us by certificate"
        return warn(f"{address} is {back[0]}, which looks like a dynamic address", why, do)
    return good(f"{address} is {back[0]}, and that leads back")


async def listed(address: str, zone: str, names: Names) -> Finding:
    """Whether a block list has the address; the list's own test entry is asked first (RFC 5782 5)."""
    try:
        probe = await names.ask(f"{reversed_of('127.0.0.2')}.{zone}", "A")
        if not probe or _is_refusal(probe):
            why = "our name server is not answered: many lists refuse open resolvers such as 8.8.8.8, or answer falsely"
            return unknown(
                f"{zone} does not answer us", why, "ask by a name server of your own: --resolver HOST:53"
            )
        found = await names.ask(f"{reversed_of(address)}.{zone}", "A")
        said = await names.ask(f"{reversed_of(address)}.{zone}", "TXT") if found else ()
    except TransportError as error:
        return no_answer(error)
    if _is_refusal(found):
        why = "it answers with a refusal, not with a listing"
        return unknown(
            f"{zone} does not answer us", why, "ask by a name server of your own: --resolver HOST:53"
        )
    if found:
        do = f"find out what sent spam from {address}, then ask {zone} to take it off"
        return bad(
            f"{zone} lists {address}", "mail from it is refused or sorted out", do, " ".join(said)[:300]
        )
    return good(f"{zone} does not list {address}")


def _is_refusal(answers: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(one) in _REFUSED for one in answers)
