"""Sizes, times and counts of an IIS SMTP server as those of [server] and [queue]. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from relay365.moving.draft import Draft, duration
from relay365.moving.finding import Findings
from relay365.moving.iis.metabase import Server
from relay365.toml import as_toml

_MANY = 1_000_000  # IIS writes "no limit" as a very large number
_MOST = 157_286_400  # what Exchange Online takes in a message, in octets (Exchange Online limits)


@dataclass
class Limits:
    """The numbers of one virtual server."""

    server: Server
    draft: Draft
    findings: Findings

    def read(self) -> None:
        """Carry over what is set; what is not set keeps our default."""
        for name, carry in self._limits().items():
            value = self.server.value(name)
            if value and not carry(name, value):
                self.findings.unknown(
                    self.server.where(name), f"{name} = {value}", "no value that can be used here"
                )

    def _limits(self) -> dict[str, Callable[[str, str], bool]]:
        return {
            "MaxMessageSize": lambda name, value: self._number(name, value, "server", "max_message"),
            "MaxRecipients": self._recipients,
            "MaxConnections": lambda name, value: self._number(name, value, "server", "max_sessions"),
            "MaxEndpointConnections": lambda name, value: self._number(name, value, "server", "max_sessions"),
            "MaxSmtpErrors": lambda name, value: self._number(name, value, "server", "max_errors"),
            "ConnectionTimeout": lambda name, value: self._time(name, value, "server", "command_timeout", 1),
            "SmtpRemoteProgressiveRetry": self._retry,
            "SmtpRemoteNDRExpireMinutes": lambda name, value: self._time(name, value, "queue", "give_up", 60),
            "SmtpRemoteDelayExpireMinutes": lambda name, value: self._time(
                name, value, "queue", "warn_after", 60
            ),
            "FullyQualifiedDomainName": self._name,
            "DefaultDomain": self._default_domain,
            "SendNdrTo": self._reports,
        }

    def _set(self, name: str, value: str, key: tuple[str, str], ours: int | str | list[str]) -> bool:
        self.draft.table(key[0]).keys.setdefault(key[1], ours)
        self.findings.ok(
            self.server.where(name), f"{name} = {value}", f"[{key[0]}] {key[1]} = {as_toml(ours)}"
        )
        return True

    def _number(self, name: str, value: str, table: str, key: str) -> bool:
        if not value.isdigit():
            return False
        if int(value) == 0 or (key != "max_message" and int(value) >= _MANY) or int(value) > _MOST:
            self.findings.ok(
                self.server.where(name),
                f"{name} = {value}",
                "",
                f"no limit there; here the default of [{table}] {key}",
            )
            return True
        return self._set(name, value, (table, key), int(value))

    def _recipients(self, name: str, value: str) -> bool:
        if value.isdigit() and 0 < int(value) < 100:
            why = "fewer than 100 are not possible (RFC 5321 4.5.3.1.8); the default holds"
            self.findings.warn(self.server.where(name), f"{name} = {value}", "", why)
            return True
        return self._number(name, value, "server", "max_recipients")

    def _time(self, name: str, value: str, table: str, key: str, unit_s: int) -> bool:
        return (
            value.isdigit()
            and int(value) > 0
            and self._set(name, value, (table, key), duration(int(value) * unit_s))
        )

    def _retry(self, name: str, value: str) -> bool:
        minutes = [one for one in re.split(r"[,\s]+", value) if one]
        if not minutes or not all(one.isdigit() and int(one) for one in minutes):
            return False
        return self._set(name, value, ("queue", "retry"), [duration(int(one) * 60) for one in minutes])

    def _name(self, name: str, value: str) -> bool:
        return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,253}", value)) and self._set(
            name, value, ("server", "name"), value
        )

    def _default_domain(self, name: str, value: str) -> bool:
        self.findings.ok(
            self.server.where(name),
            f"{name} = {value}",
            "",
            "devices say their whole address; [sender] domains names yours",
        )
        return True

    def _reports(self, name: str, value: str) -> bool:
        return bool(re.fullmatch(r"[^\s@]+@[^\s@]+", value)) and self._set(
            name, value, ("queue", "reports_to"), value
        )
