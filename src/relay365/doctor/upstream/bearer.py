"""The question about a road's token: does Entra give one, for whom, with which rights.

A token without the role is no proof of a mistake (RBAC for Applications), so it is said and AUTH decides; one for
another resource opens nothing. (Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"; "Role Based
Access Control for Applications in Exchange Online")
"""

from __future__ import annotations

import re
from dataclasses import replace

from relay365.config import Account
from relay365.config.roads.clouds import DELEGATED_RESOURCE, GRAPH, HVE_RESOURCE, SMTP_RESOURCE
from relay365.doctor.finding import Finding, bad, good, warn
from relay365.doctor.patient import Road
from relay365.doctor.upstream.reading import of_token
from relay365.errors import TokenRefused
from relay365.routes.identity.claims import Claims, read_claims

ROLES = {"submission": ("SMTP.SendAsApp", "SMTP.Send"), "graph": ("Mail.Send",), "hve": ("Mail.Send",)}
TOO_MUCH = ("full_access_as_app", "IMAP.AccessAsApp", "POP.AccessAsApp", "Exchange.ManageAsApp")

_SAYS_NOTHING = re.compile(r"535 5\.7\.(3|144)\b")  # "Authentication unsuccessful" and no more

_GRAPH_ID = "00000003-0000-0000-c000-000000000000"
_EXCHANGE_ID = "00000002-0000-0ff1-ce00-000000000000"


async def token(road: Road) -> Finding:
    """Ask for one as the relay does, and read it."""
    if road.source is None or not isinstance(road.table, Account):
        return good("this route needs no token")
    try:
        text = await road.source.token()
    except TokenRefused as refused:
        return of_token("there is no token", refused, road.kind)
    return judged(road.kind, road.table, read_claims(text))


def judged(kind: str, table: Account, claims: Claims) -> Finding:
    """What a token is good for on a kind of route."""
    if not claims.audience:
        return good("a token was given; it cannot be read, which is its right")
    wanted = _audiences(kind, table)
    if wanted and claims.audience not in wanted:
        why = f"the remote takes tokens for {wanted[0]} only"
        return bad(
            f"the token is for {claims.audience}", why, "take scope out of the route: the default is right"
        )
    who = f" of {claims.who}" if claims.who else ""
    words = f"a token{who} for {claims.audience}, roles {', '.join(claims.roles) or 'none'}"
    too_much = [role for role in claims.roles if role in TOO_MUCH]
    if too_much:
        why = f"{too_much[0]} lets whoever has the credential do far more than send"
        return warn(words, why, "take that permission away from the application in Entra")
    roles = ROLES.get(kind, ())
    if roles and not set(roles) & set(claims.roles):
        return good(f"{words}: right only with RBAC for Applications; the login decides")
    return good(words)


def blamed(finding: Finding, kind: str, claims: Claims, mailbox: str) -> Finding:
    """A refused login, with what the token rules out: either it lacks its role, or Exchange lacks the application.

    claims: of the token that was offered. Where a reply says itself what is wrong (5.7.139), that stands.
    """
    roles = ROLES.get(kind, ())
    if not roles or not claims.audience or not _SAYS_NOTHING.match(finding.said):
        return finding
    if not set(roles) & set(claims.roles):
        why = f"the token has no role {roles[0]}, and Exchange knows of no RBAC assignment instead"
        do = f"give the application {roles[0]} of Office 365 Exchange Online, with admin consent: relay365 token status"
        return replace(finding, why=why, do=do)
    if kind != "submission":
        return finding
    why = "the token is right: Exchange does not know the application on this mailbox, or there is no such mailbox"
    do = (
        f"Get-MailboxPermission {mailbox}; Get-ServicePrincipal: its ObjectId must be that of Entra > Enterprise "
        "applications; a change takes up to two hours"
    )
    return replace(finding, why=why, do=do)


def _audiences(kind: str, table: Account) -> tuple[str, ...]:
    cloud = table.cloud
    found = {
        "submission": (SMTP_RESOURCE[cloud], DELEGATED_RESOURCE[cloud], _EXCHANGE_ID),
        "hve": (HVE_RESOURCE, SMTP_RESOURCE[cloud], _EXCHANGE_ID),
        "graph": (GRAPH[cloud], _GRAPH_ID),
        "connector": (GRAPH[cloud], _GRAPH_ID),
    }.get(kind, ())
    return tuple(one.removeprefix("https://").rstrip("/") for one in found)
