"""The Graph road, from its table: a client for the application, a Route for each of its mailboxes."""

from __future__ import annotations

import asyncio

from relay365.app.place import Site
from relay365.app.ways.allowance import allowance, graph_at_once
from relay365.app.ways.identity import tokens_of
from relay365.app.ways.smtp import client_tls
from relay365.clock import SystemClock
from relay365.config import GraphRoute
from relay365.config.roads.kinds import Account
from relay365.routes.api import Route
from relay365.routes.graph.client import ANSWER_OCTETS, Endpoint, GraphClient
from relay365.routes.graph.route import Graph, Manner
from relay365.routes.graph.upload import Upload


def graph(name: str, route: GraphRoute, site: Site) -> list[Route]:
    """One Route for each mailbox; they share the application, its tokens and its four places."""
    client = graph_client(name, route, site)
    clock = SystemClock()
    manner = Manner(route.mime_limit, Upload(clock) if route.large == "upload" else None, site.ears)
    built: list[Route] = []
    for mailbox in route.mailboxes or (route.mailbox or "",):
        limits = allowance(route, mailbox, site.house)
        built.append(Graph(name, mailbox, client, manner, limits=limits, clock=clock))
    return built


def graph_client(
    name: str, route: Account, site: Site, scope: str = "", answer_octets: int = ANSWER_OCTETS
) -> GraphClient:
    """A client for Graph with a route's sign-in; all clients of one application at one site share its four places."""
    base, context = route.graph_endpoint.rstrip("/"), client_tls(route.ca_file, site)
    endpoint = Endpoint(base, context, route.proxy, answer_octets)
    at_once = graph_at_once(route, site.house)
    places = site.graph_places.setdefault((route.tenant, route.client, at_once), asyncio.Semaphore(at_once))
    return GraphClient(endpoint, tokens_of(name, route, site, scope), places)
