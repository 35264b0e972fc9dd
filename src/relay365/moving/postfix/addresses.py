"""Addresses that Postfix rewrote, as [sender]; and header_checks, as far as they are simple.

relay365 makes one address of all foreign senders, gives a network or a device its own, and rewrites no recipient.
(ADDRESS_REWRITING_README, canonical(5), generic(5), header_checks(5))
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from relay365.moving.draft import Draft
from relay365.moving.finding import Findings
from relay365.moving.postfix.files.main_cf import MainCf, words
from relay365.moving.postfix.files.table import Files, Row, TableError, rows_of

_SENDER_MAPS = ("sender_canonical_maps", "canonical_maps", "smtp_generic_maps")
_RECIPIENT_MAPS = ("recipient_canonical_maps", "virtual_alias_maps", "virtual_alias_domains")
_CHECKS = ("header_checks", "smtp_header_checks")
_EVERYBODY = re.compile(r"/\^?\(?(\.[*+]|\.\+@\.\+|\.\*@\.\*|@|\.)\)?\$?/[a-zA-Z]*")
_ADDRESS = re.compile(r"[^\s@<>,]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_RECEIVED = re.compile(r"/\^?\\?\s*Received\\?:?.*/[a-zA-Z]*", re.IGNORECASE)
_FROM = re.compile(r"/\^From:?.*/[a-zA-Z]*", re.IGNORECASE)
_FIXED_FROM = re.compile(r"From:\s*(?:[^<]*<)?([^\s<>]+@[^\s<>]+?)>?", re.IGNORECASE)


@dataclass
class Addresses:
    """Who mail was from. fixed: the address that every envelope got, "" where it did not."""

    cf: MainCf
    files: Files
    draft: Draft
    findings: Findings
    fixed: str = ""
    _targets: Counter[str] = field(default_factory=Counter)

    def read(self, mailbox: str, domain: str) -> None:
        """Make [sender]. mailbox: the one that sends, or ""; domain: of this site, or ""."""
        rows = [(name, row) for name in _SENDER_MAPS for row in self._rows(name)]
        checks = [row for name in _CHECKS for row in self._rows(name)]
        self._targets.update(row.value for _, row in rows if _ADDRESS.fullmatch(row.value))
        fixed_from = list(filter(None, map(_from_of, checks)))
        target = next(iter(fixed_from or [one for one, _ in self._targets.most_common(1)]), mailbox)
        domains = [
            one
            for one in dict.fromkeys((mailbox.rpartition("@")[2], target.rpartition("@")[2], domain))
            if one
        ]
        for name, row in rows:
            self._tell_sender(name, row, target, domains)
        for row in checks:
            self._tell_check(row, target)
        if self._rewrites(rows, fixed_from):
            sender = self.draft.table("sender")
            sender.set("domains", domains)
            sender.set(
                "foreign",
                "rewrite",
                "a sender of another domain becomes rewrite_to; the old one stands in Reply-To",
            )
            sender.set("rewrite_to", target)
        elif domains:
            self.draft.table("sender").set(
                "domains", domains, "everything else is foreign; see docs/senders.md"
            )
        for name in _RECIPIENT_MAPS:
            self._tell_recipients(name)
        self._tell_masquerade()

    def _rewrites(self, rows: list[tuple[str, Row]], fixed_from: list[str]) -> bool:
        return bool(fixed_from or any(_ADDRESS.fullmatch(row.value) for _, row in rows))

    def _tell_sender(self, name: str, row: Row, target: str, domains: list[str]) -> None:
        said = f"{name} {row.key} {row.value}"
        new = f'[sender] foreign = "rewrite", rewrite_to = "{target}"'
        if row.is_pattern and _EVERYBODY.fullmatch(row.key) and row.value == target:
            self.fixed = target
            new += f', sender = "{target}" in every [[allow]]'
            self.findings.ok(row.where, said, new)
        elif not _ADDRESS.fullmatch(row.value):
            self.findings.unknown(
                row.where, said, "only whole addresses are rewritten here, and to one address"
            )
        elif row.is_pattern:
            self.findings.unknown(
                row.where, said, f"an expression: make an [[allow]] with sender = {row.value}"
            )
        elif row.value != target:
            why = f"foreign senders become {target} only: make a [[device]] with sender = {row.value}"
            self.findings.unknown(row.where, said, why)
        elif "@" not in row.key or row.key.rpartition("@")[2] not in domains:
            self.findings.ok(row.where, said, new, "as every foreign sender")
        else:
            why = f"an own address stays as it is: make a [[device]] with sender = {row.value}"
            self.findings.unknown(row.where, said, why)

    def _tell_check(self, row: Row, target: str) -> None:
        said = f"header_checks {row.key} {row.value}"
        action = row.value.partition(" ")[0].upper()
        if action in ("WARN", "INFO", "DUNNO", "OK"):
            self.findings.ok(row.where, said, "", "it changes nothing; relay365 keeps what each session said")
        elif action in ("IGNORE", "STRIP") and _RECEIVED.fullmatch(row.key):
            self.draft.table("repair").set(
                "received", "none", "no trace of ours; fields that a device brings stay"
            )
            why = "our own Received field is left out; those that a device brings stay"
            self.findings.warn(row.where, said, '[repair] received = "none"', why)
        elif _from_of(row) == target and target:
            why = "a From of another domain becomes it; one of your own domain stays as the device wrote it"
            self.findings.warn(row.where, said, f'[sender] foreign = "rewrite", rewrite_to = "{target}"', why)
        elif not row.value:
            self.findings.unknown(
                row.where, said, "no /expression/ ACTION, or a condition, which is not followed"
            )
        else:
            self.findings.unknown(
                row.where, said, f"no {action} by header here: make a mail flow rule in Exchange"
            )

    def _tell_recipients(self, name: str) -> None:
        for row in self._rows(name):
            why = "relay365 changes no recipient: make an alias, a contact or a group in Exchange"
            self.findings.unknown(row.where, f"{name} {row.key} {row.value}".rstrip(), why)

    def _tell_masquerade(self) -> None:
        given = self.cf.given("masquerade_domains")
        if given is None or not given.raw:
            return
        why = "host names before the domain are not cut off; such senders are foreign and become rewrite_to"
        self.findings.warn(given.where, str(given), "", why)

    def _rows(self, name: str) -> Iterator[Row]:
        for spec in words(self.cf.value(name)):
            if ":" not in spec and not spec.startswith("/"):
                yield Row(spec, "", self.cf.where(name))
                continue
            kind = "regexp" if name in _CHECKS else "hash"
            try:
                yield from rows_of(spec, self.files, self.cf.where(name), kind)
            except TableError as error:
                do = f"; {error.do}" if error.do else ""
                self.findings.unknown(self.cf.where(name), f"{name} = {spec}", f"{error}{do}")


def _from_of(row: Row) -> str:
    """The address that a check puts into every From, or ""."""
    action, _, text = row.value.partition(" ")
    if action.upper() != "REPLACE" or not _FROM.fullmatch(row.key):
        return ""
    found = _FIXED_FROM.fullmatch(text.strip())
    return found[1] if found and _ADDRESS.fullmatch(found[1]) else ""
