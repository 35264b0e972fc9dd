"""main.cf: logical lines, parameters with their places, and values with every $name replaced. (postconf(5))"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from relay365.moving.postfix.files.expanding import ExpandError, expand

DEFAULTS = {
    "alias_maps": "hash:/etc/aliases",
    "command_directory": "/usr/sbin",
    "compatibility_level": "0",
    "config_directory": "/etc/postfix",
    "daemon_directory": "/usr/lib/postfix/sbin",
    "data_directory": "/var/lib/postfix",
    "default_database_type": "hash",
    "default_transport": "smtp",
    "empty_address_recipient": "MAILER-DAEMON",
    "inet_interfaces": "all",
    "inet_protocols": "all",
    "mail_name": "Postfix",
    "mail_owner": "postfix",
    "mail_version": "3.7.11",
    "mydestination": "$myhostname, localhost.$mydomain, localhost",
    "myhostname": "localhost.localdomain",
    "mynetworks_style": "${{$compatibility_level} <level {2} ? {subnet} : {host}}",
    "myorigin": "$myhostname",
    "queue_directory": "/var/spool/postfix",
    "recipient_delimiter": "",
    "relay_domains": "${{$compatibility_level} <level {2} ? {$mydestination} : {}}",
    "relay_transport": "relay",
    "relayhost": "",
    "service_name": "smtp",
    "setgid_group": "postdrop",
    "smtpd_client_restrictions": "",
    "smtpd_recipient_restrictions": "",
    "smtpd_relay_restrictions": "${{$compatibility_level} <level {1} ? {} : "
    "{permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}",
    "smtpd_sasl_auth_enable": "no",
    "smtpd_sender_restrictions": "",
    "smtpd_tls_security_level": "",
    "smtp_tls_security_level": "",
    "syslog_name": "postfix",
}
"""Defaults that this reader or other people's values need (postconf -d of 3.7)."""

_SETTING = re.compile(r"([A-Za-z0-9_]+)\s*=\s*(.*)", re.DOTALL)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Line:
    """A logical line: its text without comments, and "FILE:n" of where it begins."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Setting:
    """NAME = VALUE as it was written."""

    name: str
    raw: str
    where: str

    def __str__(self) -> str:
        return f"{self.name} = {self.raw}".rstrip()


def logical_lines(text: str, file: str) -> Iterator[Line]:
    """A line that begins with white space goes on; comments and empty lines count for nothing, even in between."""
    parts: list[str] = []
    began = 0
    for n, row in enumerate(text.splitlines(), 1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        if row[0].isspace() and parts:
            parts.append(row.strip())
            continue
        if parts:
            yield Line(" ".join(parts), f"{file}:{began}")
        parts, began = [row.strip()], n
    if parts:
        yield Line(" ".join(parts), f"{file}:{began}")


def words(value: str) -> list[str]:
    """A list's words, apart by commas and white space; what stands in braces stays together."""
    found, word, depth = [], "", 0
    for one in value + ",":
        if depth == 0 and (one == "," or one.isspace()):
            if word:
                found.append(word)
            word = ""
            continue
        depth += (one == "{") - (one == "}")
        word += one
    return found


@dataclass
class MainCf:
    """The parameters of a main.cf; of one that stands twice the last holds."""

    settings: dict[str, Setting] = field(default_factory=dict)
    lost: list[Setting] = field(default_factory=list)
    broken: list[Line] = field(default_factory=list)
    _asks_domain: bool = False

    @classmethod
    def of(cls, text: str, file: str = "main.cf") -> MainCf:
        """Read it; what is no NAME = VALUE is kept in broken, what a later line overrides in lost."""
        found = cls()
        for line in logical_lines(text, file):
            match = _SETTING.fullmatch(line.text)
            if match is None:
                found.broken.append(line)
                continue
            if match[1] in found.settings:
                found.lost.append(found.settings[match[1]])
            found.settings[match[1]] = Setting(match[1], match[2].strip(), line.where)
        return found

    def given(self, name: str) -> Setting | None:
        """A parameter as it was written, or None."""
        return self.settings.get(name)

    def value(self, name: str) -> str:
        """A parameter's value, expanded, or its default; raises ExpandError."""
        setting = self.given(name)
        raw = setting.raw if setting else self._raw(name)
        return self.expanded(raw or "")

    def expanded(self, text: str) -> str:
        """A text with every $name replaced."""
        return expand(text, self._raw).strip()

    def is_yes(self, name: str) -> bool:
        """Whether a switch is on; anything but yes is off."""
        return self.value(name).lower() == "yes"

    def where(self, name: str) -> str:
        """FILE:n of a parameter, or FILE where its default holds."""
        setting = self.settings.get(name)
        return setting.where if setting else "main.cf"

    def _raw(self, name: str) -> str | None:
        if name in self.settings:
            return self.settings[name].raw
        if name == "mydomain":
            return self._domain()
        return DEFAULTS.get(name)

    def _domain(self) -> str:
        """The host name without its first part, and localdomain where it has none (postconf(5), mydomain)."""
        if self._asks_domain:  # myhostname = mail.$mydomain, and nobody says what that is
            return "localdomain"
        self._asks_domain = True
        try:
            host = self.value("myhostname")
        except ExpandError:
            return "localdomain"
        finally:
            self._asks_domain = False
        return host.partition(".")[2] or "localdomain"


def seconds(value: str, unit: str = "s") -> int | None:
    """A Postfix time such as 30s, 4h or 5d in seconds; unit: where none is written. None for what is no time."""
    found = re.fullmatch(r"(\d+)([smhdw]?)", value.strip().lower())
    return int(found[1]) * _SECONDS[found[2] or unit] if found else None
