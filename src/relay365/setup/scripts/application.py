"""The scripts for an application in Entra and Exchange: made, given one more certificate, taken back.

How much it may do is one of four grants: Full Access to one mailbox (with SMTP.SendAsApp), a role in a scope of one
mailbox (RBAC for Applications, no permission in Entra), one High Volume Email account, or nothing but a person's own
sign-in.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"; "SMTP Onboarding to App RBAC"; "Role Based
Access Control for Applications in Exchange Online"; "OAuth authentication for High Volume Email"; read 2026-11)
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from relay365.setup.powershell.literals import Value, odata
from relay365.setup.scripts.composing import EXCHANGE_CLOUDS, GRAPH_CLOUDS, Origin, compose

Grant = Literal["mailbox", "scope", "scope-graph", "hve", "person"]

MAKE_FILE, UNDO_FILE, ROTATE_FILE = "relay365-setup.ps1", "relay365-undo.ps1", "relay365-rotate.ps1"

_EXCHANGE_PART: dict[Grant, tuple[str, ...]] = {
    "mailbox": ("service", "{mailbox}", "smtp-auth", "full-access", "senders"),
    "scope": ("service", "{mailbox}", "smtp-auth", "scope", "senders"),
    "scope-graph": ("service", "{mailbox}", "scope"),
    "hve": ("hve",),
    "person": ("{mailbox}", "smtp-auth"),
}
_ENTRA_PART: dict[Grant, tuple[str, ...]] = {
    "mailbox": ("exchange-resource", "permission", "application", "principal", "consent"),
    "scope": ("no-permission", "application", "principal"),
    "scope-graph": ("no-permission", "application", "principal"),
    "hve": ("exchange-resource", "permission", "application", "principal", "consent"),
    "person": ("exchange-resource", "person", "principal"),
}
_ROLES: dict[Grant, tuple[str, ...]] = {
    "scope": ("Application SMTP.SendAsApp",),
    "scope-graph": ("Application Mail.Send", "Application Mail.ReadWrite"),
}
_MAY: dict[Grant, str] = {
    "mailbox": "send by SMTP from {mailbox}, and use no other mailbox",
    "scope": "send by SMTP from {mailbox}, and use no other mailbox",
    "scope-graph": "send by Microsoft Graph from {mailbox}, and use no other mailbox",
    "hve": "send by the High Volume Email account {mailbox}",
    "person": "send as the person who signs in for {mailbox}; it has no right of its own",
}


@dataclass(frozen=True, slots=True)
class AppWish:
    """What the application is to be. certificate: DER, the public half; senders: further addresses to send as.

    makes_mailbox: a shared mailbox is created where there is none.
    """

    tenant_id: str
    name: str
    mailbox: str
    grant: Grant
    certificate: bytes = b""
    key_name: str = ""
    senders: tuple[str, ...] = ()
    makes_mailbox: bool = False
    cloud: str = "global"


def make_script(wish: AppWish, origin: Origin) -> str:
    """The script that makes everything and ends with the line that `relay365 init` waits for.

    Raises ValueError where a name cannot stand in a script.
    """
    mailbox_part = "new-mailbox" if wish.makes_mailbox else "mailbox"
    exchange = [mailbox_part if one == "{mailbox}" else one for one in _EXCHANGE_PART[wish.grant]]
    sections = [
        "sign-in-entra", "sign-in-exchange", "find", *_ENTRA_PART[wish.grant], *exchange, "result",
    ]  # fmt: skip
    values = _values(wish)
    if wish.grant != "person":
        values |= _key_values(wish)
    if wish.grant in ("mailbox", "hve"):
        values["permission"] = "Mail.Send" if wish.grant == "hve" else "SMTP.SendAsApp"
    purpose = [
        f"relay365: an application that may {_MAY[wish.grant].format(mailbox=wish.mailbox)}.",
        f"{UNDO_FILE} takes all of it back.",
    ]
    return compose(purpose, origin, MAKE_FILE, values, sections)


def undo_script(wish: AppWish, origin: Origin) -> str:
    """The script that takes back what make_script makes; mailboxes and accounts stay."""
    middle = {"hve": ("undo-hve",), "person": ("undo-smtp-auth",), "scope-graph": ("undo-exchange",)}
    exchange = middle.get(wish.grant, ("undo-exchange", "undo-smtp-auth"))
    sections = ["sign-in-entra", "sign-in-exchange", "find", *exchange, "undo-application"]
    purpose = [
        f"relay365: takes back what {MAKE_FILE} has made for {wish.mailbox}.",
        "After it the relay cannot send by this road any more. The mailbox, and what is in it, stays.",
    ]
    return compose(purpose, origin, UNDO_FILE, _values(wish), sections)


def rotate_script(wish: AppWish, client: str, origin: Origin) -> str:
    """The script that gives the application with this id one more certificate."""
    values = {**_entra_values(wish), **_key_values(wish), "findApp": _filter("appId", client)}
    purpose = [
        f"relay365: one more certificate for the application {client}.",
        "Nothing else is changed. Later ones need no script: relay365 app rotate renews it by itself.",
    ]
    return compose(purpose, origin, ROTATE_FILE, values, ["sign-in-entra", "find", "add-key"])


def _entra_values(wish: AppWish) -> dict[str, Value]:
    return {
        "tenantId": wish.tenant_id,
        "graphCloud": GRAPH_CLOUDS[wish.cloud],
        "appName": wish.name,
        "findApp": _filter("displayName", wish.name),
    }


def _filter(key: str, value: str) -> str:
    return quote(f"{key} eq {odata(value)}", safe="")


def _key_values(wish: AppWish) -> dict[str, Value]:
    return {"keyName": wish.key_name, "certificate": base64.b64encode(wish.certificate).decode("ascii")}


def _values(wish: AppWish) -> dict[str, Value]:
    return {
        **_entra_values(wish),
        "exchangeCloud": EXCHANGE_CLOUDS[wish.cloud],
        "mailbox": wish.mailbox,
        "senders": wish.senders,
        "scopeName": f"relay365 {wish.mailbox}",
        "roles": _ROLES.get(wish.grant, ()),
    }
