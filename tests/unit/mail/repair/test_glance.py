"""One look: the same facts as the full reading, and never a repair overlooked."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.headers import read_head
from relay365.mail.repair.fields import apply
from relay365.mail.repair.glance import Glance
from relay365.mail.repair.plan import make_plan
from relay365.mail.repair.rules import Authors, Given, Rules

ALL = Rules("replace", 172_800.0, True, True, True, True, True, True)
GIVEN = Given("scan@contoso.com", "<new@relay.test>", 1_795_600_000.0)
GOOD = (
    b"From: Scan <scan@contoso.com>\r\nTo: a@x.test, b@x.test\r\nDate: Wed, 25 Nov 2026 09:00:00 +0000\r\n"
    b"Message-ID: <1@x>\r\nSubject: x\r\n"
)
FIELDS = st.lists(
    st.sampled_from([
        *GOOD.splitlines(keepends=True), b"From: a@b <a@b>\r\n", b"To: a@x; b@x\r\n", b"To:\r\n", b"junk\r\n",
        b"Subject: \xfc\r\n", b"Cc: undisclosed-recipients:;\r\n", b"Message-ID: none\r\n", b" fold\r\n",
        b"Received: x\r\n", b"From: a@x, b@x\r\n", b"Sender: a@x\r\n", b"X: " + b"y " * 600 + b"\r\n",
        b"Date: Sat, 01 Jan 2000 00:00:00 +0000\r\n",
    ])
)  # fmt: skip


def test_mail_without_fault_wants_nothing() -> None:
    """The look is enough: there is no plan to make."""
    assert not Glance(GOOD).wants_repair(ALL, Authors(), GIVEN)


@pytest.mark.parametrize(
    ("kind", "piece"),
    [
        (b'message/partial; id="x"; number=1; total=5', "1/5"),
        (b'message/partial;\r\n Number="2";\r\n id="number=9"', "2"),
        (b"message/partial; id=x", "?"),
        (b"text/plain; number=1; total=5", ""),
    ],
)
def test_a_piece_of_a_divided_message_has_its_number(kind: bytes, piece: str) -> None:
    """As it is said; the number of all pieces may be missing but in the last (RFC 2046 5.2.2)."""
    assert piece == Glance(GOOD + b"Content-Type: " + kind + b"\r\n").piece()


@settings(deadline=None)
@given(FIELDS)
def test_no_repair_is_overlooked_and_none_is_needed_twice(fields: list[bytes]) -> None:
    """What the plan makes of a header is one that wants no repair, but for what is recorded as left alone."""
    head = b"".join(fields)
    plan = make_plan(Glance(head), b"", ALL, Authors(), GIVEN)
    after = plan.added + apply(head, plan.edits)
    again = make_plan(
        Glance(after.partition(b"\r\n\r\n")[0] + b"\r\n" * (b"\r\n\r\n" in after)), b"", ALL, Authors(), GIVEN
    )

    assert ((), b"") == (again.edits, again.added)


@settings(deadline=None)
@given(FIELDS)
def test_the_facts_are_those_of_the_full_reading(fields: list[bytes]) -> None:
    """Two patterns, one truth: what judges mail here judges it elsewhere, too."""
    head = b"".join(fields)

    assert read_head(head) == Glance(head).facts


@pytest.mark.parametrize(
    "octets",
    [b"From:" + b"\r\n " * 21_000, b"From: " + b"<" * 65_000, b"To: " + b"a@x," * 16_000, b"a" * 65_000,
     b"From: " + b'"\\' * 32_000, b"From: " + b"(\\" * 32_000, b":\r\n" * 21_000, b"From: " + b'" <' * 21_000],
    ids=range(8),
)  # fmt: skip
def test_hostile_heads_take_no_time(octets: bytes) -> None:
    """64 KiB made to trip a pattern are judged and planned for in a moment of CPU."""
    start_s = time.process_time()
    make_plan(Glance(octets + b"\r\n"), b"", ALL, Authors(), GIVEN)

    assert time.process_time() - start_s < 2.0
