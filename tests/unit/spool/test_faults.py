"""Crash points are data, and the product, the page and the tests agree on them; errors become replies."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import apsw
import pytest

import relay365.spool
from relay365.errors import SpoolCorrupt, SpoolError, SpoolFull, SpoolUnavailable
from relay365.spool.faults import CRASH_POINTS, spool_error

SOURCE = Path(relay365.spool.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "durability.md"


def test_every_crash_point_stands_in_the_code() -> None:
    """A name in the table that no line reaches would be a test that tests nothing."""
    text = "".join(file.read_text() for file in SOURCE.rglob("*.py") if file.name != "faults.py")

    assert set(CRASH_POINTS) <= set(re.findall(r'"([a-z-]+)"', text))
    assert set(re.findall(r'crash_point\("([a-z-]+)"\)', text)) <= set(CRASH_POINTS)


def test_the_page_says_what_each_crash_point_leaves() -> None:
    """docs/durability.md has one row for each, and none for others."""
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)

    assert sorted(CRASH_POINTS) == sorted(rows)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (OSError(errno.ENOSPC, "x"), SpoolFull),
        (OSError(errno.EDQUOT, "x"), SpoolFull),
        (OSError(errno.EFBIG, "x"), SpoolFull),
        (apsw.FullError("x"), SpoolFull),
        (OSError(errno.EIO, "x"), SpoolUnavailable),
        (apsw.IOError("x"), SpoolUnavailable),
        (apsw.BusyError("x"), SpoolUnavailable),
        (apsw.CorruptError("x"), SpoolCorrupt),
        (apsw.NotADBError("x"), SpoolCorrupt),
        (TypeError("x"), SpoolUnavailable),
    ],
)
def test_every_fault_has_a_kind_that_is_ours(fault: Exception, expected: type[SpoolError]) -> None:
    """No room is told apart from everything else; a SpoolError stays what it is."""
    error = spool_error(fault)

    assert expected is type(error)
    assert error is spool_error(error)
