"""Once for each cause and channel, again when it gets worse or a day has gone, once when healed; over restarts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.ledger import (
    AGAIN,
    ALERT,
    ALL,
    FILE,
    HEALED,
    HEALED_AFTER_S,
    MUTES_FILE,
    Ledger,
    mute,
    mutes_in,
    read_object,
)

DAY = 86_400.0
HOOK = ("webhook",)
BAD = Cause("disk", "critical", "the disk is full", "why", "do")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, DAY)


def _tell(ledger: Ledger, now: float, channels: tuple[str, ...] = HOOK) -> list[tuple[str, str]]:
    """Everything that is due is taken."""
    found = ledger.due(channels, {}, now)
    for due in found:
        ledger.told(due, now)
    ledger.tidy(now, channels)
    return [(due.channel, due.state) for due in found]


def test_a_cause_is_told_once_and_its_healing_once(ledger: Ledger) -> None:
    """However often it is seen; it is healed when it has been gone for a minute."""
    for now in range(0, 600, 5):
        ledger.see([BAD], float(now))
        assert ([("webhook", ALERT)] if now == 0 else []) == _tell(ledger, float(now))
    ledger.see([], 600.0)
    assert [] == _tell(ledger, 600.0 + HEALED_AFTER_S - 1)
    assert [("webhook", HEALED)] == _tell(ledger, 600.0 + HEALED_AFTER_S)

    assert ({}, ["disk"]) == (ledger.open, [one["key"] for one in ledger.old])
    assert [] == _tell(ledger, 700.0)


def test_what_comes_back_soon_was_not_healed(ledger: Ledger) -> None:
    """A flapping line is one alert."""
    ledger.see([BAD], 0.0)
    _tell(ledger, 0.0)
    for now in (10.0, 20.0, 30.0, 40.0):
        ledger.see([BAD] if now % 20 == 0 else [], now)
        assert [] == _tell(ledger, now)


def test_it_is_said_again_daily_and_when_it_gets_worse(ledger: Ledger) -> None:
    """A day's budget at 80 %, then at 95 %; and once a day while it lasts."""
    ledger.see([BAD._replace(level=1)], 0.0)
    assert [("webhook", ALERT)] == _tell(ledger, 0.0)
    ledger.see([BAD._replace(level=2)], 100.0)
    assert [("webhook", AGAIN)] == _tell(ledger, 100.0)
    ledger.see([BAD._replace(level=1)], 200.0)
    assert [] == _tell(ledger, DAY)
    assert [("webhook", AGAIN)] == _tell(ledger, 100.0 + DAY)


def test_each_channel_is_told_for_itself(ledger: Ledger) -> None:
    """One that failed is still due; the other is not bothered."""
    ledger.see([BAD], 0.0)
    first, second = ledger.due(("webhook", "mail"), {}, 0.0)
    ledger.told(first, 0.0)

    assert [second.channel] == [one.channel for one in ledger.due(("webhook", "mail"), {}, 5.0)]


def test_what_nobody_was_told_of_is_not_told_to_be_healed(ledger: Ledger) -> None:
    """It came and went while the channel did not work."""
    ledger.see([BAD], 0.0)
    ledger.see([], 10.0)

    assert [] == _tell(ledger, 10.0 + HEALED_AFTER_S)
    assert {} == ledger.open


def test_a_restart_tells_nothing_twice(ledger: Ledger, tmp_path: Path) -> None:
    """The ledger is read back: causes, what was told, devices, marks, and history."""
    ledger.see([BAD], 0.0)
    _tell(ledger, 0.0)
    ledger.heard, ledger.marks = {"ups": 7.0}, {"since": 1.0}
    ledger.save()
    later = Ledger(tmp_path, DAY)
    later.load()
    later.see([BAD], 50.0)

    assert [] == _tell(later, 50.0)
    assert (0.0, {"ups": 7.0}, {"since": 1.0}) == (later.open["disk"].since_at, later.heard, later.marks)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"open": 3}', '{"open": [{"cause": []}]}', '{"open": [{}]}']
)
def test_a_damaged_file_is_an_empty_one(ledger: Ledger, tmp_path: Path, text: str) -> None:
    """Then everything is told again, which is better than nothing."""
    (tmp_path / FILE).write_text(text)
    ledger.load()

    assert {} == ledger.open


def test_a_mute_holds_its_time_and_what_is_wrong_then_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """One key, or everything."""
    ledger.see([BAD, BAD._replace(key="other")], 0.0)
    mute(tmp_path, "disk", 100.0, 0.0)
    assert ["other"] == [one.entry.cause.key for one in ledger.due(HOOK, mutes_in(tmp_path, 5.0), 5.0)]
    mute(tmp_path, ALL, 200.0, 5.0)
    assert [] == ledger.due(HOOK, mutes_in(tmp_path, 6.0), 6.0)

    assert 2 == len(ledger.due(HOOK, mutes_in(tmp_path, 200.0), 200.0))


def test_a_mute_that_is_over_leaves_the_file(tmp_path: Path) -> None:
    """And one that ends now ends."""
    mute(tmp_path, "a", 10.0, 0.0)
    mute(tmp_path, "b", 90.0, 50.0)
    assert {"b": 90.0} == read_object(tmp_path / MUTES_FILE)
    mute(tmp_path, "b", 60.0, 60.0)

    assert {} == mutes_in(tmp_path, 60.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), max_size=60))
def test_alerts_and_healings_alternate(story: list[tuple[bool, int]]) -> None:
    """Whatever comes and goes: never two alerts without a healing between them, nor two healings."""
    ledger, now, said = Ledger(Path(), 1e9), 0.0, []
    for is_bad, pause_s in story:
        now += pause_s
        ledger.see([BAD] if is_bad else [], now)
        said += [state for _, state in _tell(ledger, now)]

    assert all(one != other for one, other in pairwise(said))
    assert set(said) <= {ALERT, HEALED}
    assert said[:1] in ([], [ALERT])
