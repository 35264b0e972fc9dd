"""`relay365 route`: which way, and why not the others."""

from __future__ import annotations

from typing import Any

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
