"""The Graph road is built from its table: mailboxes share the client, the application its four places."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.content import InMemory, consignment
from relay365.app.place import Site
from relay365.app.ways.graph import graph, graph_client
from relay365.config import GraphRoute
from relay365.mail.envelope import SpoolId
from relay365.routes.graph.route import Graph
from relay365.routes.wire.ear import DEAF, Ear

TABLE = {
    "kind": "graph",
    "tenant": "contoso.com",
    "client": "7a1e0c52-0000-4000-8000-000000000000",
    "secret": {"env": "GRAPH_SECRET"},
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("GRAPH_SECRET", "s")
    return Site("relay.contoso.com", tmp_path, tmp_path)


def test_each_mailbox_is_a_lane_with_the_budget_that_smtp_shares(site: Site) -> None:
    """The word of the budget is the mailbox in lower case, as a submission route has it."""
    table = GraphRoute.model_validate(
        {**TABLE, "mailboxes": ["Scan@contoso.com", "b@contoso.com"], "large": "refuse"}
    )
    built = graph("way", table, site)
    assert ["way/Scan@contoso.com", "way/b@contoso.com"] == [route.lane for route in built]
    assert ["mailbox scan@contoso.com", "mailbox b@contoso.com"] == [route.limits.budget for route in built]
    assert [2_200_000] * 2 == [route.limits.octets for route in built]
    assert all(isinstance(route, Graph) for route in built)


def test_clients_of_one_application_share_its_places(site: Site) -> None:
    """Two routes and whoever asks for traces, one application: four requests at once together; another has its own."""
    table = GraphRoute.model_validate({**TABLE, "mailbox": "scan@contoso.com"})
    other = GraphRoute.model_validate({**TABLE, "mailbox": "scan@contoso.com", "tenant": "fabrikam.com"})
    first, second, third = (graph_client("x", one, site) for one in (table, table, other))
    assert first._places is second._places
    assert first._places is not third._places


def test_the_attempts_of_a_graph_road_are_heard_as_those_of_any_other(site: Site) -> None:
    """Who listens at the site listens to it."""
    table = GraphRoute.model_validate({**TABLE, "mailbox": "scan@contoso.com"})
    asked: list[str] = []

    def ears(spool_id: SpoolId) -> Ear:
        asked.append(spool_id)
        return DEAF

    (built,) = graph("way", table, replace(site, ears=ears))
    asyncio.run(built.deliver(consignment(InMemory(b"x" * 70_000))))  # all of it header: it is not offered
    assert ["4TQ921"] == asked
