"""Questions about a domain of ours: SPF, DKIM, DMARC, MX. A receiver asks the same ones about our mail.

(RFC 7208; RFC 6376 3.6.2; RFC 7489 6.3; Microsoft: "Set up SPF in Microsoft 365", "Set up DKIM to sign mail from your
Microsoft 365 domain", "Set up DMARC", read 2026-11)
"""

from __future__ import annotations

from relay365.config.roads.clouds import Cloud
from relay365.doctor.finding import Finding, bad, good, unknown, warn
from relay365.doctor.names.asking import Names
from relay365.doctor.names.spf import Spf, walk
from relay365.errors import TransportError
from relay365.routes.connector import MX_SUFFIXES

INCLUDE: dict[Cloud, str] = {
    "global": "spf.protection.outlook.com",
    "gcc-high": "spf.protection.office365.us",
    "dod": "spf.protection.office365.us",
    "china": "spf.protection.partner.outlook.cn",
}
SELECTORS = ("selector1", "selector2")  # the two that Microsoft rotates between

_PORTAL = "https://security.microsoft.com/dkimv2"


def no_answer(error: TransportError) -> Finding:
    """DNS said nothing: that is never "there is no record"."""
    why = "the name server does not answer or refuses; that says nothing about the record"
    return unknown(
        "DNS does not answer", why, "check the name server of this machine, or --resolver", str(error)
    )


async def resolver(names: Names) -> Finding:
    """Whether our name server knows the world at all: an inner one says "no such name" of everything outside."""
    try:
        roots = await names.ask(".", "NS")
    except TransportError as error:
        return no_answer(error)
    if not roots:
        why = 'it knows our own network only: its "no such record" says nothing about what others see'
        do = "ask one that knows the internet: relay365 doctor dns --resolver 192.168.10.1:53"
        return unknown("our name server does not know the internet", why, do)
    return good("our name server knows the internet")


async def spf(domain: str, names: Names, cloud: Cloud, address: str = "") -> Finding:
    """Whether receivers take Microsoft's servers as ours, and our own where a connector shows them (address)."""
    try:
        found = await walk(domain, names, address)
    except TransportError as error:
        return no_answer(error)
    include = INCLUDE[cloud]
    wanted = f"v=spf1 {f'ip4:{address} ' if address else ''}include:{include} -all"
    if not found.record:
        why = "receivers cannot tell our mail from a forger's, and sort it out"
        return bad(f"{domain} has no SPF record", why, f'publish TXT at {domain}: "{wanted}"')
    return _judged(domain, found, include, wanted, address)


def _judged(domain: str, found: Spf, include: str, wanted: str, address: str) -> Finding:
    if found.faults:
        why = "receivers see a permanent error and take SPF as failed"
        return bad(
            f"SPF of {domain} is broken: {found.faults[0]}",
            why,
            f"mend the TXT record at {domain}",
            found.record,
        )
    if include not in found.includes:
        why = "Microsoft's servers send our mail, and receivers are told that they may not"
        return bad(
            f"SPF of {domain} lacks include:{include}",
            why,
            f'change TXT at {domain}: "{wanted}"',
            found.record,
        )
    if address and not found.lists:
        why = "the connector hands mail over from that address, and Microsoft checks it like any other"
        return warn(
            f"SPF of {domain} lacks our address {address}", why, f"put ip4:{address} into it", found.record
        )
    if found.ending == "+all":
        return warn(
            f"SPF of {domain} ends in +all", "it lets everybody send as us", "end it in -all", found.record
        )
    return good(f"SPF of {domain} has include:{include}, {found.n_lookups} of 10 questions", found.record)


async def dkim(domain: str, names: Names) -> Finding:
    """Whether Microsoft can sign with the domain's own keys: both selectors lead to it, as CNAME or as keys."""
    missing = []
    try:
        for selector in SELECTORS:
            name = f"{selector}._domainkey.{domain}"
            if not await names.ask(name, "CNAME") and not await names.ask(name, "TXT"):
                missing.append(name)
    except TransportError as error:
        return no_answer(error)
    if missing:
        why = "Microsoft signs our mail with the tenant's onmicrosoft.com name only, which does not pass DMARC for us"
        do = f"publish the two CNAME records that {_PORTAL} names for {domain}, then switch signing on there"
        return warn(f"DKIM of {domain}: no {' and no '.join(missing)}", why, do)
    return good(f"DKIM of {domain}: selector1 and selector2 are there")


async def dmarc(domain: str, names: Names) -> Finding:
    """Whether the domain says what becomes of forged mail; that of an organisation holds for what is below it."""
    name = f"_dmarc.{domain}"
    try:
        records = [
            one for one in await names.ask(name, "TXT") if one.replace(" ", "").lower().startswith("v=dmarc1")
        ]
        parent = domain.partition(".")[2]
        if not records and "." in parent:
            name = f"_dmarc.{parent}"
            records = [one for one in await names.ask(name, "TXT") if one.lower().startswith("v=dmarc1")]
    except TransportError as error:
        return no_answer(error)
    if not records:
        why = "large receivers want one, and nobody tells us of forged mail"
        return warn(
            f"{domain} has no DMARC record", why, f'publish TXT at _dmarc.{domain}: "v=DMARC1; p=none"'
        )
    if len(records) > 1:
        why = "receivers then take none of them (RFC 7489 6.6.3)"
        return bad(f"{name} has {len(records)} DMARC records", why, "take all but one out", records[0])
    words = [one.strip().lower() for one in records[0].split(";")]
    policy = next((one.partition("=")[2].strip() for one in words if one.startswith("p=")), "")
    if policy not in ("none", "quarantine", "reject"):
        why = "without p= receivers ignore it"
        return bad(
            f"the DMARC record of {domain} has no policy", why, "add p=none, quarantine or reject", records[0]
        )
    return good(f"DMARC of {domain}: p={policy}", records[0])


async def mx(domain: str, names: Names) -> Finding:
    """Whether the domain's MX leads to Microsoft, where a connector's host is looked up there."""
    try:
        hosts = [one.partition(" ")[2] for one in await names.ask(domain, "MX")]
    except TransportError as error:
        return no_answer(error)
    if not hosts or hosts == ["."]:
        why = "the connector's host is looked up there"
        return bad(
            f"{domain} has no MX record",
            why,
            'name the host in the route: host = "...:25", or find = "graph"',
        )
    if not any(host.lower().endswith(MX_SUFFIXES) for host in hosts):
        why = "a filter stands in front of Microsoft, and it is no connector of the tenant"
        do = 'name Microsoft\'s own host in the route (host = "...mail.protection.outlook.com:25"), or find = "graph"'
        return bad(f"MX of {domain} is {hosts[0]}, which is not Microsoft's", why, do)
    return good(f"MX of {domain} is {hosts[0]}")
