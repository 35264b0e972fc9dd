"""Who asks about mail that Microsoft took: readers from the configuration, and the lanes that a limit shuts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.app.roads import build_routes, site_of
from relay365.app.ways.fates import limit_of, readers_of
from relay365.config import parse
from relay365.engine.fates.watch import Desk
from relay365.engine.lane import lanes_of
from relay365.errors import ConfigError
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.spool.memory import MemorySpool

HEAD = """\
[server]
data = "data"
[[listener]]
address = "127.0.0.1:2525"
[[allow]]
network = "127.0.0.0/8"
"""
SIGN_IN = """\
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "secret" }
"""
TWO_ROADS = f"""{HEAD}
[[route]]
name = "main"
kind = "submission"
mailbox = "scan@contoso.com"
trace = true
read_reports = true
{SIGN_IN}
[[route]]
name = "bulk"
kind = "graph"
mailboxes = ["one@contoso.com", "Scan@contoso.com"]
trace = true
read_reports = true
{SIGN_IN}
[[route]]
name = "quiet"
kind = "submission"
mailbox = "quiet@contoso.com"
{SIGN_IN}
"""


def built(text: str, folder: Path) -> Any:
    """Routes and readers of a file."""
    (folder / "secret").write_text("s3cret")
    config, clock = parse(text, "relay365.toml"), FakeClock()
    site = site_of(config, folder)
    routes = build_routes(config, folder, site)
    return SimpleNamespace(
        config=config, clock=clock, routes=routes, site=site, readers=readers_of(config, routes, site, clock)
    )


def test_an_application_has_one_trace_and_each_mailbox_one_reader(tmp_path: Path) -> None:
    """Two roads of one application share its calls; a mailbox of both is read once; who did not ask is left alone."""
    house = built(TWO_ROADS, tmp_path)
    lanes = ["main/scan@contoso.com", "bulk/one@contoso.com", "bulk/Scan@contoso.com"]
    desk = Desk(MemorySpool(house.clock), house.clock)

    assert lanes == list(house.readers.traces)
    assert 1 == len(set(house.readers.traces.values()))
    assert [
        f"message trace of {', '.join(lanes)}",
        "reports in scan@contoso.com",
        "reports in one@contoso.com",
    ] == [watch.name for watch in house.readers.watches(desk)]
    assert 1 == len(house.site.graph_places)


def test_without_a_wish_nothing_is_asked(tmp_path: Path) -> None:
    """The default is to ask nothing."""
    house = built(TWO_ROADS.replace("= true", "= false"), tmp_path)

    assert ({}, ()) == (house.readers.traces, house.readers.reports)
    assert [] == house.readers.watches(Desk(MemorySpool(house.clock), house.clock))


def test_a_route_without_sign_in_cannot_ask(tmp_path: Path) -> None:
    """A password opens no Graph: said before anything starts."""
    text = f"""{HEAD}
[[route]]
kind = "submission"
mailbox = "scan@contoso.com"
password = {{ file = "secret" }}
trace = true
"""
    with pytest.raises(ConfigError, match="route submission"):
        built(text, tmp_path)


@pytest.mark.parametrize(
    ("scope", "shut"),
    [(Scope.MAILBOX, ["main/scan@contoso.com", "bulk/Scan@contoso.com"]), (Scope.TENANT, ["all"])],
)
def test_a_limit_shuts_every_lane_that_shares_it(tmp_path: Path, scope: Scope, shut: list[str]) -> None:
    """By whatever road: those of the mailbox, or those of the tenant; no other, and none for an unknown lane."""
    house = built(TWO_ROADS, tmp_path)
    lanes = lanes_of(house.routes, FakeClock())
    tell = limit_of(house.config, lanes, house.clock)
    tell("gone", Outcome(Kind.DEFERRED, scope, Class.RATE_LIMIT))
    assert [] == [name for name, lane in lanes.items() if lane.health.gate_until]

    tell("main/scan@contoso.com", Outcome(Kind.DEFERRED, scope, Class.RATE_LIMIT, retry_after_s=3600.0))
    closed = [name for name, lane in lanes.items() if lane.health.gate_until > house.clock.mono() + 3000]
    assert (list(lanes) if shut == ["all"] else shut) == closed
