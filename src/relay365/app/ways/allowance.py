"""Allowances: what each lane may use, from three sources: its [[route]], its [[tenant]], and Microsoft's limits.

A key that stands in the route goes before the tenant's, the tenant's before Microsoft's (routes/limits.toml).
Needs no secret, so that faces can say what holds without being able to sign in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from relay365.app.place import House
from relay365.config import (
    Account,
    AcsRoute,
    Config,
    ConnectorRoute,
    GraphRoute,
    HveRoute,
    Route,
    SmarthostRoute,
    SubmissionRoute,
    Tenant,
)
from relay365.config.tenants import tenant_word
from relay365.mail.address import domain_of
from relay365.routes.api import LaneLimits
from relay365.routes.limits import amount_of, external_of, window_of

Table = SubmissionRoute | GraphRoute | ConnectorRoute | HveRoute | AcsRoute | SmarthostRoute


def allowance(route: Table, mailbox: str, house: House) -> LaneLimits:
    """The limits of one lane. mailbox: as whom it sends, "" where the route keeps any sender."""
    plain = LaneLimits(
        route.connections,
        route.per_minute,
        recipients=route.recipients,
        octets=route.max_message,
        alarms=house.alarms,
    )
    if isinstance(route, SmarthostRoute):
        return plain
    if isinstance(route, AcsRoute):  # neither the mailbox's limits nor the tenant's hold there
        return replace(plain, windows=((route.per_hour, window_of("acs-messages-hour")[1]),))
    tenant = tenant_of(route, house.tenants)
    plain = replace(
        plain,
        pair_per_hour=tenant.pair_per_hour or amount_of("pair-messages"),
        bulk_window=tenant.bulk_window,
        own_domains=_own_domains(route, mailbox, tenant, house),
    )
    if isinstance(route, HveRoute):
        return plain
    plain = replace(plain, tenant=tenant.name.lower(), external_per_day=_external(tenant))
    if isinstance(route, ConnectorRoute):
        return plain
    plain = replace(
        plain,
        messages=_first(route, "per_minute", tenant.per_minute),
        budget=f"mailbox {mailbox.lower()}",
        recipients_per_day=tenant.recipients_per_day or amount_of("mailbox-recipients"),
        reserve_per_day=tenant.reserve_per_day,
        client_share=tenant.client_share_per_day,
    )
    if isinstance(route, SubmissionRoute):
        connections = _first(route, "connections", tenant.connections)
        most = max(connections, tenant.connections or amount_of("mailbox-connections"))
        return replace(plain, connections=connections, at_once_per_budget=most)
    octets = route.max_message or (route.mime_limit if route.large == "refuse" else None)
    return replace(
        plain,
        octets=octets,
        requests=window_of("graph-requests"),
        octets_window=window_of("graph-upload"),
        application=application_word(route),
        at_once_per_application=graph_at_once(route, house),
    )


def allowances(config: Config) -> dict[str, LaneLimits]:
    """The limits of all lanes of a file by their names, in its order."""
    house = House.of(config)
    return {
        f"{name}/{mailbox}" if mailbox else name: allowance(table, mailbox, house)
        for name, table in zip(config.route_names(), config.route, strict=True)
        for mailbox in mailboxes_of(table)
    }


def mailboxes_of(route: Route) -> tuple[str, ...]:
    """As whom a route sends; one "" where it keeps any sender."""
    return tuple(getattr(route, "mailboxes", ())) or (str(getattr(route, "mailbox", None) or ""),)


def tenant_of(route: Account, tenants: Sequence[Tenant]) -> Tenant:
    """The [[tenant]] that a route belongs to; one without keys, named as the route names it, where there is none."""
    word = tenant_word(route)
    found = next((one for one in tenants if one.is_meant_by(word)), None)
    return found or Tenant.model_construct(name=word)


def application_word(route: Account) -> str:
    """Who counts as one application at Graph: tenant and client, or the identity of the machine."""
    return f"{route.tenant} {route.client or route.managed_identity}".strip().lower()


def graph_at_once(route: Account, house: House) -> int:
    """Requests to Graph at once of a route's application."""
    return tenant_of(route, house.tenants).graph_at_once or amount_of("graph-at-once")


def _first(route: SubmissionRoute | GraphRoute, key: str, of_tenant: int | None) -> int:
    """What stands in the route, else what stands in the tenant, else the route's default."""
    own: int = getattr(route, key)
    return own if key in route.model_fields_set or of_tenant is None else of_tenant


def _external(tenant: Tenant) -> int | None:
    return tenant.external_per_day or external_of(tenant.licences, is_trial=tenant.trial)


def _own_domains(route: Account, mailbox: str, tenant: Tenant, house: House) -> frozenset[str]:
    """Who is inside: the tenant's own list, or all that the file calls ours."""
    if tenant.domains:
        return frozenset(domain.lower() for domain in tenant.domains)
    named = {tenant.name.lower(), domain_of(mailbox), getattr(route, "domain", "").lower()}
    named |= {domain.lower() for domain in getattr(route, "domains", ())}
    return house.own_domains | {one for one in named if "." in one}
