"""What a message waits for, in words: a budget and how long about, a gate, a hold; nothing where nothing keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

import pytest

from relay365.cli.queues.waits import Wait, waits_of
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.spool.api import LaneNote, MessageView, RecipientView, State

LANE, NOW = "submission/scan@contoso.com", 1_000_000.0
NUMBERS = count(1)


def waiting(priority: str = "normal", *, due_at: float = NOW - 5, state: State = State.QUEUED) -> MessageView:
    facts = SubmitterFacts("l", "192.0.2.9", priority=priority)
    one = RecipientView(
        0,
        "a@x.test",
        state,
        LANE,
        0,
        due_at,
        "",
        "",
        "",
        possible_duplicate=False,
        settled_at=None,
        remote_id="",
    )
    n = next(NUMBERS)
    return MessageView(
        SpoolId(f"m{n}"), NOW - 100 + n, NOW + 1e6, 2000, "scan@contoso.com", "", "", facts, (one,)
    )


def note(*budgets: dict[str, object], **facts: object) -> dict[str, LaneNote]:
    return {LANE: LaneNote(LANE, budgets=json.dumps(budgets), **facts)}  # type: ignore[arg-type]


def budget(
    name: str, limit: int, window_s: float, opens_in_s: float | None, foreign: int = 0
) -> dict[str, object]:
    opens_at = None if opens_in_s is None else NOW + opens_in_s
    return {
        "name": name, "used": limit, "limit": limit, "window_s": window_s, "opens_at": opens_at, "foreign": foreign,
    }  # fmt: skip


def test_a_full_minute_says_how_long_by_what_stands_before() -> None:
    """The first has its place in ten seconds, the hundred and twentieth four minutes later."""
    views = [waiting() for _ in range(121)]
    found = waits_of(views, note(budget("messages", 30, 60.0, 10.0)), NOW)

    assert Wait("waits for scan@contoso.com: 30 a minute, about 10 s", 10.0) == found[views[0].spool_id]
    assert Wait("waits for scan@contoso.com: 30 a minute, about 4 min", 250.0) == found[views[-1].spool_id]


def test_an_alarm_does_not_stand_behind_a_newsletter() -> None:
    """However long that waits already."""
    letters, alarm = [waiting("bulk") for _ in range(50)], waiting("alarm")
    found = waits_of([*letters, alarm], note(budget("messages", 30, 60.0, 10.0)), NOW)

    assert 10.0 == found[alarm.spool_id].about_s
    assert 12.0 == found[letters[0].spool_id].about_s


@pytest.mark.parametrize(
    ("budgets", "text"),
    [
        ([budget("recipients", 10_000, 86_400.0, 7200.0)], "10,000 recipients a day, about 2 h"),
        (
            [budget("messages", 30, 60.0, 5.0), budget("external", 9_500, 86_400.0, 3600.0)],
            "9,500 external recipients of the tenant a day, about 1 h",
        ),
        ([budget("messages-3600s", 100, 3600.0, 600.0)], "100 an hour, about 10 min"),
        ([budget("messages", 30, 60.0, 30.0, foreign=12)], "30 a minute, 12 of them used by others, about 30 s"),
        ([budget("at-once", 4, 0.0, None)], "4 at once"),
    ],
)  # fmt: skip
def test_each_budget_has_its_words(budgets: list[dict[str, object]], text: str) -> None:
    """The tightest one is named."""
    view = waiting()

    assert f"waits for scan@contoso.com: {text}" == waits_of([view], note(*budgets), NOW)[view.spool_id].text


def test_gates_and_holds_are_named() -> None:
    """Who asked for the pause, and what must be healed."""
    view = waiting()
    gate = waits_of([view], note(gate_until_at=NOW + 120.0, klass="rate-limit"), NOW)[view.spool_id]
    hold = waits_of([view], note(held="535 5.7.3 no", gate_until_at=NOW + 60.0), NOW)[view.spool_id]

    assert Wait("waits for scan@contoso.com: Microsoft asked to wait, about 2 min", 120.0) == gate
    assert Wait("waits until scan@contoso.com is healed: 535 5.7.3 no", None) == hold


def test_nothing_is_said_of_what_nothing_keeps() -> None:
    """Not due yet, on its way, a lane with room, a lane that nobody has written about."""
    view, room = waiting(), note(budget("messages", 30, 60.0, 0.0))

    assert {} == waits_of([waiting(due_at=NOW + 60.0), waiting(state=State.CLAIMED)], room, NOW)
    assert {} == waits_of([view], room, NOW)
    assert {} == waits_of([view], {}, NOW)


YIELDED = [
    ("bulk", "", "hours", "bulk mail has its hours, about 3 h"),
    ("bulk", "", "pace", "bulk mail is spread over its hours, or the day, about 3 h"),
    ("bulk", "", "reserve", "bulk mail leaves the rest of the day to others, about 3 h"),
    (
        "normal",
        "192.0.2.9",
        "share",
        "192.0.2.9 has had its share of the day, and leaves the rest to others, about 3 h",
    ),
]


@pytest.mark.parametrize(("priority", "client", "why", "text"), YIELDED)
def test_what_is_left_to_others_is_said(priority: str, client: str, why: str, text: str) -> None:
    """Of the mail that leaves it, whatever else is full; nothing of other mail."""
    entry = {"name": "yields", "client": client, "why": why, "opens_at": NOW + 10_800.0}
    mine, other = waiting(priority), waiting("alarm")
    other = replace(other, submitter=replace(other.submitter, peer_address="192.0.2.10"))
    found = waits_of([mine, other], note(entry, budget("messages", 30, 60.0, 10.0)), NOW)

    assert Wait(f"waits for scan@contoso.com: {text}", 10_800.0) == found[mine.spool_id]
    assert "30 a minute" in found[other.spool_id].text
    alone = waits_of([mine, other], note({**entry, "opens_at": None}), NOW)
    assert {mine.spool_id: Wait(f"waits for scan@contoso.com: {text.rpartition(',')[0]}", None)} == alone
