"""Who asks about mail that Microsoft took: readers for each tenant with `trace` and mailbox with `read_reports`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from relay365.app.place import Site
from relay365.app.ways.graph import graph_client
from relay365.clock import Clock
from relay365.config import Config
from relay365.config.roads.clouds import GRAPH
from relay365.config.roads.kinds import Account
from relay365.engine.fates.again import Again
from relay365.engine.fates.watch import Desk, LimitReached, ReportWatch, TraceWatch, Watch
from relay365.engine.fates.watchman import Watchman
from relay365.engine.lane import Lane
from relay365.errors import ConfigError
from relay365.mail.outcome import Outcome, Scope
from relay365.routes.api import Route
from relay365.routes.graph.client import GraphClient
from relay365.routes.tracing.reports import ReportReader
from relay365.routes.tracing.traces import ANSWER_OCTETS, TraceReader

TRACE, MAIL = "ExchangeMessageTrace.Read.All", "Mail.Read"


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads what Microsoft says later. traces: by lane; lanes of one application share a reader."""

    traces: Mapping[str, TraceReader]
    reports: tuple[ReportReader, ...]
    clients: tuple[GraphClient, ...] = ()

    async def run(self, desk: Desk) -> None:
        """Look after all watches until cancelled; then the connections are ended."""
        try:
            await Watchman(self.watches(desk), desk.clock).run()
        finally:
            await self.close()

    async def close(self) -> None:
        """End warm connections."""
        for client in self.clients:
            await client.close()

    def watches(self, desk: Desk) -> list[Watch]:
        """A watch for each."""
        lanes: dict[TraceReader, list[str]] = {}
        for lane, reader in self.traces.items():
            lanes.setdefault(reader, []).append(lane)
        traces = [TraceWatch(desk, reader, own, ", ".join(own)) for reader, own in lanes.items()]
        return [*traces, *(ReportWatch(desk, reader) for reader in self.reports)]

    def again(self, clock: Clock) -> Again:
        """Who is asked before an uncertain delivery goes again."""
        return Again(self.traces, clock)


def readers_of(config: Config, routes: Sequence[Route], site: Site, clock: Clock) -> Readers:
    """The readers of the routes with `trace` and `read_reports`; raises ConfigError where they cannot sign in."""
    traces: dict[str, TraceReader] = {}
    by_application: dict[tuple[str, ...], TraceReader] = {}
    reports: dict[str, ReportReader] = {}
    clients: list[GraphClient] = []
    for name, table in _asking(config):
        if table.trace:
            application = (table.graph_endpoint, table.authority, table.tenant, table.client)
            if application not in by_application:
                clients.append(_client(name, table, site, TRACE))
                by_application[application] = TraceReader(clients[-1], clock)
            reader = by_application[application]
            traces.update((route.lane, reader) for route in routes if route.name == name)
        if table.read_reports:
            clients.append(_client(name, table, site, MAIL))
            for mailbox in _mailboxes(name, table):
                reports.setdefault(mailbox.lower(), ReportReader(clients[-1], mailbox, clock))
    return Readers(traces, tuple(reports.values()), tuple(clients))


def _asking(config: Config) -> Iterator[tuple[str, Account]]:
    for name, table in zip(config.route_names(), config.route, strict=True):
        if isinstance(table, Account):
            yield name, table


def _client(name: str, table: Account, site: Site, permission: str) -> GraphClient:
    """A client whose token is for all that the application was granted, or for what a person allowed.

    The token is for the cloud's Graph, by whatever address that is reached.
    """
    graph = GRAPH[table.cloud]
    scope = f"{graph}/{permission}" if table.login else f"{graph}/.default"
    return graph_client(name, table, site, scope, ANSWER_OCTETS)


def _mailboxes(name: str, table: Account) -> tuple[str, ...]:
    several = getattr(table, "mailboxes", ())
    one = getattr(table, "mailbox", None)
    found = tuple(several) or ((str(one),) if one else ())
    if not found:
        where = f"route {name}: read_reports"
        raise ConfigError(where, "a route with a mailbox", "none", "reports go to the mailbox that sent")
    return found


def limit_of(config: Config, lanes: Mapping[str, Lane], clock: Clock) -> LimitReached:
    """Shuts the lane whose limit a report says is used up, and those that share the limit: mailbox or tenant."""
    tables = dict(zip(config.route_names(), config.route, strict=True))

    def tenant_of(lane: Lane) -> str:
        return str(getattr(tables.get(lane.route.name), "tenant", "") or lane.name)

    def shut(name: str, outcome: Outcome) -> None:
        lane = lanes.get(name)
        if lane is None:
            return
        budget = lane.route.limits.budget
        for other in lanes.values():
            of_mailbox = budget != "" and other.route.limits.budget == budget
            of_tenant = outcome.scope is Scope.TENANT and tenant_of(other) == tenant_of(lane)
            if other is lane or of_mailbox or of_tenant:
                other.health.throttle(outcome, other.n_in_flight, clock.mono(), clock.dice())
                other.order.learn(outcome, clock.mono())

    return shut
