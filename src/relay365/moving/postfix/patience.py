"""Sizes, times and counts of main.cf as those of [server], [queue] and the routes. (postconf(5))"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from relay365.moving.draft import Draft, duration
from relay365.moving.finding import Findings
from relay365.moving.postfix.files.main_cf import MainCf, Setting, seconds

_MOST = 157_286_400  # what Exchange Online takes in a message, in octets (Exchange Online limits)
_FEWEST_RECIPIENTS = 100  # RFC 5321 4.5.3.1.8
_TURNS = 6  # of doubling; more pauses than that say nothing


@dataclass
class Patience:
    """The numbers of a Postfix."""

    cf: MainCf
    draft: Draft
    findings: Findings

    def read(self) -> None:
        """Carry over what is set; what is not set keeps our default."""
        for name, carry in self._table().items():
            given = self.cf.given(name)
            if given is None:
                continue
            value = self.cf.value(name)
            if not carry(given, value):
                self.findings.unknown(
                    given.where, str(given), f"{value or 'nothing'} is no value that can be used here"
                )
        self._read_retry()
        self._read_reports()
        self._read_name()

    def per_minute(self) -> int | None:
        """Messages of one client in a minute, or None for no limit."""
        limit = self.cf.value("smtpd_client_message_rate_limit")
        unit = seconds(self.cf.value("anvil_rate_time_unit") or "60s") or 60
        if not limit.isdigit() or int(limit) == 0:
            return None
        return max(1, round(int(limit) * 60 / unit))

    def _table(self) -> dict[str, Callable[[Setting, str], bool]]:
        return {
            "message_size_limit": self._size,
            "smtpd_recipient_limit": self._recipients,
            "smtpd_client_connection_count_limit": self._sessions,
            "smtpd_client_message_rate_limit": self._rate,
            "smtpd_hard_error_limit": self._errors,
            "smtpd_timeout": self._timeout,
            "queue_minfree": self._floor,
            "maximal_queue_lifetime": self._life,
            "delay_warning_time": self._warning,
            "smtp_destination_rate_delay": self._pace,
        }

    def _size(self, given: Setting, value: str) -> bool:
        if not value.isdigit():
            return False
        octets = int(value)
        if octets == 0:
            self.findings.ok(
                given.where,
                str(given),
                "[server] max_message",
                "no limit there; here 150M, what Exchange takes at most",
            )
        elif octets > _MOST:
            self.draft.table("server").set("max_message", octets)
            new, why = (
                f"[server] max_message = {octets}",
                "Exchange takes 150 MB, and a mailbox 35 MB unless it is raised",
            )
            self.findings.warn(given.where, str(given), new, why)
        else:
            self._set("server", "max_message", octets, given)
        return True

    def _recipients(self, given: Setting, value: str) -> bool:
        if not value.isdigit() or int(value) == 0:
            return False
        if int(value) < _FEWEST_RECIPIENTS:
            self.findings.warn(
                given.where,
                str(given),
                "",
                "fewer than 100 are not possible (RFC 5321 4.5.3.1.8); the default holds",
            )
            return True
        return self._set("server", "max_recipients", int(value), given)

    def _sessions(self, given: Setting, value: str) -> bool:
        if value == "0":
            self.findings.ok(
                given.where, str(given), "", "no limit there; here 100 sessions from one address"
            )
            return True
        return value.isdigit() and self._set("server", "max_sessions_per_address", int(value), given)

    def _rate(self, given: Setting, value: str) -> bool:
        per_minute = self.per_minute()
        new = f"per_minute = {per_minute} in every [[allow]]" if per_minute else ""
        self.findings.ok(given.where, str(given), new, "" if per_minute else "no limit")
        return value.isdigit()

    def _errors(self, given: Setting, value: str) -> bool:
        found = re.fullmatch(r"\d+", value)
        return bool(found) and int(value) > 0 and self._set("server", "max_errors", int(value), given)

    def _timeout(self, given: Setting, value: str) -> bool:
        found = seconds(value)
        if not found:
            return False
        return self._set("server", "command_timeout", duration(found), given)

    def _floor(self, given: Setting, value: str) -> bool:
        if value == "0":
            self.findings.ok(given.where, str(given), "", "no floor there; here 64M")
            return True
        return value.isdigit() and self._set("queue", "disk_floor", int(value), given)

    def _life(self, given: Setting, value: str) -> bool:
        found = seconds(value, "d")
        if found == 0:
            self.findings.warn(
                given.where,
                str(given),
                "",
                "one try and then a bounce; here mail waits five days, or [queue] give_up",
            )
            return True
        return found is not None and self._set("queue", "give_up", duration(found), given)

    def _warning(self, given: Setting, value: str) -> bool:
        found = seconds(value, "h")
        if found == 0:
            self.findings.ok(
                given.where,
                str(given),
                "",
                "never there; here senders are told once after [queue] warn_after, 4h",
            )
            return True
        return found is not None and self._set("queue", "warn_after", duration(found), given)

    def _pace(self, given: Setting, value: str) -> bool:
        found = seconds(value)
        if not found:
            return found == 0 and self._needs_nothing(given)
        for route in self.draft.entries("route"):
            route.set("per_minute", max(1, 60 // found))
        self.findings.ok(given.where, str(given), f"[[route]] per_minute = {max(1, 60 // found)}")
        return True

    def _needs_nothing(self, given: Setting) -> bool:
        self.findings.ok(given.where, str(given), "", "no pause; Microsoft's limits hold")
        return True

    def _set(self, table: str, key: str, value: int | str, given: Setting) -> bool:
        self.draft.table(table).set(key, value)
        shown = f'"{value}"' if isinstance(value, str) else value
        self.findings.ok(given.where, str(given), f"[{table}] {key} = {shown}")
        return True

    def _read_retry(self) -> None:
        """minimal_backoff_time doubles up to maximal_backoff_time (QSHAPE_README)."""
        names = ("minimal_backoff_time", "maximal_backoff_time", "queue_run_delay")
        given = [one for one in map(self.cf.given, names) if one is not None]
        if not given:
            return
        least = seconds(self.cf.value("minimal_backoff_time") or "300s")
        most = seconds(self.cf.value("maximal_backoff_time") or "4000s")
        said = "; ".join(map(str, given))
        if not least or not most or most < least:
            self.findings.unknown(given[0].where, said, "no times that can be used here")
            return
        pauses = [least]
        while pauses[-1] < most and len(pauses) < _TURNS:
            pauses.append(min(most, pauses[-1] * 2))
        pauses[-1] = max(pauses[-1], most)
        self.draft.table("queue").set("retry", [duration(one) for one in pauses])
        for one in given:
            self.findings.ok(one.where, str(one), "[queue] retry")

    def _read_reports(self) -> None:
        """Who was told of bounces, if that is a whole address."""
        for name in ("bounce_notice_recipient", "2bounce_notice_recipient", "error_notice_recipient"):
            if name not in self.cf.settings:
                continue
            given, value = self.cf.settings[name], self.cf.value(name)
            if not re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", value):
                continue  # postmaster and its kind are said with the rest
            if "reports_to" in self.draft.table("queue").keys:
                self.findings.ok(given.where, str(given), "", "[queue] reports_to has an address already")
            else:
                self._set("queue", "reports_to", value, given)

    def _read_name(self) -> None:
        """The name in greeting and EHLO, where it is a whole one."""
        given = self.cf.given("myhostname")
        helo = self.cf.given("smtp_helo_name")
        for name in ("myorigin", "mydomain"):
            setting = self.cf.given(name)
            if setting is not None:
                self.findings.ok(
                    setting.where,
                    str(setting),
                    "",
                    "devices say their whole address; [sender] domains names yours",
                )
        if helo is not None:
            self.findings.ok(helo.where, str(helo), "", "[server] name is said on both sides")
        if given is None:
            return
        value = (
            self.cf.value("smtp_helo_name") if helo is not None and helo.raw else self.cf.value("myhostname")
        )
        if "." in value and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,253}", value):
            self._set("server", "name", value, given)
        else:
            self.findings.ok(given.where, str(given), "", "no whole name; the host's own name is used")
