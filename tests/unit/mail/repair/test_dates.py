"""Date: what devices write, and whether a clock can have said it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.headers import date_time
from relay365.mail.repair.dates import instant_of, is_near, mend_date
from relay365.mail.repair.fields import Draft
from relay365.mail.repair.rules import Given, Rules

AT = 1_795_600_000.0  # Wed, 25 Nov 2026 09:46:40 +0000
OFF_S = 172_800.0
NOW = b"Date: Wed, 25 Nov 2026 09:46:40 +0000\r\n"


@pytest.mark.parametrize(
    ("value", "is_good"),
    [
        (b"Wed, 25 Nov 2026 09:46:40 +0000", True),
        (b"25 Nov 2026 09:46 +0100", True),
        (b"Mon, 23 Nov 2026 09:46:40 +0000", True),
        (b"Mon, 23 Nov 2026 09:46:39 +0000", False),
        (b"Fri, 27 Nov 2026 09:46:41 +0000", False),
        (b"Thu, 01 Jan 1970 00:00:10 +0000", False),
        (b"Wed, 25 Nov 0026 09:46:40 +0000", False),
        (b"2026-11-25", False),
        (b"", False),
        (b"\xff", False),
        (b"Wed, 99 Xxx 2026 09:46:40 +0000", False),
    ],
)
def test_only_a_readable_date_near_our_clock_is_good(value: bytes, *, is_good: bool) -> None:
    """Two days either way, to the second; what cannot be read is never near."""
    assert is_good == is_near(value, AT, OFF_S)


@settings(deadline=None)
@given(st.integers(-400_000, 400_000), st.sampled_from([0.0, 3600.0, OFF_S, 4e5]))
def test_the_cheap_look_by_the_day_never_differs_from_the_exact_one(off_s: int, allowed_s: float) -> None:
    """A well-formed Date is near exactly where the instant that it names is."""
    assert (abs(off_s) <= allowed_s) == is_near(date_time(AT + off_s).encode(), AT, allowed_s)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_octets_can_break_the_reading(value: bytes) -> None:
    """Whatever stands there is an instant or none."""
    assert isinstance(instant_of(value), float | None)


def mended(head: bytes, date: str) -> tuple[bytes, bytes]:
    draft = Draft(head)
    mend_date(draft, Rules(date=date, date_off_s=OFF_S), Given("a@b", "", AT))
    return bytes(draft.added), b"".join(field.now for field in draft.fields)


def test_a_missing_date_is_added_in_front() -> None:
    """Our clock's, where "add" or "replace" is wished for."""
    assert (NOW, b"Subject: x\r\n") == mended(b"Subject: x\r\n", "add")


def test_an_absurd_date_is_replaced_and_kept() -> None:
    """The old value moves to X-Original-Date; "add" leaves it."""
    old = b"Date: Sat, 01 Jan 2000 00:00:13 +0000\r\n"

    assert (b"", NOW + b"X-Original-Date: Sat, 01 Jan 2000 00:00:13 +0000\r\n") == mended(old, "replace")
    assert (b"", old) == mended(old, "add")
