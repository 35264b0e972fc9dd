"""The words of the screen, one by one; whole screens are in tests/golden/screens."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.running.screen.lines import is_overdue, lines_of

GOLDEN = Path(__file__).parents[4] / "golden" / "screens" / "one-tenant.txt"


def _facts(**changes: Any) -> dict[str, Any]:
    text = GOLDEN.read_text("utf-8").partition("--- facts\n")[2].partition("--- screen\n")[0]
    return {**json.loads(text), **changes}


def _line(label: str, **changes: Any) -> str:
    found = [line for line in lines_of(_facts(**changes)) if line.startswith(f"  {label:<11}")]
    return found[0][14:] if found else ""


@pytest.mark.parametrize(
    ("up_s", "words"),
    [
        (30.0, "up 30 s"),
        (3_700.0, "up 1 h 1 m"),
        (90_000.0, "up 1 d 1 h"),
        (None, "running"),
        (120.0, "up 2 m"),
    ],
)
def test_how_long_it_is_up(up_s: float | None, words: str) -> None:
    """The two largest units; a service that has not said is running."""
    head, *_ = lines_of(_facts(up_s=up_s), plain=True)

    assert f"relay365 1.0 on srv-relay.contoso.com, {words}: FINE" == head


def test_banners_come_first() -> None:
    """What a person has ordered stands below the head; an empty one is no line."""
    assert "  FROZEN until noon" == list(lines_of(_facts(), ("FROZEN until noon", "")))[1]


def test_a_relay_that_drains_takes_no_mail() -> None:
    """That is what the line about accepting says."""
    assert _line("accepting", draining={"until": "x"}).startswith(
        "NO MAIL on 25 587 465 on 192.168.10.5   3 sessions"
    )


def test_one_session_and_one_device_are_singular() -> None:
    """Grammar."""
    assert "1 session now" in _line("accepting", sessions={"now": 1, "limit": 5})
    assert "1 device, review by 2027-06-30" == _line(
        "legacy TLS", legacy={**_facts()["legacy"], "devices": 1}
    )


def test_a_gateway_is_one_line() -> None:
    """Without a sign of one there is none."""
    gateway = {"what": "everybody who was heard came from one address, 172.17.0.1"}

    assert "everybody who was heard came from one address, 172.17.0.1: relay365 doctor lan" == _line(
        "gateway", gateway=gateway
    )
    assert "" == _line("gateway")


def test_words_of_a_remote_are_fit_for_a_terminal() -> None:
    """No control character reaches it, and a row that nobody knows is quoted for a shell."""
    lane = {**_facts()["lanes"][0], "held": "599 \x1b[31mit's", "row": None, "class": "x", "since": None}
    shown = "\n".join(lines_of(_facts(lanes=[lane])))

    assert "HELD for 0 s: submission/scan@contoso.com: 599 ?[31mit's" in shown
    assert "relay365 explain '599 ?[31mit'\"'\"'s'" in shown


def test_use_by_others_counts() -> None:
    """It is told, and brings a budget near its limit."""
    (box,) = _facts()["mailboxes"]
    pairs = {**box["budgets"][2], "used": 10, "foreign": 20}
    (first, *_) = [
        one for one in lines_of(_facts(mailboxes=[{**box, "budgets": [pairs]}])) if "Microsoft" in one
    ]

    assert first.startswith("  Microsoft   10 (others 20) of 33 pairs")


@pytest.mark.parametrize(("name", "window_s", "words"), [
    ("messages", 60.0, "29 of 30 per minute"), ("messages", 3_600.0, "29 of 30 in 1 h"),
    ("messages-3600s", 3_600.0, "29 of 30 in 1 h"), ("recipients", 86_400.0, "29 of 30 recipients/24 h"),
    ("requests", 600.0, "29 of 30 requests"),
])  # fmt: skip
def test_each_budget_has_its_unit(name: str, window_s: float, words: str) -> None:
    """As a person reads it."""
    (box,) = _facts()["mailboxes"]
    budget = {**box["budgets"][0], "name": name, "window_s": window_s, "used": 29}

    assert f"{words}   1 of 3 connections" == _line("Microsoft", mailboxes=[{**box, "budgets": [budget]}])


def test_many_tenants_show_only_what_nears_a_limit() -> None:
    """Five of them are told as one that is nearly used up."""
    budget = _facts()["tenants"][0]["budgets"][0]
    tenants = [{"tenant": f"t{n}.test", "budgets": [{**budget, "used": 16_000 * (n == 3)}]} for n in range(5)]
    shown = "\n".join(lines_of(_facts(tenants=tenants)))

    assert "t3.test: 16,000 of 16,113 outside/24 h" in shown
    assert "t1.test" not in shown


def test_ways_that_are_not_in_the_file_are_not_shown() -> None:
    """Unless they are held."""
    lane = _facts()["lanes"][0]
    gone = {**lane, "lane": "gone", "configured": False}
    shown = "\n".join(lines_of(_facts(lanes=[lane, gone])))

    assert "gone" not in shown
    assert "gone" in "\n".join(lines_of(_facts(lanes=[lane, {**gone, "held": "535 no"}])))


@pytest.mark.parametrize(
    ("day", "found"), [("2026-11-25", True), ("2026-11-26", False), ("2020-01-01", True)]
)
def test_a_review_is_due_on_its_day(day: str, found: bool) -> None:
    """Not a day earlier."""
    assert found is is_overdue(day, date(2026, 11, 25))
