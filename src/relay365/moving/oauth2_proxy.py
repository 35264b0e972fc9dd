"""The file of email-oauth2-proxy, emailproxy.config, as listeners, logins and submission routes. Pure.

Secrets and tokens stay where they are: a client secret is named as a file, and a person signs in anew, once.
(https://github.com/simonrob/email-oauth2-proxy, emailproxy.config)
"""

from __future__ import annotations

import configparser
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from relay365.moving.draft import Draft, Entry
from relay365.moving.finding import Findings, SourceError

SECRET_FILE = "/etc/relay365/{}.secret"  # noqa: S105  # where the secret of a route is to be put

_SERVER = re.compile(r"(IMAP|POP|SMTP)-(\d+)")
_MICROSOFT = re.compile(r"https://login\.(microsoftonline\.(com|us)|partner\.microsoftonline\.cn)/([^/]+)/")
_SHARED_TENANTS = frozenset(("common", "organizations", "consumers"))
_HOSTS = {"smtp.office365.com": "", "outlook.office365.com": "", "smtp-legacy.office365.com": "",
          "smtp.office365.us": "gcc-high", "smtp.partner.outlook.cn": "china"}  # fmt: skip
_SECRET_KEYS = frozenset((
    "client_secret", "client_secret_encrypted", "access_token", "refresh_token", "token_salt", "token_iterations",
    "access_token_expiry", "last_activity", "jwt_key_path",
))  # fmt: skip
_HARMLESS = {
    "documentation": "a remark", "permission_url": "the tenant stands in it", "token_url": "the tenant stands in it",
    "redirect_uri": "relay365 token login says its own; http://localhost must be allowed for the application",
    "redirect_listen_address": "relay365 token login says its own", "oauth2_scope": "the route knows its scope",
    "oauth2_resource": "the route knows its scope", "oauth2_flow": "it decides how the route signs in",
    "client_id": "client of the route", "server_address": "where the route sends",
    "server_port": "where the route sends",
    "server_starttls": "the route always starts TLS", "starttls": "the route always starts TLS",
    "local_address": "address of the listener", "local_certificate_path": "certificate of the listener",
    "local_key_path": "key of the listener", "local_starttls": "tls of the listener",
    "jwt_certificate_path": "certificate of the route", "use_pkce": "always here",
    "local_server_auth": "relay365 token login",
}  # fmt: skip


@dataclass
class _Proxy:
    """The sections with the lines that they stand on."""

    sections: configparser.RawConfigParser
    lines: dict[tuple[str, str], int]
    file: str
    draft: Draft
    findings: Findings
    names: Counter[str] = field(default_factory=Counter)

    def where(self, section: str, key: str = "") -> str:
        """FILE:n of a section or a key in it."""
        return f"{self.file}:{self.lines.get((section, key), 1)}"

    def get(self, section: str, key: str) -> str:
        """A value, "" where there is none."""
        return self.sections.get(section, key, fallback="").strip()


def read(text: str, file: str) -> tuple[Draft, Findings]:
    """The listeners and accounts of a file; raises SourceError where it is no such file. file: its name for people."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        do = "give the emailproxy.config of email-oauth2-proxy"
        raise SourceError(f"{file} cannot be read", str(error).splitlines()[0], do) from error
    proxy = _Proxy(parser, _lines(text), file, Draft(file), Findings())
    servers = [one for one in parser.sections() if _SERVER.fullmatch(one)]
    accounts = [one for one in parser.sections() if "@" in one]
    if not servers and not accounts:
        why = "it has no [SMTP-1587] and no [scan@contoso.com]"
        raise SourceError(f"{file} is no emailproxy.config", why, "give the file of email-oauth2-proxy")
    for section in servers:
        _server(proxy, section)
    routes = [one for one in accounts if _account(proxy, one)]
    _rules(proxy, routes)
    for section in parser.sections():
        if section not in servers and section not in accounts:
            _other(proxy, section)
    proxy.findings.all.sort(key=lambda one: int(one.where.rpartition(":")[2]))
    return proxy.draft, proxy.findings


def _lines(text: str) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    section = ""
    for n, row in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\[([^\]]+)\]", row):
            section = heading[1]
            found[section, ""] = n
        elif key := re.match(r"([^\s#;=:][^=:]*?)\s*[=:]", row):
            found[section, key[1]] = n
    return found


def _server(proxy: _Proxy, section: str) -> None:
    kind, port = section.split("-")
    where, findings = proxy.where(section), proxy.findings
    host = proxy.get(section, "server_address")
    if kind != "SMTP":
        findings.unknown(where, f"[{section}]", f"only SMTP is spoken here; keep the proxy for {kind}")
        return
    if host not in _HOSTS:
        findings.unknown(
            where, f"[{section}] {host}", "this listener leads to another provider than Microsoft 365"
        )
        return
    local = proxy.get(section, "local_address") or "localhost"
    address = {"localhost": "127.0.0.1", "::": "[::]", "::1": "[::1]"}.get(local, local)
    address = f"[{address}]" if ":" in address and not address.startswith("[") else address
    entry = Entry({"address": f"{address}:{port}"})
    certificate, key = proxy.get(section, "local_certificate_path"), proxy.get(section, "local_key_path")
    starts_tls = proxy.get(section, "local_starttls").lower() in ("true", "yes", "1", "on")
    entry.set("tls", "none" if not certificate else "required" if starts_tls else "implicit")
    if certificate and key:
        entry.set("certificate", {"file": certificate})
        entry.set("key", {"file": key})
    entry.set("require_auth", True, "as the proxy did; logins are made by: relay365 user add NAME")
    proxy.draft.add("listener", entry)
    tls = entry.keys["tls"]
    if tls == "none":
        _allow_clear(proxy, section, address)
    findings.ok(where, f"[{section}]", f'[[listener]] address = "{address}:{port}", tls = "{tls}"')
    _tell_keys(proxy, section)


def _allow_clear(proxy: _Proxy, section: str, address: str) -> None:
    """The proxy's clients say their password without TLS; here a network has to be named for that (docs/senders.md)."""
    loopback = {"127.0.0.1": "127.0.0.0/8", "[::1]": "::1/128"}.get(address, "")
    known = [one.keys["network"] for one in proxy.draft.entries("allow")]
    if loopback and loopback not in known:
        keys = {"network": loopback, "login": "required"}
        proxy.draft.add("allow", Entry(keys, "from this machine a password may come without TLS"))
    if loopback:
        return
    proxy.draft.table("tolerate").set(
        "auth_in_clear", True, "passwords may come without TLS, from everywhere"
    )
    why = (
        'as before; better an [[allow]] for the clients\' network, login = "required", and this key taken out'
    )
    proxy.findings.warn(
        proxy.where(section), f"[{section}] without TLS", "[tolerate] auth_in_clear = true", why
    )


def _account(proxy: _Proxy, section: str) -> bool:
    """A route and a device for an account; whether there is one."""
    where, findings = proxy.where(section), proxy.findings
    found = _MICROSOFT.match(proxy.get(section, "token_url") + "/")
    client = proxy.get(section, "client_id")
    why = ""
    if section.startswith("@"):
        why = "an account for a whole domain: make a route for each mailbox that sends"
    elif found is None:
        why = "its tokens do not come from Microsoft: relay365 sends through Microsoft 365 only"
    elif "***" in client or not client:
        findings.ok(where, f"[{section}]", "", "an example that was never filled in: it has no client_id")
        return False
    if why or found is None:
        findings.unknown(where, f"[{section}]", why)
        return False
    tenant = section.rpartition("@")[2] if found[3] in _SHARED_TENANTS else found[3]
    name = _name(proxy, section)
    keys: dict[str, Any] = {"kind": "submission", "name": name}
    cloud = "gcc-high" if found[2] == "us" else "" if found[2] else "china"
    if cloud:
        keys["cloud"] = cloud
    entry = Entry({**keys, "tenant": tenant, "client": client})
    look = _sign_in(proxy, section, entry, name)
    entry.set("mailbox", section)
    proxy.draft.add("route", entry)
    proxy.draft.add("device", Entry({"name": name, "match": {"login": section}}))
    new = f'[[route]] {name}: mailbox = "{section}", and [[device]] {name} for its login'
    findings.warn(where, f"[{section}]", new, f"{look}; then its login: relay365 user add {section}")
    _tell_keys(proxy, section)
    return True


def _sign_in(proxy: _Proxy, section: str, entry: Entry, name: str) -> str:
    """How the route signs in, and what a person has to do for it."""
    flow = proxy.get(section, "oauth2_flow").lower()
    certificate, key = proxy.get(section, "jwt_certificate_path"), proxy.get(section, "jwt_key_path")
    if flow == "client_credentials" and certificate and key:
        entry.set("certificate", {"file": certificate})
        entry.set("key", {"file": key})
        return "certificate and key stay where they are; the relay's user must be able to read them"
    if flow == "client_credentials":
        entry.set(
            "secret",
            {"file": SECRET_FILE.format(name)},
            "the client secret alone in this file, readable by the relay only",
        )
        return f"put the client secret into {SECRET_FILE.format(name)} (chmod 600); it was not copied"
    entry.set("login", "mailbox", f"a person signs in once: relay365 token login {name}")
    said = "the password flow is not used here; " if flow == "password" else ""
    return f"{said}tokens are not copied: relay365 token login {name} signs in once"


def _rules(proxy: _Proxy, accounts: list[str]) -> None:
    """Each login sends by its own mailbox, as before; of one account there is nothing to choose."""
    if len(accounts) < 2:
        return
    for entry in proxy.draft.entries("route"):
        name = entry.keys["name"]
        proxy.draft.add("rule", Entry({"name": name, "device": [name], "routes": [name]}, is_first=True))


def _tell_keys(proxy: _Proxy, section: str) -> None:
    for key in proxy.sections.options(section):
        where = proxy.where(section, key)
        if key in _SECRET_KEYS:
            proxy.findings.ok(where, f"{key} = ...", "", "not copied")
        elif key in _HARMLESS:
            proxy.findings.ok(where, f"{key} = {proxy.get(section, key)}", "", _HARMLESS[key])
        else:
            proxy.findings.unknown(
                where, f"{key} = {proxy.get(section, key)}", "a key that is not known here"
            )


def _other(proxy: _Proxy, section: str) -> None:
    """[emailproxy] and sections that hold remarks."""
    keys = [key for key in proxy.sections.options(section) if key != "documentation"]
    if not keys:
        proxy.findings.ok(proxy.where(section), f"[{section}]", "", "a remark")
    for key in keys:
        said, where = f"[{section}] {key} = {proxy.get(section, key)}", proxy.where(section, key)
        if section != "emailproxy":
            proxy.findings.unknown(where, said, "neither a server nor an account")
        elif key == "allow_catch_all_accounts" and proxy.get(section, key).lower() == "true":
            proxy.findings.unknown(where, said, "make a route for each mailbox that sends")
        else:
            proxy.findings.ok(where, said, "", "how the proxy keeps its own tokens; relay365 has its own way")


def _name(proxy: _Proxy, account: str) -> str:
    base = re.sub(r"[^A-Za-z0-9._-]", "-", account.partition("@")[0]).strip("-._")[:30] or "account"
    proxy.names[base] += 1
    return base if proxy.names[base] == 1 else f"{base}-{proxy.names[base]}"
