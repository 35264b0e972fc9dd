"""The plan of difference: both files in, what changes out."""

from __future__ import annotations

import pytest

from relay365.app.live.plan import Change, Plan, difference, effective, named_listeners
from relay365.config import Config, parse

FILE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[listener]]
address = "127.0.0.1:26"
[[allow]]
network = "192.168.10.0/24"
[[route]]
kind = "smarthost"
name = "one"
host = "one.test:25"
[[route]]
kind = "smarthost"
name = "two"
host = "two.test:25"
"""


def _config(*changes: tuple[str, str], more: str = "") -> Config:
    text = FILE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse(text + more, "x.toml")


def _marks(config: Config) -> dict[str, object]:
    return dict(zip(config.route_names(), config.route, strict=True))


def _plan(old: Config, new: Config) -> Plan:
    return difference(old, new, (_marks(old), _marks(new)))  # type: ignore[arg-type]


def test_the_same_file_changes_nothing() -> None:
    """No line, and mail that waits is not looked at."""
    plan = _plan(_config(), _config())

    assert [] == plan.words()
    assert not plan.reroutes
    assert ("127.0.0.1:25", "127.0.0.1:26") == plan.listeners.same


def test_listeners_and_routes_come_go_and_change() -> None:
    """Each by its name; the order is that of the file."""
    new = _config(
        ('address = "127.0.0.1:25"', 'address = "127.0.0.1:25"\nrequire_auth = true'),
        ('"127.0.0.1:26"', '"127.0.0.1:27"'), ('"one.test:25"', '"other.test:25"'), ('"two"', '"three"'),
    )  # fmt: skip
    plan = _plan(_config(), new)

    assert Change((), ("127.0.0.1:25",), ("127.0.0.1:27",), ("127.0.0.1:26",)) == plan.listeners
    assert Change((), ("one",), ("three",), ("two",)) == plan.routes
    assert plan.reroutes
    assert [
        "listener 127.0.0.1:25 changed", "listener 127.0.0.1:27 added", "listener 127.0.0.1:26 removed",
        "route one changed", "route three added", "route two removed",
    ] == plan.words()  # fmt: skip


@pytest.mark.parametrize(
    ("more", "heading", "reroutes"),
    [
        ('[[user]]\nname = "a"\npassword_hash = "x"\n', "[[user]]", False),
        ('[repair]\ndate = "none"\n', "[repair]", False),
        ('[[device]]\nname = "d"\nmatch = { login = "a" }\n', "[[device]]", False),
        ("[tolerate]\nearly_talk = false\n", "[tolerate]", False), ('[log]\nlevel = "debug"\n', "[log]", False),
        ('[alerts]\nqueue_age = "2h"\n', "[alerts]", False), ('[queue]\nretry = ["5s"]\n', "[queue]", False),
        ('[sender]\ndomains = ["contoso.com"]\n', "[sender]", True), ('[[rule]]\nroutes = ["two"]\n', "[[rule]]", True),
    ],
)  # fmt: skip
def test_other_tables_by_their_heading(more: str, heading: str, reroutes: bool) -> None:
    """As they stand in the file; only what decides about ways lets mail that waits be looked at."""
    plan = _plan(_config(), _config(more=more))

    assert ([f"{heading} changed"], (), reroutes) == (plan.words(), plan.restart, plan.reroutes)


def test_what_only_a_restart_changes() -> None:
    """It is named, keeps its old value, and is no change of its table; the rest of the table holds."""
    old, new = (
        _config(),
        _config(
            ('"./data"', '"./other"\nmax_sessions = 5'), more='[queue]\ndisk_floor = "1M"\ndisk_share = 50\n'
        ),
    )
    plan, kept = _plan(old, new), effective(old, new)

    assert (("[server] data", "[queue] disk_floor", "[queue] disk_share"), ("[server]",)) == (
        plan.restart,
        plan.tables,
    )
    assert ("./data", 5, old.queue.disk_floor) == (
        kept.server.data, kept.server.max_sessions, kept.queue.disk_floor,
    )  # fmt: skip
    assert new.listener == kept.listener


def test_another_order_of_routes_is_a_change_of_ways() -> None:
    """Without a rule the first one takes the mail."""
    old, new = _config(), _config()
    swapped = dict(reversed(list(_marks(new).items())))
    plan = difference(old, new, (_marks(old), swapped))  # type: ignore[arg-type]

    assert ([], True) == (plan.words(), plan.reroutes)


def test_an_address_of_any_port_may_stand_twice() -> None:
    """Then a number tells them apart."""
    config = _config(('"127.0.0.1:25"', '"127.0.0.1:0"'), ('"127.0.0.1:26"', '"127.0.0.2:0"'))
    twice = (*config.listener, config.listener[0])

    assert ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0 (2)"] == list(named_listeners(twice))


def test_the_plan_as_an_object() -> None:
    """What --json shows of it."""
    plan = _plan(_config(), _config(('"./data"', '"./other"'), ('"two"', '"three"')))

    assert {
        "listeners": {"changed": [], "added": [], "removed": []},
        "routes": {"changed": [], "added": ["three"], "removed": ["two"]},
        "tables": [],
        "needs_restart": ["[server] data"],
    } == plan.as_object()
