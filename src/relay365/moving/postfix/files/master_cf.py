"""master.cf: which services there were, on which port, and what -o made of main.cf for each. (master(5))"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from relay365.moving.postfix.files.expanding import ExpandError, enclosed
from relay365.moving.postfix.files.main_cf import logical_lines

PORTS = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465, "urd": 465, "ssmtp": 465}
OWN = frozenset((
    "anvil", "bounce", "cleanup", "discard", "dnsblog", "error", "fifo", "flush", "lmtp", "local", "nqmgr", "oqmgr",
    "pickup", "postlogd", "proxymap", "qmgr", "retry", "scache", "showq", "smtp", "spawn", "tlsmgr", "tlsproxy",
    "trivial-rewrite", "verify", "virtual",
))  # fmt: skip
"""Daemons that are parts of Postfix itself."""


@dataclass(frozen=True, slots=True)
class Service:
    """One line of master.cf. host: "" for inet_interfaces; port 0 where it is none that listens."""

    name: str
    kind: str
    command: str
    where: str
    options: dict[str, str] = field(default_factory=dict)
    host: str = ""
    port: int = 0

    @property
    def is_listener(self) -> bool:
        """Whether SMTP clients could connect to it."""
        return self.kind == "inet" and self.command in ("smtpd", "postscreen")

    def __str__(self) -> str:
        said = "".join(f" {shown(key, value)}" for key, value in self.options.items())
        return f"{self.name} {self.kind} {self.command}{said}"


def shown(name: str, value: str) -> str:
    """An -o for people; what could be a password is left out."""
    return f"-o {name}={'...' if 'password' in name else value}"


def services_of(text: str, file: str = "master.cf") -> tuple[list[Service], list[tuple[str, str]]]:
    """(services, (where, line) of what is none)."""
    found: list[Service] = []
    broken = []
    for line in logical_lines(text, file):
        fields = line.text.split(None, 7)
        if len(fields) < 8:
            broken.append((line.where, line.text))
            continue
        command, _, arguments = fields[7].partition(" ")
        try:
            options = _options(arguments)
        except ExpandError:
            broken.append((line.where, line.text))
            continue
        host, port = _endpoint(fields[0]) if fields[1] == "inet" else ("", 0)
        found.append(Service(fields[0], fields[1], command, line.where, options, host, port))
    return found, broken


def _options(arguments: str) -> dict[str, str]:
    """-o name=value, -o { name = value with spaces }; other switches are no parameters."""
    found: dict[str, str] = {}
    rest = arguments.strip()
    while rest:
        word, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        if not word.startswith("-o"):
            continue
        pair = word[2:]
        if not pair and rest.startswith("{"):
            pair, end = enclosed(rest, 0)
            rest = rest[end:].lstrip()
        elif not pair:
            pair, _, rest = rest.partition(" ")
        key, _, value = pair.partition("=")
        found[key.strip()] = value.strip()
    return found


def _endpoint(name: str) -> tuple[str, int]:
    """`smtp`, `2525`, `127.0.0.1:10025`, `[::1]:smtp` as (host, port); port 0 for a name that nobody knows."""
    found = re.fullmatch(r"(?:\[([^\]]*)\]:|([^:\[\]]*):)?([A-Za-z0-9-]+)", name)
    if found is None:
        return "", 0
    port = PORTS.get(found[3], int(found[3]) if found[3].isdigit() else 0)
    return found[1] or found[2] or "", port if port < 65536 else 0
