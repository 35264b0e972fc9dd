"""The order to deliver nothing: it has an end, and what cannot be read is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relay365.spool.waiting.freeze import FILE, LONGEST_S, Freeze, read_freeze, thaw, write_freeze

ORDER = Freeze(1000.0, 4600.0, "change window", "alice")


def test_an_order_is_read_until_its_end(tmp_path: Path) -> None:
    """And not behind it, whatever becomes of the file."""
    write_freeze(tmp_path, ORDER)

    assert ORDER == read_freeze(tmp_path, 1000.0) == read_freeze(tmp_path, 4599.9)
    assert None is read_freeze(tmp_path, 4600.0)
    assert 0o600 == (tmp_path / FILE).stat().st_mode & 0o777
    assert [FILE] == [file.name for file in tmp_path.iterdir()]


def test_taking_it_back_twice_is_no_fault(tmp_path: Path) -> None:
    """It is gone at once."""
    write_freeze(tmp_path, ORDER)
    thaw(tmp_path)
    thaw(tmp_path)

    assert None is read_freeze(tmp_path, 1000.0)


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"began_at": 1}', '{"began_at": "x", "until_at": 9e9, "reason": "", "by": ""}', "\udcff",
])  # fmt: skip
def test_what_cannot_be_read_freezes_nothing(tmp_path: Path, text: str) -> None:
    """A relay delivers when in doubt."""
    (tmp_path / FILE).write_bytes(text.encode("utf-8", "surrogateescape"))

    assert None is read_freeze(tmp_path, 1000.0)


def test_no_order_is_for_ever(tmp_path: Path) -> None:
    """An end that is too far is cut, and a clock that was set back far does not prolong it."""
    endless = {"began_at": 1000.0, "until_at": 1e18, "reason": "", "by": ""}
    (tmp_path / FILE).write_text(json.dumps(endless), "utf-8")

    assert read_freeze(tmp_path, 1000.0 + LONGEST_S - 1) is not None
    assert None is read_freeze(tmp_path, 1000.0 + LONGEST_S)
    assert None is read_freeze(tmp_path, 1000.0 - LONGEST_S)
