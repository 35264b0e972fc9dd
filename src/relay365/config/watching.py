"""The tables about being watched: [metrics] and [alerts]."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from relay365.config.references import SecretRef
from relay365.config.table import Table
from relay365.config.words import Duration, HostPort, Label, Networks, OwnSender, Size

_SYSLOG = re.compile(r"(udp|tcp)://(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})|unix:///\S+")
_WEEKLY = re.compile(r"(monday|tuesday|wednesday|thursday|friday|saturday|sunday) ([01]\d|2[0-3]):[0-5]\d")


def _syslog(value: object) -> object:
    found = _SYSLOG.fullmatch(value) if isinstance(value, str) else None
    if value == "" or (found and int(found["port"] or 0) < 65536):
        return value
    raise ValueError('an address such as "udp://192.168.10.9:514", "tcp://..." or "unix:///dev/log"')


def _weekly(value: object) -> object:
    if isinstance(value, str) and (not value or _WEEKLY.fullmatch(value)):
        return value
    raise ValueError('a day and a time such as "monday 07:30", or ""')


SyslogAddress = Annotated[str, BeforeValidator(_syslog)]
Weekly = Annotated[str, BeforeValidator(_weekly)]


class Metrics(Table):
    """[metrics]: /metrics for Prometheus, /healthz and /readyz, by HTTP (metrics.md)."""

    address: HostPort | None = Field(
        None, description='address and port to answer on, "127.0.0.1:9365"; default: nowhere'
    )
    allow: Networks = Field(
        (), description="networks that may ask, beside this machine itself; there is no login"
    )


class Channel(Table):
    """[[alerts.channel]]: a way by which alerts reach people; better two than one."""

    kind: Literal["webhook", "teams", "syslog", "mail"] = Field(
        description="webhook: JSON by POST; teams: a card by a Workflows webhook; syslog; mail: by another route"
    )
    url: SecretRef | None = Field(
        None, description="where webhook and teams post to, https; whoever knows it can post, so { file = }"
    )
    secret: SecretRef | None = Field(
        None, description="webhook: signs each body (HMAC-SHA256 in X-Relay365-Signature)"
    )
    ca_file: str = Field(
        "", description="webhook, teams: file with the roots to trust instead of the system's (PEM)"
    )
    address: SyslogAddress = Field(
        "", description='syslog: "udp://192.168.10.9:514", "tcp://192.168.10.9:601" or "unix:///dev/log"'
    )
    to: OwnSender = Field("", description="mail: who gets it, best outside of the tenant that may be unwell")
    route: Label = Field(
        "",
        description="mail: by which route; default: the first that is well and is not what the alert is about",
    )

    @model_validator(mode="after")
    def _needs(self) -> Channel:
        needs = {"webhook": ("url",), "teams": ("url",), "syslog": ("address",), "mail": ("to",)}[self.kind]
        for key in needs:
            if not getattr(self, key):
                raise ValueError(f'{key}, which kind = "{self.kind}" needs')
        return self


class Reminder(Table):
    """[[alerts.reminder]]: a day of your own in the calendar; from then on it is an alert until it is taken out."""

    on: date = Field(description="the day, 2026-12-07")
    what: str = Field(min_length=1, max_length=200, description="what is to be done")
    do: str = Field("", max_length=200, description="how: a command, a page")


class Alerts(Table):
    """[alerts]: who is told of what needs a person, once for each cause, and when it is healed (alerts.md)."""

    channel: tuple[Channel, ...] = Field((), description="the ways; without one nobody is told")
    reminder: tuple[Reminder, ...] = Field((), description="days of your own")
    unwell_after: Duration = Field(900.0, description="a route that has not worked for so long is an alert")
    queue_age: Duration = Field(3600.0, description="a message that waits for so long is an alert")
    disk_free: Size = Field(1_073_741_824, description="less free space where the queue is is an alert")
    ends_within: Duration = Field(
        1_814_400.0, description="a certificate, secret or sign-in that ends so soon is an alert"
    )
    again_after: Duration = Field(
        86_400.0, ge=3600.0, description="what is not healed is said again after so long"
    )
    probe_to: OwnSender = Field(
        "",
        description="who gets a synthetic mail on a schedule, timed until the remote has taken it, and followed "
        'to its end where the route may ask; "": nobody',
    )
    probe_every: Duration = Field(86_400.0, ge=300.0, description="how often it goes")
    probe_within: Duration = Field(900.0, description="one that takes longer is an alert")
    digest: Weekly = Field("monday 07:30", description='when the weekly digest goes, local time; "": none')
