"""The next hop of an old relay as a [[route]]: Microsoft's hosts are known by name, all others are smart hosts. Pure.

A password is never taken over: for Microsoft the route signs in by OAuth, for others it is named as a file.
(https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from relay365.moving.draft import Entry

KEY_FILE = "keys/app.pem"  # where init puts it, too, beside the configuration
NO_CLIENT = "00000000-0000-0000-0000-000000000000"

_SUBMISSION = re.compile(
    r"(smtp|smtp-legacy|outlook)\.office365\.com|smtp\.outlook\.com"
    r"|(smtp|outlook)\.office365\.us|smtp\.partner\.outlook\.cn"
)
_CONNECTOR = re.compile(
    r"[a-z0-9-]+(\.[a-z0-9-]+)*\.mail\.protection\.(outlook\.com|office365\.us|partner\.outlook\.cn)"
    r"|[a-z0-9-]+\.[a-z]-v1\.mx\.microsoft"
)
_HVE = re.compile(r"smtp-hve\.office365\.com|smtp\.hve\.mx\.microsoft")
_ACS = re.compile(r"smtp\.azurecomm\.net")
_OTHER_CLOUDS = {"us": "gcc-high", "cn": "china"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller knows and the old configuration does not: --tenant, --client, --mailbox."""

    tenant: str = ""
    client: str = ""
    mailbox: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop. tls as a smart host's route has it; user: its login there, "" for none; name: of the route.

    is_unverified: TLS was asked for, but nobody looked at the certificate.
    """

    host: str
    port: int
    tls: str = "opportunistic"
    user: str = ""
    name: str = ""
    is_unverified: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """A route, "" or what a person must look at, and "" or why there is none."""

    entry: Entry | None
    new: str
    look: str = ""
    missing: str = ""


def way_of(hop: Hop, wish: Wish) -> Way:
    """The route that leads where the hop led."""
    host = hop.host.lower().rstrip(".")
    if _SUBMISSION.fullmatch(host):
        return _submission(hop, wish, host)
    if _CONNECTOR.fullmatch(host):
        look = "Microsoft must know this machine: relay365 connector plan, then connector verify"
        keys = {"kind": "connector", **_named(hop), "host": f"{host}:{hop.port}"}
        return Way(
            Entry(keys, "port 25 to the MX host of the tenant"),
            f'kind = "connector", host = "{host}:{hop.port}"',
            look,
        )
    if _HVE.fullmatch(host):
        return _hve(hop, wish)
    if _ACS.fullmatch(host):
        return _acs(hop)
    return _smarthost(hop, host)


def direct(domain: str, wish: Wish) -> Way:
    """What replaces delivery straight to everybody's MX host: the mailbox that is named, else the tenant's MX host."""
    if wish.mailbox:
        return _submission(Hop("smtp.office365.com", 587), wish, "smtp.office365.com")
    if not domain:
        missing = "no next hop was set and no domain is known: give --mailbox scan@contoso.com, or run relay365 init"
        return Way(None, "", missing=missing)
    keys: dict[str, Any] = {"kind": "connector", "domain": domain}
    look = "mail went to everybody's MX host; now all goes to Microsoft: relay365 connector plan, or give --mailbox"
    remark = "port 25 to the MX host of the tenant, which must know this machine: relay365 connector plan"
    return Way(Entry(keys, remark), f'kind = "connector", domain = "{domain}"', look)


def _submission(hop: Hop, wish: Wish, host: str) -> Way:
    mailbox = wish.mailbox or (hop.user if "@" in hop.user else "")
    if not mailbox:
        found = f"the login {hop.user} is no mail address" if hop.user else "no login was found"
        return Way(
            None,
            "",
            missing=f"{found}, so the mailbox that sends is unknown: give --mailbox scan@contoso.com",
        )
    entry = Entry({"kind": "submission", **_named(hop)})
    _cloud(entry, host)
    client = _application(entry, wish, mailbox)
    entry.set("mailbox", mailbox)
    look = f"OAuth instead of a password; the application is still to be made: {script_command(mailbox)}"
    said = f'kind = "submission", mailbox = "{mailbox}"'
    return Way(entry, said, "OAuth instead of a password" if client else look)


def _hve(hop: Hop, wish: Wish) -> Way:
    mailbox = wish.mailbox or (hop.user if "@" in hop.user else "")
    if not mailbox:
        return Way(None, "", missing="the High Volume Email account is unknown: give --mailbox")
    entry = Entry({"kind": "hve", **_named(hop)})
    client = _application(entry, wish, mailbox)
    entry.set("mailbox", mailbox)
    entry.set(
        "domains",
        [mailbox.rpartition("@")[2]],
        "all domains of the tenant: nobody else can be reached this way",
    )
    look = "OAuth instead of a password; domains must name all of the tenant's"
    if not client:
        look += f"; the application is still to be made: {script_command(mailbox)} --grant hve"
    return Way(entry, f'kind = "hve", mailbox = "{mailbox}"', look)


def _acs(hop: Hop) -> Way:
    if not hop.user:
        return Way(
            None, "", missing="no login for Azure Communication Services was found; write the route by hand"
        )
    file = _password_file(hop.host)
    keys = {"kind": "acs", **_named(hop), "user": hop.user, "password": {"file": file}}
    look = f"put the password into {file} (chmod 600); Azure Communication Services Email by SMTP ends on 2028-09-30"
    return Way(Entry(keys, "Azure Communication Services"), f'kind = "acs", user = "{hop.user}"', look)


def _smarthost(hop: Hop, host: str) -> Way:
    shown = f"[{host}]:{hop.port}" if ":" in host else f"{host}:{hop.port}"
    entry = Entry({"kind": "smarthost", **_named(hop), "host": shown})
    tls, looks = hop.tls, []
    if hop.user:
        file = _password_file(host)
        if tls in ("none", "opportunistic"):
            looks.append(f'a password is never sent in clear: tls = "required" instead of {tls}')
            tls = "required"
        entry.set("tls", tls)
        entry.set("user", hop.user)
        entry.set("password", {"file": file}, "the password alone in this file, readable by the relay only")
        looks.append(f"put the password into {file} (chmod 600); it was not copied")
    else:
        entry.set("tls", tls)
    if hop.is_unverified and tls == "required":
        looks.append(
            "its certificate was not looked at before, now it is verified: ca_file where it is its own"
        )
    user = f', user = "{hop.user}"' if hop.user else ""
    return Way(entry, f'kind = "smarthost", host = "{shown}", tls = "{tls}"{user}', "; ".join(looks))


def _application(entry: Entry, wish: Wish, mailbox: str) -> bool:
    """The keys of the sign-in; whether the client id is known."""
    entry.set("tenant", wish.tenant or mailbox.rpartition("@")[2])
    if wish.client:
        entry.set("client", wish.client, "the application's id")
    else:
        entry.set("client", NO_CLIENT, "put the application's id here")
        entry.remark = f"make the application: {script_command(mailbox)}"
    entry.set("certificate", {"file": KEY_FILE}, "renewed by: relay365 app rotate")
    entry.set("key", {"file": KEY_FILE})
    return bool(wish.client)


def _cloud(entry: Entry, host: str) -> None:
    cloud = _OTHER_CLOUDS.get(host.rpartition(".")[2])
    if cloud:
        entry.set("cloud", cloud)


def _named(hop: Hop) -> dict[str, str]:
    return {"name": hop.name} if hop.name else {}


def script_command(mailbox: str) -> str:
    """The command that makes the application."""
    return f"relay365 app script --mailbox {mailbox} --key {KEY_FILE}"


def _password_file(host: str) -> str:
    return f"/etc/relay365/{re.sub(r'[^a-z0-9.-]', '-', host.lower())}.password"
