"""Where Postfix sent mail: relayhost, logins there, transport_maps and the relayhosts of senders as routes and rules.

Only the name of a login leaves the password table; the password stays where it is. (SASL_README, TLS_README,
transport(5))
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace

from relay365.moving.draft import REST, Draft, Entry
from relay365.moving.finding import Findings
from relay365.moving.postfix.files.main_cf import MainCf, words
from relay365.moving.postfix.files.master_cf import PORTS
from relay365.moving.postfix.files.table import Files, Row, TableError, rows_of
from relay365.moving.remote import Hop, Way, Wish, direct, way_of

_NEXTHOP = re.compile(r"\[([^\]\s]+)\](?::([A-Za-z0-9-]+))?|([^\s:\[\]]+)(?::([A-Za-z0-9-]+))?")
_TLS = {
    "none": "none", "may": "opportunistic", "encrypt": "required", "dane": "opportunistic", "dane-only": "required",
    "verify": "required", "secure": "required", "fingerprint": "required",
}  # fmt: skip
_SYSTEM_ROOTS = re.compile(
    r"/(ca-certificates\.crt|ca-bundle\.(crt|pem|trust\.crt)|cert\.pem|tls-ca-bundle\.pem)$"
)
_SMTP = frozenset(("smtp", "relay", "smtps", "submission"))
_LOCAL_DOMAINS = (
    "localdomain",
    "localhost",
    "local",
    "lan",
    "internal",
    "home.arpa",
    "invalid",
    "test",
    "example",
)


@dataclass
class Sending:
    """What a Postfix says about the way out, as routes and rules of a draft."""

    cf: MainCf
    files: Files
    draft: Draft
    findings: Findings
    wish: Wish
    mailbox: str = ""
    _main: Hop | None = None
    _logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    _policies: list[Row] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Make the routes; afterwards mailbox is the address that sends, or ""."""
        self._logins = self._read_logins()
        self._policies = self._rows("smtp_tls_policy_maps")
        for row in self._policies:
            self.findings.ok(
                row.where, f"{row.key} {row.value}", "tls of the smart host of this name, if there is one"
            )
        self._read_relayhost()
        by_sender = self._read_senders()
        by_recipient = self._read_transports()
        if (by_sender or by_recipient) and self.draft.entries("route"):
            main = [one for one in self.draft.entries("route") if "name" not in one.keys]
            if main:
                rest = Entry({"name": REST, "routes": [main[0].keys["kind"]]}, "everything else")
                self.draft.add("rule", rest)

    def domain(self) -> str:
        """The domain that mail of this machine belongs to, or "" where it is only a local name."""
        for name in ("myorigin", "mydomain"):
            found = self.cf.value(name)
            if found.startswith("/"):
                found = self._first_line(found)
            if "." in found and not found.endswith(_LOCAL_DOMAINS) and name == "myorigin":
                return self._organisation(found)
            if "." in found and not found.endswith(_LOCAL_DOMAINS):
                return found
        return ""

    def _organisation(self, origin: str) -> str:
        """$mydomain where myorigin is a host in it: mail is sent as the domain, not as the host."""
        domain = self.cf.value("mydomain")
        return domain if "." in domain and origin.endswith(f".{domain}") else origin

    def _first_line(self, file: str) -> str:
        try:
            return [*self.files.text(file).split(), ""][0]
        except TableError:
            return ""

    def _read_relayhost(self) -> None:
        given = self.cf.given("relayhost")
        hops = words(self.cf.value("relayhost"))
        where, said = self.cf.where("relayhost"), str(given) if given else "relayhost is not set"
        if not hops:
            self._add_way(direct(self.domain(), self.wish), where, said)
            return
        for n, text in enumerate(hops):
            hop = self._hop(text)
            if hop is None:
                self.findings.unknown(
                    where, said, f"{text} is no host that can be called; write a [[route]] by hand"
                )
                continue
            if n == 0:
                self._main = hop
            named = hop if n == 0 else replace(hop, name=self._name(hop.host))
            self._add_way(way_of(named, self.wish), where, said)
            self._tell_mx(text, where, said)
        self._read_roots()

    def _read_roots(self) -> None:
        """Roots of the smart host's own: the system's bundle needs no word."""
        given = self.cf.given("smtp_tls_CAfile")
        hosts = [one for one in self.draft.entries("route") if one.keys["kind"] == "smarthost"]
        if given is None or not hosts or _SYSTEM_ROOTS.search(self.cf.value("smtp_tls_CAfile")):
            return
        file = self.cf.value("smtp_tls_CAfile")
        for one in hosts:
            one.set("ca_file", file)
        self.findings.warn(
            given.where, str(given), f'[[route]] ca_file = "{file}"', "copy it to the new machine"
        )

    def _tell_mx(self, text: str, where: str, said: str) -> None:
        """A domain without brackets was looked up in DNS; here it is the host itself."""
        host = text.partition(":")[0]
        if text.startswith("[") or _is_address(host) or host.count(".") > 1:
            return
        why = f"without brackets Postfix looked for the MX hosts of {host}; here it is the host: name one of them"
        self.findings.warn(where, said, "", why)

    def _add_way(self, way: Way, where: str, said: str) -> bool:
        if way.entry is None:
            self.findings.unknown(where, said, way.missing)
            return False
        self.draft.add("route", way.entry)
        mailbox = way.entry.keys.get("mailbox", "")
        if mailbox and "name" not in way.entry.keys:
            self.mailbox = mailbox
        tell = self.findings.warn if way.look else self.findings.ok
        tell(where, said, f"[[route]] {way.new}", way.look)
        return True

    def _hop(self, text: str) -> Hop | None:
        """A next hop with its login and TLS."""
        found = _NEXTHOP.fullmatch(text)
        if found is None:
            return None
        host, service = found[1] or found[3], found[2] or found[4] or "25"
        port = int(service) if service.isdigit() else PORTS.get(service, 0)
        if not 0 < port < 65536:
            return None
        host = host.removeprefix("IPv6:").lower()
        user = next((self._logins[key][0] for key in (text.lower(), host, "*") if key in self._logins), "")
        if not self.cf.is_yes("smtp_sasl_auth_enable"):
            user = ""
        level = self._level(text)
        is_implicit = self.cf.is_yes("smtp_tls_wrappermode")
        tls = "implicit" if is_implicit else _TLS.get(level, "required")
        return Hop(host, port, tls, user, is_unverified=level in ("encrypt", "may") and not is_implicit)

    def _level(self, nexthop: str) -> str:
        """The TLS level for a next hop: that of its policy, or the one for all (TLS_README)."""
        level = self.cf.value("smtp_tls_security_level")
        if not level:
            level = (
                "encrypt"
                if self.cf.is_yes("smtp_enforce_tls")
                else "may"
                if self.cf.is_yes("smtp_use_tls")
                else "none"
            )
        policies = self._policies
        policy = next((row for row in policies if row.key == nexthop.lower()), None)
        if policy is not None:
            level = [*policy.value.split(), level][0]
        return level

    def _read_logins(self) -> dict[str, tuple[str, str]]:
        """(login, where) by next hop or sender."""
        found = {}
        for row in self._rows("smtp_sasl_password_maps"):
            user = row.value.partition(":")[0].strip()
            found[row.key] = (user, row.where)
            self.findings.ok(
                row.where, f"{row.key} {user}:...", f"login {user}", "the password was not copied"
            )
        return found

    def _read_senders(self) -> bool:
        """Routes of senders; whether there are any."""
        any_found = False
        for row in self._rows("sender_dependent_relayhost_maps"):
            said = f"sender_dependent_relayhost_maps {row.key} {row.value}"
            if row.value.upper() == "DUNNO":
                self.findings.ok(row.where, said, "", "it takes the way of all others")
                continue
            hop = None if row.is_pattern else self._hop(row.value)
            if hop is None:
                self.findings.unknown(
                    row.where, said, "write a [[route]] and a [[rule]] for this sender by hand"
                )
                continue
            own = (
                self._logins.get(row.key) if self.cf.is_yes("smtp_sender_dependent_authentication") else None
            )
            any_found |= self._add_rule(row, replace(hop, user=own[0] if own else hop.user), "sender")
        if self.cf.is_yes("smtp_sender_dependent_authentication"):
            any_found |= self._read_sender_logins()
        return any_found

    def _read_sender_logins(self) -> bool:
        """Senders that log in at the main relay host by another name."""
        routed = {one for rule in self.draft.entries("rule") for one in rule.keys.get("sender", [])}
        any_found = False
        for key, (user, where) in self._logins.items():
            if "@" in key and key not in routed and self._main is not None and user != self._main.user:
                row = Row(key, f"{self._main.host} as {user}", where)
                any_found |= self._add_rule(row, replace(self._main, user=user), "sender")
        return any_found

    def _read_transports(self) -> bool:
        any_found = False
        for row in self._rows("transport_maps"):
            said = f"transport_maps {row.key} {row.value}"
            transport, _, nexthop = row.value.partition(":")
            if not row.is_pattern and row.value in ("", ":", "smtp:", "relay:") and row.key == "*":
                self.findings.ok(row.where, said, "", "it takes the way of all others")
                continue
            why = _why_no_transport(row, transport or "smtp", nexthop)
            hop = None if why else self._hop(nexthop)
            if hop is None:
                self.findings.unknown(row.where, said, why or f"{nexthop} is no host that can be called")
                continue
            any_found |= self._add_rule(row, hop, "recipients")
        return any_found

    def _add_rule(self, row: Row, hop: Hop, key: str) -> bool:
        """A route of its own and the rule that leads there."""
        wish = Wish(self.wish.tenant, self.wish.client)
        pattern = row.key if "@" in row.key else f"@{row.key}"
        if key == "sender" and not hop.user and "@" in row.key and not row.key.startswith("@"):
            wish = replace(wish, mailbox=row.key)
        name = self._name(hop.user.partition("@")[0] or hop.host)
        if not self._add_way(way_of(replace(hop, name=name), wish), row.where, f"{row.key} {row.value}"):
            return False
        self.draft.add(
            "rule", Entry({"name": f"old-{name}"[:40], key: [pattern], "routes": [name]}, is_first=True)
        )
        return True

    def _name(self, words_of: str) -> str:
        """A route's name that nobody has yet."""
        base = re.sub(r"[^A-Za-z0-9._-]", "-", words_of).strip("-._")[:30] or "route"
        name, n = base, 2
        while name in self._names:
            name, n = f"{base}-{n}", n + 1
        self._names.add(name)
        return name

    def _rows(self, name: str) -> list[Row]:
        """All rows of a parameter's tables; a table that cannot be read is a finding."""
        found: list[Row] = []
        for spec in words(self.cf.value(name)):
            try:
                found += rows_of(spec, self.files, self.cf.where(name))
            except TableError as error:
                shown = "..." if "password" in name and not spec.partition(":")[2].startswith("/") else spec
                self.findings.unknown(self.cf.where(name), f"{name} = {shown}", _both(error))
        return found


def _why_no_transport(row: Row, transport: str, nexthop: str) -> str:
    if row.is_pattern:
        return "an expression: write a [[rule]] with the domains by hand"
    if transport not in _SMTP:
        return f"transport {transport} does not lead to an SMTP server: relay365 has nothing of the kind"
    if row.key.startswith("."):
        return f"all names below {row.key[1:]}: write a [[rule]] that names each of them"
    if not nexthop:
        return "straight to the MX hosts of that domain: here all mail goes by a route"
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _both(error: TableError) -> str:
    return f"{error}; {error.do}" if error.do else str(error)
