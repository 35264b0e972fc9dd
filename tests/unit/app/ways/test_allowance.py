"""Allowances: the route goes before the tenant, the tenant before Microsoft, and every kind has what is counted."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from relay365.app.place import House
from relay365.app.ways.allowance import (
    allowance,
    allowances,
    application_word,
    graph_at_once,
    tenant_of,
)
from relay365.config import (
    AcsRoute,
    Config,
    ConnectorRoute,
    GraphRoute,
    HveRoute,
    SmarthostRoute,
    SubmissionRoute,
    Tenant,
    parse,
)
from relay365.routes.api import LaneLimits
from relay365.routes.limits import amount_of

APP = {
    "tenant": "Contoso.com",
    "client": "7A1E0C52-0000-4000-8000-000000000000",
    "secret": {"env": "S"},
}
SCAN = "Scan@Contoso.com"
MAILBOX = {**APP, "mailbox": SCAN}
NO_HOUSE = House()


def _house(**keys: Any) -> House:
    return House((Tenant.model_validate({"name": "contoso.com", **keys}),), frozenset({"contoso.org"}))


def _submission(**keys: Any) -> SubmissionRoute:
    return SubmissionRoute.model_validate({"kind": "submission", **MAILBOX, **keys})


def _graph(**keys: Any) -> GraphRoute:
    return GraphRoute.model_validate({"kind": "graph", **MAILBOX, **keys})


def test_without_a_tenant_microsofts_limits_hold() -> None:
    """A mailbox by SMTP: 30 a minute, 10,000 recipients a day; outside is not watched without a number of licences."""
    found = allowance(_submission(), SCAN, NO_HOUSE)

    assert LaneLimits(
        2, 30, recipients=500, budget="mailbox scan@contoso.com", recipients_per_day=10_000, tenant="contoso.com",
        own_domains=frozenset({"contoso.com"}), pair_per_hour=1_188, at_once_per_budget=3,
            client_share=50,
    ) == found  # fmt: skip


def test_a_mailbox_has_one_budget_by_smtp_and_by_graph() -> None:
    """The same word and the same numbers; Graph has its own beside them."""
    smtp, graph = allowance(_submission(), SCAN, NO_HOUSE), allowance(_graph(), SCAN, NO_HOUSE)
    shared = (
        "budget",
        "messages",
        "window_s",
        "recipients_per_day",
        "tenant",
        "own_domains",
        "pair_per_hour",
    )

    assert [getattr(smtp, key) for key in shared] == [getattr(graph, key) for key in shared]
    assert ((10_000, 600.0), (150_000_000, 300.0), 4) == (
        graph.requests, graph.octets_window, graph.at_once_per_application,
    )  # fmt: skip
    assert "contoso.com 7a1e0c52-0000-4000-8000-000000000000" == graph.application
    assert (None, None, "", None) == (
        smtp.requests, smtp.octets_window, smtp.application, smtp.at_once_per_application,
    )  # fmt: skip


def test_what_the_tenant_says_goes_before_microsoft() -> None:
    """Each key reaches the lane."""
    house = _house(
        licences=40, recipients_per_day=5_000, per_minute=20, connections=3, pair_per_hour=500, graph_at_once=2,
        client_share_per_day=80, reserve_per_day=1_500, bulk_from="18:00", bulk_until="22:00",
    )  # fmt: skip
    smtp, graph = allowance(_submission(), SCAN, house), allowance(_graph(), SCAN, house)

    for found in (smtp, graph):
        assert (20, 5_000, 16_113, 500, 80, 1_500, ("18:00", "22:00")) == (
            found.messages, found.recipients_per_day, found.external_per_day, found.pair_per_hour,
            found.client_share, found.reserve_per_day, found.bulk_window,
        )  # fmt: skip
    assert (3, 2, 2) == (smtp.connections, graph.connections, graph.at_once_per_application)


def test_what_the_route_says_goes_before_the_tenant() -> None:
    """Also where it says the same as its default."""
    house = _house(per_minute=20, connections=3)
    own = allowance(_submission(per_minute=30, connections=2), SCAN, house)
    theirs = allowance(_submission(), SCAN, house)

    assert [(2, 30), (3, 20)] == [(one.connections, one.messages) for one in (own, theirs)]


@pytest.mark.parametrize(
    ("keys", "of_route", "at_once"), [({}, 2, 3), ({"connections": 2}, 2, 2), ({"connections": 1}, 3, 3)]
)
def test_all_routes_of_a_mailbox_have_its_connections_together(
    keys: dict[str, Any], of_route: int, at_once: int
) -> None:
    """Microsoft's three, else the tenant's; a route that has more by itself has them."""
    found = allowance(_submission(connections=of_route), SCAN, _house(**keys))

    assert (of_route, at_once) == (found.connections, found.at_once_per_budget)


@pytest.mark.parametrize(
    ("keys", "external"),
    [
        ({}, None),
        ({"licences": 1_000}, 72_446),
        ({"licences": 1_000, "trial": True}, 5_000),
        ({"licences": 1_000, "external_per_day": 60_000}, 60_000),
    ],
)
def test_the_tenants_external_recipients(keys: dict[str, Any], external: int | None) -> None:
    """A number goes before a trial, a trial before the licences; nothing is invented."""
    assert external == allowance(_submission(), SCAN, _house(**keys)).external_per_day


def test_a_connector_shares_the_tenants_external_budget() -> None:
    """By its domain; it has no mailbox whose day counts, and no rate."""
    route = ConnectorRoute.model_validate({"kind": "connector", "domain": "contoso.com"})
    found = allowance(route, "", _house(licences=40))

    assert ("contoso.com", 16_113, None, None, "", 1_188) == (
        found.tenant, found.external_per_day, found.messages, found.recipients_per_day, found.budget,
        found.pair_per_hour,
    )  # fmt: skip
    assert frozenset({"contoso.com", "contoso.org"}) == found.own_domains


def test_routes_that_name_one_tenant_differently_share_its_budget() -> None:
    """An id here, a domain there: `domains` of the table joins them."""
    house = House((Tenant.model_validate({"name": "3fa1b7c2-0000", "domains": ["contoso.com"]}),))
    by_id = allowance(_submission(tenant="3FA1B7C2-0000"), SCAN, house)
    by_domain = allowance(
        ConnectorRoute.model_validate({"kind": "connector", "domain": "Contoso.com"}), "", house
    )

    assert "3fa1b7c2-0000" == by_id.tenant == by_domain.tenant
    assert frozenset({"contoso.com"}) == by_id.own_domains == by_domain.own_domains


def test_who_is_inside() -> None:
    """The tenant's list alone where it has one; else [sender] domains and what its routes name, but no id."""
    by_id = allowance(_submission(tenant="3fa1b7c2-0000"), SCAN, House((), frozenset({"contoso.org"})))

    assert frozenset({"contoso.com", "contoso.org"}) == by_id.own_domains
    assert (
        frozenset({"contoso.de"}) == allowance(_submission(), SCAN, _house(domains="Contoso.de")).own_domains
    )


def test_high_volume_email_counts_for_nobodys_outside() -> None:
    """It has no rate and does not count against the tenant; one recipient's mailbox can be flooded all the same."""
    route = HveRoute.model_validate({"kind": "hve", **MAILBOX, "domains": ["Contoso.com"]})
    found = allowance(route, SCAN, _house(licences=40, bulk_from="18:00", bulk_until="22:00"))

    assert LaneLimits(
        4, None, recipients=50, octets=10_000_000, pair_per_hour=1_188, bulk_window=("18:00", "22:00"),
        own_domains=frozenset({"contoso.com", "contoso.org"}),
    ) == found  # fmt: skip


def test_what_is_not_exchange_has_only_its_own_numbers() -> None:
    """A smart host those of its table; Azure's minute and hour."""
    smarthost = SmarthostRoute.model_validate({"kind": "smarthost", "host": "mail.contoso.com:25"})
    azure = AcsRoute.model_validate({"kind": "acs", **APP, "user": "relay"})
    house = _house(per_minute=1, licences=40, pair_per_hour=1)

    assert LaneLimits(20) == dataclasses.replace(allowance(smarthost, "", house))
    assert LaneLimits(4, 30, recipients=50, octets=10_000_000, windows=((100, 3_600.0),)) == allowance(
        azure, "", house
    )


def test_the_defaults_of_the_routes_are_microsofts() -> None:
    """The models have numbers of their own, because their floor reads no files: they must not drift."""
    azure = AcsRoute.model_fields
    names = {
        "mailbox-messages": (SubmissionRoute.model_fields["per_minute"].default, _graph().per_minute),
        "message-recipients": (SubmissionRoute.model_fields["recipients"].default,),
        "connector-domain-recipients": (ConnectorRoute.model_fields["recipients"].default,),
        "hve-recipients": (HveRoute.model_fields["recipients"].default,),
        "hve-octets": (HveRoute.model_fields["max_message"].default,),
        "acs-messages": (azure["per_minute"].default,),
        "acs-messages-hour": (azure["per_hour"].default,),
        "acs-recipients": (azure["recipients"].default,),
        "acs-octets": (azure["max_message"].default,),
    }

    assert {name: {amount_of(name)} for name in names} == {name: set(found) for name, found in names.items()}
    assert _submission().connections < amount_of("mailbox-connections")


def test_one_application_is_one_word() -> None:
    """Whatever the letters' case; a managed identity stands for itself."""
    machine = GraphRoute.model_validate({"kind": "graph", "managed_identity": "system", "mailbox": SCAN})

    assert application_word(_graph()) == application_word(_graph(tenant="CONTOSO.COM"))
    assert "system" == application_word(machine)
    assert [4, 9] == [graph_at_once(_graph(), house) for house in (NO_HOUSE, _house(graph_at_once=9))]


def test_a_route_without_a_table_has_a_tenant_of_its_own_name() -> None:
    """So that its lanes share what they must."""
    assert "Contoso.com" == tenant_of(_submission(), ()).name


def test_all_lanes_of_a_file_are_told_without_any_secret() -> None:
    """By the names that the scheduler uses, in the order of the file."""
    text = """
        [server]
        data = "data"
        [[listener]]
        address = "127.0.0.1:2525"
        [[allow]]
        network = "127.0.0.0/8"
        [[route]]
        kind = "submission"
        tenant = "contoso.com"
        client = "7a1e0c52-0000-4000-8000-000000000000"
        secret = { file = "nowhere" }
        mailboxes = ["a@contoso.com", "b@contoso.com"]
        [[route]]
        kind = "smarthost"
        name = "isp"
        host = "mail.example.net:25"
        [sender]
        domains = ["Contoso.org"]
    """
    found = allowances(parse(text, "f"))

    assert ["submission/a@contoso.com", "submission/b@contoso.com", "isp"] == list(found)
    assert "mailbox b@contoso.com" == found["submission/b@contoso.com"].budget
    assert "contoso.org" in found["submission/a@contoso.com"].own_domains


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({}, False),
        ({"allow": [{"network": "10.0.0.0/8", "priority": "bulk"}]}, False),
        ({"allow": [{"network": "10.0.0.0/8", "priority": "alarm"}]}, True),
        ({"device": [{"name": "ups", "match": {"address": "10.0.0.9"}, "priority": "alarm"}]}, True),
    ],
)
def test_room_is_left_for_alarms_where_somebody_may_send_one(tables: dict[str, Any], expected: bool) -> None:
    """Every lane knows it from the file; without such a client all places are everybody's."""
    route = {"kind": "submission", **MAILBOX}
    config = Config.model_validate(
        {"server": {"data": "/x"}, "listener": [{"address": "127.0.0.1:2525"}], "route": [route], **tables}
    )

    assert [expected] == [one.alarms for one in allowances(config).values()]
