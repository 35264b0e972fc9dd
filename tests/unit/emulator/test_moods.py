"""Moods: their bounds, whom they hold for, and the one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.moods import KINDS, Moods, table

MANUAL = Path(__file__).parents[3] / "docs" / "emulator.md"


@pytest.fixture
def moods(clock: FakeClock) -> Moods:
    return Moods(clock)


def test_count_bounds(moods: Moods) -> None:
    """A mood strikes as often as counted and is gone then."""
    moods.add({"name": "quota", "count": 2})

    assert [True, True, False] == [moods.strike("quota") is not None for _ in range(3)]
    assert [] == moods.active()


def test_time_bounds(moods: Moods, clock: FakeClock) -> None:
    """A mood is gone when its time is over, and tells until when it lasts."""
    moods.add({"name": "outage", "for_s": 10})
    clock.pass_s(4.0)

    assert 6.0 == moods.next_end_s()
    assert moods.find("outage") is not None
    clock.pass_s(6.0)
    assert (None, None) == (moods.find("outage"), moods.next_end_s())


def test_after_waits_for_messages(moods: Moods) -> None:
    """A mood with `after` begins when so many messages were accepted; for a mailbox only its own count."""
    moods.add({"name": "quota", "after": 2, "mailbox": "Scan@contoso.com"})
    moods.accepted("erp@contoso.com")
    moods.accepted("scan@contoso.com")

    assert moods.strike("quota", "scan@contoso.com") is None
    moods.accepted("SCAN@contoso.com")
    assert moods.strike("quota", "scan@contoso.com") is not None


def test_find_does_not_count(moods: Moods) -> None:
    """Looking for a mood leaves its count alone."""
    moods.add({"name": "lie", "count": 1})

    assert moods.find("lie") is moods.find("lie")
    assert moods.strike("lie") is not None


def test_a_mailbox_of_its_own(moods: Moods) -> None:
    """A mood of one mailbox does not hold for another, nor before anybody has signed in."""
    moods.add({"name": "slow", "mailbox": "scan@contoso.com"})

    found = [moods.find("slow", address) for address in ("scan@contoso.com", "erp@contoso.com", "")]

    assert [True, False, False] == [one is not None for one in found]


def test_values_choose(moods: Moods) -> None:
    """Among moods of one kind the one with the asked value is found, the oldest first."""
    moods.add({"name": "outage", "how": "greeting"})
    moods.add({"name": "outage", "how": "proxy"})

    assert "proxy" == moods.strike("outage", how="proxy").word("how")  # type: ignore[union-attr]
    assert moods.find("outage", how="refuse") is None
    assert "greeting" == moods.find("outage").word("how")  # type: ignore[union-attr]


def test_changes_are_told(moods: Moods) -> None:
    """Coming, beginning after messages, running out and being taken back are all told."""
    told: list[str] = []
    moods.changed = lambda: told.append("changed")
    moods.add({"name": "quota", "after": 1, "count": 1})
    moods.accepted("scan@contoso.com")
    moods.strike("quota")
    number = moods.add({"name": "full"}).number

    assert (4, True, False) == (len(told), moods.remove(number), moods.remove(number))
    assert 5 == len(told)


def test_clear(moods: Moods) -> None:
    """All can be taken back at once."""
    for name in ("quota", "full", "outage"):
        moods.add({"name": name})
    moods.clear()

    assert [] == moods.active()


def test_the_view(moods: Moods, clock: FakeClock) -> None:
    """The control API shows what is left of a mood."""
    mood = moods.add({"name": "slow", "seconds": 1.5, "count": 3, "for_s": 60})
    clock.pass_s(20.0)
    moods.strike("slow", at="all")

    assert {
        "id": 1, "name": "slow", "mailbox": None, "service": None, "seconds": 1.5, "at": "all", "left": 2,
        "rest_s": 40.0, "after": 0, "struck": 1,
    } == moods.view(mood)  # fmt: skip


@pytest.mark.parametrize(
    "request_body",
    [
        {}, {"name": "sunny"}, {"name": "slow", "seconds": True}, {"name": "slow", "seconds": -1},
        {"name": "slow", "at": "noon"}, {"name": "lie", "who": "x"}, {"name": "outage", "count": 1},
        {"name": "token-slow", "mailbox": "scan@contoso.com"}, {"name": "quota", "count": "two"},
        {"name": "quota", "mailbox": "else@contoso.com"}, {"name": "reply", "text": "99 no"},
        {"name": "reply", "text": "451 two\r\nlines"}, {"name": "token-outage", "status": 200},
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(moods: Moods, request_body: dict[str, Any]) -> None:
    """A mood with an unknown name, key, value or mailbox is a ValueError and is not set."""
    moods.is_mailbox = lambda address: address == "scan@contoso.com"

    with pytest.raises(ValueError, match=r"^[a-z_]+: "):
        moods.add(request_body)
    assert [] == moods.active()


def test_every_kind_can_be_set_with_its_defaults(moods: Moods) -> None:
    """The defaults of the table are values that the table allows."""
    for name in KINDS:
        moods.add({"name": name})

    assert list(KINDS) == [mood.kind.name for mood in moods.active()]


def test_the_manual_has_the_table() -> None:
    """docs/emulator.md shows the table that is made from KINDS."""
    assert table() in MANUAL.read_text("utf-8")
