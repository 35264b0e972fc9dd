"""[[tenant]]: what a tenant may send instead of Microsoft's usual limits, and when its bulk mail goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from relay365.config.table import Table
from relay365.config.words import Domains, Flag, Number

_TENANT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,253}[A-Za-z0-9])?")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _tenant(value: object) -> object:
    if isinstance(value, str) and _TENANT.fullmatch(value):
        return value
    raise ValueError('a tenant as the routes name it, such as "contoso.com"')


def _clock(value: object) -> object:
    if isinstance(value, str) and (not value or _CLOCK.fullmatch(value)):
        return value
    raise ValueError('a time of the day such as "22:00"')


TenantName = Annotated[str, BeforeValidator(_tenant)]
ClockTime = Annotated[str, BeforeValidator(_clock)]


class Tenant(Table):
    """[[tenant]]: what one tenant may send, where that is not Microsoft's usual limit (quota.md)."""

    name: TenantName = Field(description="the tenant, as `tenant` (or a connector's `domain`) of its routes")
    domains: Domains = Field(
        (),
        description="its accepted domains: all other recipients are external; default: [sender] domains, and those "
        "that its routes name",
    )
    licences: Number | None = Field(
        None,
        ge=1,
        description="mail licences of the tenant: Microsoft's formula makes its external recipients of a day from them",
    )
    trial: Flag = Field(False, description="a trial tenant: 5,000 external recipients a day")
    external_per_day: Number | None = Field(
        None,
        ge=1,
        description="external recipients of all its routes in 24 hours; default: by licences, not watched without them",
    )
    recipients_per_day: Number | None = Field(
        None, ge=1, description="recipients of a mailbox in 24 hours; default: 10,000"
    )
    per_minute: Number | None = Field(
        None, ge=1, description="messages of a mailbox in 60 seconds; default: 30"
    )
    connections: Number | None = Field(
        None, ge=1, le=3, description="connections of a mailbox at once, by SMTP; default: the route's"
    )
    pair_per_hour: Number | None = Field(
        None, ge=1, description="messages of one sender to one recipient in an hour; default: 1,188"
    )
    graph_at_once: Number | None = Field(
        None, ge=1, le=100, description="requests of an application to Graph at once; default: 4"
    )
    reserve_per_day: Number | None = Field(
        None,
        ge=0,
        description="recipients of a mailbox's day that bulk mail may not use; default: learnt from what the others "
        "used before",
    )
    client_share_per_day: Number = Field(
        50,
        ge=1,
        le=100,
        description="percent of a mailbox's day; a device, login or address that has had more leaves the others what "
        "bulk leaves them, so that one in a loop does not shut the mailbox for all; 100: never",
    )
    bulk_from: ClockTime = Field(
        "", description='when bulk mail may begin, local time, "18:00"; default: at any time'
    )
    bulk_until: ClockTime = Field(
        "", description='when it must be out, "22:00": it is paced to end then; may lie on the next day'
    )

    @model_validator(mode="after")
    def _a_window(self) -> Tenant:
        if bool(self.bulk_from) != bool(self.bulk_until):
            raise ValueError("bulk_from and bulk_until together")
        if self.bulk_from and self.bulk_from == self.bulk_until:
            raise ValueError("bulk_from and bulk_until that differ")
        return self

    @property
    def bulk_window(self) -> tuple[str, str] | None:
        """(from, until) as HH:MM, local time; None for the whole day."""
        return (self.bulk_from, self.bulk_until) if self.bulk_from else None

    def is_meant_by(self, word: str) -> bool:
        """Whether a route that names its tenant so, or a connector's domain, belongs to this one."""
        known = {self.name.lower(), *(domain.lower() for domain in self.domains)}
        return word.lower() in known


def tenant_word(route: object) -> str:
    """The tenant that the table of a route names: `tenant`, else a connector's `domain`; "" for none."""
    return str(getattr(route, "tenant", "") or getattr(route, "domain", ""))


def unknown_tenants(
    tenants: Sequence[Tenant], routes: Sequence[object]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Tables that no route means, each as (key, its name, what the routes name): a typo would go unseen."""
    known = tuple(dict.fromkeys(filter(None, map(tenant_word, routes))))
    return [("tenant", one.name, known) for one in tenants if not any(map(one.is_meant_by, known))]
