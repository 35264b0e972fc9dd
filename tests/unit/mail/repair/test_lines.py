"""Lines among the header fields that are none."""

from __future__ import annotations

import pytest

from relay365.mail.repair.fields import Draft, apply
from relay365.mail.repair.lines import mend_lines


@pytest.mark.parametrize(
    ("head", "after"),
    [
        (b"A: b\r\nrest\r\nC: d\r\n", b"A: b\r\n rest\r\nC: d\r\n"),
        (b"hello\r\nworld\r\n", b"\r\nhello\r\nworld\r\n"),
        (b"A: b\r\nhello\r\n", b"A: b\r\n\r\nhello\r\n"),
        (b"From scan@x Mon Jan 1\r\nA: b\r\n", b"A: b\r\n"),
        (b"\tfold\r\nA: b\r\n", b"X-Original-Line: fold\r\nA: b\r\n"),
        (b"A: b\r\n\tc\r\n", b"A: b\r\n\tc\r\n"),
    ],
    ids=["unfolded", "no header", "no empty line", "mbox", "fold of nothing", "right"],
)
def test_each_is_put_where_it_belongs(head: bytes, after: bytes) -> None:
    """A fold without its blank, a text without an empty line in front, an mbox mark; a right header stays."""
    draft = Draft(head)
    mend_lines(draft)

    assert after == apply(head, draft.edits())
