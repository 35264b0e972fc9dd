"""A list of devices, as a spreadsheet saves it, as [[device]] tables. Pure.

The first line names the columns; `;`, `,` and tab are taken as separators, a byte order mark is no letter, and what is
not UTF-8 is read as Windows-1252 (Excel's "CSV" in the West). Columns: docs/commands.md.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from relay365.moving.draft import Draft, Entry
from relay365.moving.finding import Findings, SourceError

COLUMNS = {
    "name": ("name", "device", "devicename", "hostname", "host"),
    "address": ("address", "addresses", "ip", "ipaddress", "ipaddresses", "ipv4", "network"),
    "mac": ("mac", "macaddress", "physicaladdress"),
    "helo": ("helo", "ehlo"),
    "login": ("login", "user", "username", "account"),
    "sender": ("sender", "from", "mailfrom", "email", "mail"),
    "senders": ("senders", "allowedsenders"),
    "recipients": ("recipients", "to", "allowedrecipients"),
    "place": ("place", "location", "room", "site"),
    "kind": ("kind", "model", "type", "makeandmodel"),
    "bounces_to": ("bouncesto", "owner", "contact"),
    "per_minute": ("perminute", "limit"),
    "password": ("password", "pass", "secret"),
}
"""Our column, and the headings that mean it; case, spaces, - and _ do not count."""

_LISTS = frozenset(("senders", "recipients"))
_AS_IT_IS = ("sender", "place", "kind", "bounces_to")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-]?[0-9a-fA-F]{2}){5}")
_MAILBOX = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")


@dataclass
class _Seen:
    """What rows before had: a device that is there twice would be two rules of which one never holds."""

    names: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)


def read(octets: bytes, file: str) -> tuple[Draft, Findings]:
    """The devices of a list; raises SourceError where no columns can be used. file: its name for people."""
    text = _decoded(octets)
    head = re.match(
        r"(\s*\n)?(sep=.\r?\n)?", text
    )  # Excel writes and reads the separator in a line of its own
    skipped = head[0] if head else ""
    text = text[len(skipped) :]
    rows = list(csv.reader(io.StringIO(text), delimiter=_separator(text.partition("\n")[0])))
    draft, findings = Draft(file), Findings()
    columns = _columns(rows[0] if rows else [], file, findings)
    seen = _Seen()
    n_line = skipped.count("\n") + 1
    for row in rows[1:]:
        n_line += 1 + sum(cell.count("\n") for cell in row)
        cells = {name: row[at].strip() for at, name in columns.items() if at < len(row) and row[at].strip()}
        if cells:
            _row(cells, f"{file}:{n_line}", (draft, findings), seen)
    return draft, findings


def _decoded(octets: bytes) -> str:
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return octets.decode("utf-16")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def _separator(first: str) -> str:
    """The sign that is in the first line most often; Excel takes `;` where the comma is the decimal sign."""
    return max((";", ",", "\t"), key=first.count)


def _columns(headings: list[str], file: str, findings: Findings) -> dict[int, str]:
    found: dict[int, str] = {}
    for at, heading in enumerate(headings):
        plain = re.sub(r"[\s_\-.]", "", heading).lower()
        name = next((ours for ours, words in COLUMNS.items() if plain in words), "")
        if name and name not in found.values():
            found[at] = name
        elif plain:
            findings.warn(
                f"{file}:1", f"column {heading.strip()}", "", "not used; known are " + ", ".join(COLUMNS)
            )
    known = set(found.values())
    if "name" not in known or not known & {"address", "login", "helo", "mac"}:
        why = (
            f"its first line has no column for {'a name' if 'name' not in known else 'an address or a login'}"
        )
        raise SourceError(
            f"{file} is no list of devices", why, "begin it with: name,address,sender (docs/commands.md)"
        )
    return found


def _row(cells: dict[str, str], where: str, into: tuple[Draft, Findings], seen: _Seen) -> None:
    draft, findings = into
    said = ", ".join(f"{key} {value}" for key, value in cells.items() if key != "password")
    keys, faults, looks = _keys(cells, seen, where)
    if faults:
        findings.unknown(where, said, "; ".join(faults))
        return
    draft.add("device", Entry(keys))
    seen.names[keys["name"].lower()] = where
    seen.addresses.update(dict.fromkeys(keys["match"].get("address", ()), where))
    new = f"[[device]] {keys['name']}"
    if looks:
        findings.warn(where, said, new, "; ".join(looks))
    else:
        findings.ok(where, said, new)


def _keys(cells: dict[str, str], seen: _Seen, where: str) -> tuple[dict[str, Any], list[str], list[str]]:
    """(keys of the table, why there can be none, what a person should look at)."""
    faults: list[str] = []
    looks: list[str] = []
    name = _name(cells.get("name", ""))
    if not name:
        faults.append("no name")
    elif name.lower() in seen.names:
        faults.append(f"the name {name} is in {seen.names[name.lower()]}, too")
    elif name != cells["name"]:
        looks.append(f"the name became {name}: letters, digits, dots, - and _")
    match: dict[str, Any] = {}
    addresses = _addresses(cells.get("address", ""), faults)
    twins = [one for one in addresses if one in seen.addresses]
    faults += [
        f"the address {one} is in {seen.addresses[one]}, too: the first would always decide" for one in twins
    ]
    if addresses:
        match["address"] = addresses
    match.update({key: cells[key] for key in ("login", "helo") if key in cells})
    _tell_match(cells, match, faults, looks)
    keys: dict[str, Any] = {"name": name, "match": match}
    keys.update({key: cells[key] for key in _AS_IT_IS if key in cells})
    for key in ("sender", "bounces_to"):
        if key in cells and not _MAILBOX.fullmatch(cells[key]):
            faults.append(f"{key} {cells[key]} is no mail address")
    keys.update({key: re.split(r"[\s,;|]+", cells[key]) for key in _LISTS if key in cells})
    if "per_minute" in cells:
        if cells["per_minute"].isdigit() and int(cells["per_minute"]):
            keys["per_minute"] = int(cells["per_minute"])
        else:
            faults.append(f"per_minute {cells['per_minute']} is no number above 0")
    return keys, faults, looks


def _tell_match(cells: dict[str, str], match: dict[str, Any], faults: list[str], looks: list[str]) -> None:
    if "mac" in cells and not _MAC.fullmatch(cells["mac"]):
        looks.append(f"{cells['mac']} is no MAC address")
    if not match and "mac" in cells:
        faults.append("only a MAC address, which no relay sees: give it a fixed address (DHCP reservation)")
    elif not match:
        faults.append("neither address nor login")
    elif "mac" in cells:
        looks.append("the MAC address is left out: no relay sees it")
    if set(match) == {"helo"}:
        looks.append("anybody can say a HELO name: it lets nobody in without an [[allow]]")
    if "login" in match:
        looks.append(f"make its login: relay365 user add {match['login']}")
    if "password" in cells:
        looks.append("the password was not copied")


def _name(text: str) -> str:
    """A name as [[device]] takes it: accents off, the rest that it may not have as -, at most 40 signs."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[.-]*[^A-Za-z0-9._-]+[.-]*", "-", plain).strip("-._")[:40]


def _addresses(text: str, faults: list[str]) -> list[str]:
    found = []
    for one in filter(None, re.split(r"[\s,;|]+", text)):
        try:
            found.append(
                str(ipaddress.ip_network(one, strict=False)).removesuffix("/32").removesuffix("/128")
            )
        except ValueError:
            faults.append(f"{one} is no address")
    return found
