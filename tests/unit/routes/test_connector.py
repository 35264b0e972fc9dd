"""Where the MX host comes from, how long it is believed, and what happens when nobody says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.content import InMemory, consignment
from fakes.names import names
from fakes.remote import remote
from relay365.errors import TokenRefused, TransportError
from relay365.mail.outcome import Class, Kind, Scope
from relay365.net.resolve import MxHosts, NameServer, mx_of
from relay365.routes.api import LaneLimits
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.connector import LEAST_LIFE_S, Connector, Find, MxHost, by_dns, by_graph
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.wire.pool import Judges
from relay365.routes.wire.remote import CannotOpen, Remote
from relay365.routes.wire.route import Wire

OURS = "contoso-com.mail.protection.outlook.com"
NEW = "contoso-com.o-v1.mx.microsoft"


class Script:
    """Answers to look-ups, one after the other; the last one stays."""

    def __init__(self, *answers: MxHosts | Exception) -> None:
        self.answers, self.n_asked = list(answers), 0

    async def __call__(self) -> MxHosts:
        self.n_asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def _remote(host: str) -> Remote:
    return Remote(host, 25, "relay.test", "required")


def story(
    tell: Callable[[MxHost, Script, FakeClock], Awaitable[None]], *answers: MxHosts | Exception
) -> None:
    script, clock = Script(*answers), FakeClock()
    asyncio.run(tell(MxHost(script, _remote, clock), script, clock))  # type: ignore[arg-type]


def test_an_answer_holds_for_its_life_and_at_least_a_minute() -> None:
    """A life of no seconds is none that a name server should have to bear."""

    async def tell(place: MxHost, script: Script, clock: FakeClock) -> None:
        assert OURS == (await place.find()).host
        clock.pass_s(LEAST_LIFE_S - 1)
        await place.find()
        assert 1 == script.n_asked
        clock.pass_s(2)
        assert NEW == (await place.find()).host
        clock.pass_s(599)
        assert (NEW, 2) == ((await place.find()).host, script.n_asked)

    story(tell, MxHosts((OURS,), 0.0), MxHosts((NEW,), 600.0))


def test_whoever_asks_at_the_same_time_gets_the_same_answer() -> None:
    """Twenty deliveries at the start are one question."""

    async def tell(place: MxHost, script: Script, clock: FakeClock) -> None:
        found = await asyncio.gather(*(place.find() for _ in range(20)))
        assert ({OURS}, 1) == ({one.host for one in found}, script.n_asked)

    story(tell, MxHosts((OURS,), 300.0))


def test_a_host_that_cannot_be_reached_is_asked_for_again() -> None:
    """The next host of the answer at once; a new answer before its life is over, but not every second."""

    async def tell(place: MxHost, script: Script, clock: FakeClock) -> None:
        assert "a" == (await place.find()).host
        place.missed()
        assert ("b", 1) == ((await place.find()).host, script.n_asked)
        clock.pass_s(LEAST_LIFE_S)
        assert ("c", 2) == ((await place.find()).host, script.n_asked)

    story(tell, MxHosts(("a", "b"), 86_400.0), MxHosts(("c",), 300.0))


@pytest.mark.parametrize(
    "error",
    [
        TransportError("resolve", "no name server"),
        TokenRefused("invalid_client", 7000222, "expired", temporary=False),
    ],
)
def test_while_nobody_answers_the_last_answer_holds(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A name server or a secret that fails later stops no mail; it is asked once a minute."""

    async def tell(place: MxHost, script: Script, clock: FakeClock) -> None:
        await place.find()
        clock.pass_s(301)
        assert OURS == (await place.find()).host
        await place.find()
        assert 2 == script.n_asked
        clock.pass_s(LEAST_LIFE_S)
        assert OURS == (await place.find()).host
        assert 3 == script.n_asked

    story(tell, MxHosts((OURS,), 300.0), error)
    assert 2 == caplog.text.count("route.host-stale")


def test_at_the_start_nobodys_answer_is_the_reason() -> None:
    """Each delivery is told why, and the next one asks again."""

    async def tell(place: MxHost, script: Script, clock: FakeClock) -> None:
        with pytest.raises(TransportError, match="no name server"):
            await place.find()
        place.missed()
        assert OURS == (await place.find()).host

    story(tell, TransportError("resolve", "no name server"), MxHosts((OURS,), 300.0))


def test_dns_must_lead_to_microsoft() -> None:
    """Of the records those of Microsoft's; a filter in front is no connector, and no record is no guess."""

    async def find(records: dict[str, list[str]]) -> MxHosts:
        async with names() as server:
            server.records = records
            where = NameServer("127.0.0.1", server.port)
            return await by_dns("contoso.com", lambda domain: mx_of(domain, where))()

    found = asyncio.run(find({"contoso.com": [f"10 {NEW}.", "0 mx.filter.example.", f"5 {OURS.upper()}."]}))
    assert (OURS, NEW) == tuple(host.lower() for host in found.hosts)
    for records, row in (({"contoso.com": ["0 mx.filter.example."]}, "mx-not-microsoft"), ({}, "no-mx-host")):
        with pytest.raises(CannotOpen) as error:
            asyncio.run(find(records))
        outcome = error.value.outcome
        assert (Class.CONFIGURATION, Scope.ROUTE, row) == (outcome.klass, outcome.scope, outcome.row)


def graph_of(status: int, body: Any) -> tuple[Find, list[str]]:
    """A look-up by a Graph that answers so, and the paths that it was asked for."""
    paths: list[str] = []

    async def ask(path: str) -> GraphAnswer:
        paths.append(path)
        return GraphAnswer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())

    return by_graph("contoso.com", ask), paths


def _record(kind: str, **facts: Any) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.domainDns{kind}Record", **facts}


def test_graph_names_the_host() -> None:
    """The mailExchange of the MX record, whatever stands beside it."""
    records = [
        _record("Txt", text="v=spf1"), _record("Mx", mailExchange=NEW, preference=10, ttl=60), "no record",
        _record("Mx", mailExchange=f"{OURS}.", preference=0, ttl=3600), _record("Mx", mailExchange=None),
    ]  # fmt: skip
    find, paths = graph_of(200, {"value": records})

    assert MxHosts((OURS, NEW), 3600.0) == asyncio.run(find())
    assert ["/v1.0/domains/contoso.com/serviceConfigurationRecords"] == paths


@pytest.mark.parametrize(
    ("status", "body", "row"),
    [
        (200, {"value": []}, "no-mx-host"),
        (200, b"<html>a proxy's page</html>", "no-mx-host"),
        (404, {"error": {"code": "Request_ResourceNotFound", "message": "no such domain"}}, "no-mx-host"),
        (
            403,
            {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}},
            "graph-",
        ),
        (401, {"error": {"code": "InvalidAuthenticationToken", "message": "no"}}, "graph-"),
        (418, b"", "no-mx-host"),
    ],
)
def test_a_no_of_graph_is_for_a_person_and_fails_no_mail(status: int, body: Any, row: str) -> None:
    """Whatever it says, the mail waits for somebody who heals it."""
    find, _ = graph_of(status, body)
    with pytest.raises(CannotOpen) as error:
        asyncio.run(find())
    outcome = error.value.outcome

    assert (Kind.DEFERRED, Class.CONFIGURATION) == (outcome.kind, outcome.klass)
    assert outcome.row.startswith(row)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_graph_that_is_unwell_passes(status: int) -> None:
    """It is asked again, and the last answer holds."""
    find, _ = graph_of(status, b"")
    with pytest.raises(TransportError):
        asyncio.run(find())


def test_the_road_goes_where_it_was_found_and_closes_what_it_used() -> None:
    """A message is delivered to the host of the answer; close() ends what looked it up, too."""
    ended: list[bool] = []

    async def run() -> tuple[Kind, str]:
        async with remote() as far:

            async def here(host: str) -> Remote:
                return Remote(host, far.port, "relay.test", "none", source="127.0.0.1")

            async def end() -> None:
                ended.append(True)

            place = MxHost(Script(MxHosts(("localhost",), 300.0)), here, FakeClock())
            judges = Judges(outcome_of, outcome_of_token)
            road = Connector("connector", Wire(place, None, judges), LaneLimits(1, recipients=200), end)
            (outcome,) = await road.deliver(consignment(InMemory(b"Subject: x\r\n\r\n")))
            await road.close()
            return outcome.kind, road.lane

    assert (Kind.DELIVERED, "connector") == asyncio.run(run())
    assert [True] == ended
