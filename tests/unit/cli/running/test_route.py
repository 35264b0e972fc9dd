"""`relay365 route`: which way, and why not the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.mail import put
from relay365.clock import SystemClock
from relay365.spool.api import LaneNote

RULES = """
[[route]]
kind = "smarthost"
name = "second"
host = "127.0.0.1:2627"
tls = "none"
[[route]]
kind = "hve"
managed_identity = "system"
mailbox = "h@contoso.com"
domains = "contoso.com"
[[rule]]
name = "large"
larger_than = "10M"
routes = ["hve", "second"]
"""


def _with_rules(desk: Any) -> None:
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + RULES, "utf-8")


def test_explain_names_the_rule_the_order_and_why_not_the_others(desk: Any) -> None:
    """One object for each recipient."""
    _with_rules(desk)
    small, large = (
        desk.objects("route", "explain", "--from", "a@contoso.com", "--to", "l@fabrikam.com", "--size", size)[
            0
        ]
        for size in ("1000", "20000000")
    )

    assert (None, ["smarthost", "second"]) == (small["rule"], [one["route"] for one in small["routes"]])
    assert [{"rule": "large", "why": "it has 1000 octets"}] == small["passed_over"]
    assert ["it would send as another mailbox than smarthost, and no [[rule]] says that it may"] == [
        one["why"] for one in small["not"]
    ]
    assert ("large", "second") == (large["rule"], large["takes"])
    assert {"hve": "20000000 octets are more than its 10000000", "smarthost": "large does not name it"} == {
        one["route"]: one["why"] for one in large["not"]
    }


@pytest.mark.parametrize(
    ("shut_s", "held", "takes", "code"),
    [
        (60.0, "", "smarthost", 0),
        (60.0, "535 5.7.3 no", "smarthost", 1),
        (1000.0, "", "second", 0),
        (1000.0, "535 5.7.3 no", "second", 1),
    ],
)
def test_explain_waits_for_the_first_route_as_long_as_the_service_does(
    shut_s: float, held: str, takes: str, code: int, desk: Any
) -> None:
    """Fifteen minutes decide, and not whether a person must heal it or nobody; exit 1 where a person must."""
    _with_rules(desk)
    since_at = SystemClock().now() - shut_s
    note = LaneNote("smarthost", held, "transient", "cannot-connect", since_at, since_at + 3600)
    desk.spool(lambda spool: spool.note_lane(note))
    result = desk.run("route", "explain", "--to", "l@fabrikam.com", "--json")

    assert (takes, code) == (json.loads(result.stdout)["takes"], result.exit_code)


def test_explain_knows_when_no_route_is_open(desk: Any) -> None:
    """All have been shut for long: the mail would be queued and wait, and that is said."""
    _with_rules(desk)
    for lane in ("smarthost", "second"):
        note = LaneNote(lane, "", "transient", "cannot-connect", SystemClock().now() - 1000.0)
        desk.spool(lambda spool, note=note: spool.note_lane(note))
    result = desk.run("route", "explain", "--to", "l@fabrikam.com")

    assert 1 == result.exit_code
    assert "nothing can take it now" in result.output


SOONEST = """
[[route]]
kind = "smarthost"
name = "slow"
host = "127.0.0.1:2627"
tls = "none"
per_minute = 30
[[route]]
kind = "smarthost"
name = "fast"
host = "127.0.0.1:2628"
tls = "none"
per_minute = 60
[[rule]]
name = "bulk"
priority = "bulk"
routes = ["slow", "fast"]
choose = "soonest"
[[rule]]
name = "others"
routes = ["slow", "fast"]
"""


def _soonest(desk: Any, n_slow: int, n_fast: int, *notes: LaneNote) -> dict[str, Any]:
    """What is said of bulk mail with so much waiting in the two lanes."""
    file = desk.directory / "relay365.toml"
    file.write_text(file.read_text("utf-8") + SOONEST, "utf-8")

    async def fill(spool: Any) -> None:
        for lane, n in (("slow", n_slow), ("fast", n_fast)):
            for _ in range(n):
                await put(spool, SystemClock(), lane=lane)
        for note in notes:
            await spool.note_lane(note)

    desk.spool(fill)
    (found,) = desk.objects("route", "explain", "--to", "l@fabrikam.com", "--priority", "bulk")
    return dict(found)


@pytest.mark.parametrize(
    ("n_slow", "n_fast", "takes"), [(0, 0, "slow"), (1, 5, "slow"), (5, 5, "fast"), (3, 2, "fast")]
)
def test_soonest_is_where_the_message_would_start_first(
    n_slow: int, n_fast: int, takes: str, desk: Any
) -> None:
    """Two seconds for each that waits in the one, one second in the other; alike, the first that is named."""
    found = _soonest(desk, n_slow, n_fast)

    assert ("soonest", takes) == (found["choose"], found["takes"])
    assert {"slow": 2.0 * n_slow, "fast": 1.0 * n_fast} == {
        one["route"]: pytest.approx(one["lanes"][0]["starts_in_s"], abs=0.1) for one in found["routes"]
    }


@pytest.mark.parametrize(("shut_s", "takes"), [(60.0, "slow"), (1000.0, "fast")])
def test_soonest_never_takes_a_route_that_is_shut(shut_s: float, takes: str, desk: Any) -> None:
    """However soon it would start there; one that is unwell for less than fifteen minutes is reckoned with."""
    now = SystemClock().now()
    note = LaneNote("slow", "", "transient", "cannot-connect", now - shut_s, now - 1)

    assert takes == _soonest(desk, 0, 40, note)["takes"]


def test_soonest_is_for_the_mail_of_its_rule_alone(desk: Any) -> None:
    """Other mail takes the first route that is well, and nothing is reckoned for it; a person is told which it is."""
    _soonest(desk, 5, 5)
    (other,) = desk.objects("route", "explain", "--to", "l@fabrikam.com")
    text = desk.run("route", "explain", "--to", "l@fabrikam.com", "--priority", "bulk").output

    assert ("order", "slow", None) == (
        other["choose"],
        other["takes"],
        other["routes"][0]["lanes"][0]["starts_in_s"],
    )
    assert "else   slow  well, starts in 10 s" in text
    assert "takes  fast  well, starts in 5 s" in text
    assert "shut for 15 min" not in text


@pytest.mark.parametrize(("held", "code"), [("slow", 0), ("fast", 1)])
def test_soonest_needs_a_person_only_where_its_own_route_does(held: str, code: int, desk: Any) -> None:
    """The exit code is of the route that takes it, and not of the first one in the file."""
    note = LaneNote(held, "535 5.7.3 no", "configuration", "auth-refused", SystemClock().now())
    _soonest(desk, 5, 0, note)
    result = desk.run("route", "explain", "--to", "l@fabrikam.com", "--priority", "bulk")

    assert code == result.exit_code


def test_list_shows_every_lane_and_its_state(desk: Any) -> None:
    """In the order of the file."""
    _with_rules(desk)

    assert [("smarthost", ["smarthost"]), ("second", ["second"]), ("hve", ["hve/h@contoso.com"])] == [
        (one["route"], [lane["lane"] for lane in one["lanes"]]) for one in desk.objects("route", "list")
    ]


def test_words_are_for_a_person(desk: Any) -> None:
    """The rule, the route that takes it, the next one, and when that would be."""
    _with_rules(desk)
    text = desk.run("route", "explain", "--to", "l@fabrikam.com").output

    assert "takes  smarthost  well" in text
    assert "then   second  well" in text
    assert "shut for 15 min" in text
    assert "not    large: it has 0 octets" in text


def test_config_check_warns_of_a_route_that_no_mail_can_take(desk: Any) -> None:
    """Another mailbox, and no rule that says that it may: it would wait for mail for ever."""
    file = desk.directory / "relay365.toml"
    other = '[[route]]\nkind = "submission"\nmanaged_identity = "system"\nmailbox = "h@contoso.com"\n'
    file.write_text(file.read_text("utf-8") + other, "utf-8")
    (found,) = desk.objects("config", "check")

    assert ["route submission is never used"] == [w[:30] for w in found["warnings"] if "never used" in w]
