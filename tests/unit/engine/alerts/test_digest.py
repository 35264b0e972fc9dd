"""The week on one screen, and when it goes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.digest import MOST_LINES, Week, digest, next_at
from relay365.engine.alerts.ledger import Entry
from relay365.engine.watch.scene import End
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.usage import Usage

NOW = 10_000_000.0
ZONE = timezone(timedelta(hours=2))
EMPTY = Week((), (), (), (), (), {})


def test_everything_of_the_week_is_there() -> None:
    """What went by whom, what waits, what is wrong, what was, what ends, who spoke."""
    week = Week(
        [Usage("mailbox a@x", 0, "normal", 3, 5, 1), Usage("mailbox a@x", 300, "bulk", 4, 4, 0),
         Usage("tenant x", 0, "normal", 3, 5, 1), Usage("mailbox b@x", 0, "unknown", 0, 5000, 0)],
        [Depth("one", "queued", "bulk", 9, NOW - 7200)],
        [Entry(Cause("disk", "critical", "the disk is full", "why", "make room"), 0.0, 0.0)],
        [{"what": "route one was held", "since_at": NOW - 7200, "healed_at": NOW - 3600},
         {"what": "long ago", "since_at": 0.0, "healed_at": 1.0}],
        [End("one", "client secret", NOW + 10 * 86_400), End("two", "far", NOW + 400 * 86_400)],
        {"ups": NOW - 86_400, "nas": NOW - 60},
    )  # fmt: skip

    assert digest(week, NOW) == (
        "sent in seven days\n  mailbox a@x: 7 messages to 9 recipients\n\n"
        "waiting now\n  one: 9 queued (bulk), the oldest for 2 h\n\n"
        "wrong now\n  the disk is full: make room\n\n"
        "healed in seven days\n  route one was held, for 1 h\n\n"
        "ends within 90 days\n  client secret of one: 10 d\n\n"
        "devices, since their last message\n  ups: 1 d\n  nas: 1 m"
    )


def test_an_empty_week_says_so() -> None:
    """And a long list is cut."""
    assert 6 == digest(EMPTY, NOW).count("  nothing")
    many = digest(Week((), (), (), (), (), {f"d{n}": 0.0 for n in range(50)}), NOW)
    assert f"and {50 - MOST_LINES} more" in many


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 30, 7, 29, tzinfo=ZONE), datetime(2026, 11, 30, 7, 30, tzinfo=ZONE)),
        (datetime(2026, 11, 30, 7, 30, tzinfo=ZONE), datetime(2026, 12, 7, 7, 30, tzinfo=ZONE)),
        (datetime(2026, 12, 1, 9, 0, tzinfo=ZONE), datetime(2026, 12, 7, 7, 30, tzinfo=ZONE)),
    ],
)
def test_the_next_monday(now: datetime, expected: datetime) -> None:
    """Today if it is still to come, else in a week."""
    assert expected == next_at("monday 07:30", now)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001 - a zone is added
def test_the_next_one_is_within_a_week(now: datetime) -> None:
    """Always ahead, never more than seven days."""
    found = next_at("friday 23:59", now.replace(tzinfo=ZONE))

    assert found is not None
    assert timedelta() < found - now.replace(tzinfo=ZONE) <= timedelta(days=7)
    assert (4, 23, 59) == (found.weekday(), found.hour, found.minute)


def test_no_word_is_no_digest() -> None:
    """Switched off."""
    assert next_at("", datetime(2026, 11, 30, tzinfo=ZONE)) is None
