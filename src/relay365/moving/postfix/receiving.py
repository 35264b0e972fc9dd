"""Who might send through Postfix: networks, access tables and logins as [[allow]] and [[device]].

(SMTPD_ACCESS_README, access(5), postconf(5): mynetworks, smtpd_*_restrictions, smtpd_sender_login_maps)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from relay365.moving.draft import Draft, Entry
from relay365.moving.finding import Findings
from relay365.moving.network import Networks
from relay365.moving.postfix.files.expanding import ExpandError
from relay365.moving.postfix.files.main_cf import MainCf, words
from relay365.moving.postfix.files.table import Files, Row, TableError, rows_of

_LISTS = ("smtpd_client_restrictions", "smtpd_relay_restrictions", "smtpd_recipient_restrictions")
_RELAYING = _LISTS[1:]  # what a client list permits is only let past that list
_PERMITS = frozenset(("ok", "permit", "permit_auth_destination", "relay"))


@dataclass
class Receiving:
    """Whom a Postfix let in."""

    cf: MainCf
    files: Files
    draft: Draft
    findings: Findings
    networks: Networks

    def read(self) -> None:
        """Make the networks and the logins."""
        self._read_networks()
        self._read_restrictions()
        self._read_logins()

    def _read_networks(self) -> None:
        given = self.cf.given("mynetworks")
        if not self._networks_may():
            if given is not None:
                why = "no list has permit_mynetworks, so they might not relay; nobody is allowed by address"
                self.findings.warn(given.where, str(given), "", why)
            return
        if given is None:
            self._default_networks()
            return
        for word in words(self.cf.value("mynetworks")):
            self._network(word, given.where)

    def _networks_may(self) -> bool:
        """Whether mynetworks may relay; before 2.10 the recipient list alone decided (SMTPD_ACCESS_README)."""
        lists = [words(self.cf.value(name)) for name in _RELAYING]
        return not any(lists) or any("permit_mynetworks" in one for one in lists)

    def _default_networks(self) -> None:
        style = self.cf.value("mynetworks_style")
        self.networks.allow("127.0.0.0/8", self.cf.where("mynetworks_style"), f"mynetworks_style = {style}")
        if style in ("subnet", "class"):
            why = f"mynetworks_style = {style} trusted the networks of the old interfaces: add an [[allow]] for each"
            self.findings.unknown(self.cf.where("mynetworks_style"), "mynetworks is not set", why)

    def _network(self, word: str, where: str) -> None:
        """One word of mynetworks: a network, !network, a file, or a table whose keys are networks."""
        bare, said = word.lstrip("!"), f"mynetworks {word}"
        tell = self.networks.exclude if word.startswith("!") else self.networks.allow
        if bare.startswith("/"):
            self._network_file(bare, where, word)
        elif re.match(r"[a-z]+:[/{$]", bare) or bare.startswith("inline:"):
            self._network_table(bare, where)
        else:
            tell(bare, where, said)

    def _network_file(self, name: str, where: str, word: str) -> None:
        try:
            text = self.files.text(name)
        except TableError as error:
            self.findings.unknown(where, f"mynetworks {word}", f"{error}; {error.do}")
            return
        for n, line in enumerate(text.splitlines(), 1):
            for one in words(line.partition("#")[0]):
                self._network(f"!{one}" if word.startswith("!") else one, f"{self.files.shown(name)}:{n}")

    def _network_table(self, spec: str, where: str, kind: str = "networks") -> None:
        """A table of addresses. kind: networks (each key may send), relaying or guard (its values are actions)."""
        try:
            rows = rows_of(spec, self.files, where)
        except TableError as error:
            self.findings.unknown(where, spec, f"{error}; {error.do}" if error.do else str(error))
            return
        for row in rows:
            said = f"{row.key} {row.value}".rstrip()
            if row.is_pattern:
                why = "an expression over addresses: write [[allow]] by hand"
                self.findings.unknown(row.where, said, why)
            elif kind == "networks":
                self._access(row.key, row.where, said, self.networks.allow)
            else:
                self._act(row, said, kind)

    def _act(self, row: Row, said: str, kind: str) -> None:
        """What access(5) says of an address; a number of three digits refuses, any other one permits."""
        action = row.value.partition(" ")[0].lower()
        if action in ("reject", "defer", "defer_if_permit", "defer_if_reject") or re.fullmatch(
            r"[45]\d\d", action
        ):
            self._access(row.key, row.where, said, self.networks.exclude)
        elif action in _PERMITS or action.isdigit():
            if kind == "relaying":
                self._access(row.key, row.where, said, self.networks.allow)
            else:
                self.findings.ok(
                    row.where, said, "", "it let the address past a guard, it did not let it relay"
                )
        elif action in ("dunno", "warn", "info"):
            self.findings.ok(row.where, said, "", "it decides nothing")
        else:
            self.findings.unknown(row.where, said, f"the action {action or '(none)'} does not exist here")

    def _access(self, key: str, where: str, said: str, tell: Any) -> None:
        """A key of an access table: an address, `192.168.10` for a network, or a name, which is nobody here."""
        octets = key.split(".")
        if all(part.isdigit() for part in octets) and len(octets) < 4:
            key = ".".join([*octets, "0", "0", "0"][:4]) + f"/{8 * len(octets)}"
        if re.search(r"[g-zG-Z]", key):
            self.findings.unknown(
                where, said, "a host name: relay365 asks no DNS about clients; allow its address"
            )
        else:
            tell(key, where, said)

    def _read_restrictions(self) -> None:
        for name in (*_LISTS, "smtpd_sender_restrictions", "smtpd_helo_restrictions"):
            given = self.cf.given(name)
            if given is None:
                continue
            try:
                rules = words(self.cf.value(name))
            except ExpandError as error:
                self.findings.unknown(given.where, str(given), str(error))
                continue
            self._restrictions(name, given.where, rules)

    def _restrictions(self, name: str, where: str, rules: list[str]) -> None:
        """Each word of a list; a check takes the table that follows it."""
        at = 0
        while at < len(rules):
            word = rules[at]
            has_table = word.startswith(("check_", "reject_rbl", "reject_rhsbl", "permit_dnswl"))
            argument = rules[at + 1] if has_table and at + 1 < len(rules) else ""
            self._restriction(f"{name} {word} {argument}".rstrip(), where, word, argument)
            at += 2 if has_table else 1

    def _restriction(self, said: str, where: str, word: str, argument: str) -> None:
        if word == "check_client_access":
            self._network_table(argument, where, "relaying" if said.startswith(_RELAYING) else "guard")
        elif word == "check_policy_service":
            self.findings.unknown(
                where, said, "relay365 asks no policy service; [[allow]] and [[device]] say who may send"
            )
        elif word.startswith("check_"):
            why = (
                "what a client says of itself lets nobody in here; senders and recipients of a rule narrow it"
            )
            self.findings.unknown(where, said, why)
        elif word == "permit_sasl_authenticated":
            self.findings.ok(where, said, "", "whoever has logged in may send: relay365 user add NAME")
        elif word == "permit_mynetworks":
            self.findings.ok(where, said, "", "the [[allow]] tables of mynetworks")
        elif word in ("permit_tls_clientcerts", "permit_tls_all_clientcerts"):
            self.findings.unknown(
                where,
                said,
                "no client is known by its certificate here: allow its address, or give it a login",
            )
        elif word.startswith(
            (
                "reject",
                "defer",
                "warn_if_reject",
                "permit_auth_destination",
                "sleep",
                "permit_dnswl",
                "permit_mx",
            )
        ):
            self.findings.ok(where, said, "", "who is not named may not send in any case")
        elif word == "permit":
            why = "everybody was allowed from here on: an open relay, which this is not"
            self.findings.warn(where, said, "", why)
        else:
            self.findings.unknown(where, said, "a restriction that is not known here")

    def _read_logins(self) -> None:
        given = self.cf.given("smtpd_sasl_auth_enable")
        if given is not None and self.cf.is_yes("smtpd_sasl_auth_enable"):
            why = "make each login anew: relay365 user add NAME; without TLS it is taken only from [[allow]] networks"
            self.findings.warn(given.where, str(given), "logins", why)
        senders: dict[str, list[str]] = {}
        for spec in words(self.cf.value("smtpd_sender_login_maps")):
            self._login_table(spec, senders)
        for login, addresses in senders.items():
            keys = {"name": _device(login), "match": {"login": login}, "senders": addresses}
            self.draft.add("device", Entry(keys))

    def _login_table(self, spec: str, senders: dict[str, list[str]]) -> None:
        """Which logins may use which address, into senders by login."""
        where = self.cf.where("smtpd_sender_login_maps")
        try:
            rows = rows_of(spec, self.files, where)
        except TableError as error:
            why = f"{error}; {error.do}" if error.do else str(error)
            self.findings.unknown(where, f"smtpd_sender_login_maps = {spec}", why)
            return
        for row in rows:
            said = f"{row.key} {row.value}"
            if row.is_pattern or "@" not in row.key:
                why = "no address or @domain: give the login's [[device]] its senders"
                self.findings.unknown(row.where, said, why)
                continue
            for login in words(row.value):
                senders.setdefault(login, []).append(row.key)
                new = f'[[device]] {_device(login)}: login = "{login}", senders'
                self.findings.ok(row.where, said, new, f"its login: relay365 user add {login}")


def _device(login: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", login).strip("-._")[:40] or "login"
