"""The diary on a real disk: what was written is read, what is damaged or over is not, and the file stays small."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.engine.contents.diary import FILE, Diary, Entry
from relay365.mail.envelope import SpoolId


def entry(n: int, until_at: float = 100.0) -> Entry:
    return Entry(n.to_bytes(32, "big"), SpoolId(f"4TQ{n}"), until_at)


def test_what_was_added_is_read_by_the_next_one(tmp_path: Path) -> None:
    """In order, without what does not count any more; nobody else may read the file."""
    diary = Diary(tmp_path, 10)
    for one in (entry(1), entry(2, 50.0), entry(3, 50.1)):
        diary.add(one, 0.0)

    assert [entry(1), entry(3, 50.1)] == Diary(tmp_path, 10).read(50.0)
    assert 0o600 == (tmp_path / FILE).stat().st_mode & 0o777


@pytest.mark.parametrize(
    "damage", [b"4TQ\n", b"\0" * 99, b"zz" * 32 + b" 4TQ9 1.0\n", b"00" * 32 + b" 4TQ9 nan\n", b"00" * 32]
)
def test_damage_costs_only_its_line(tmp_path: Path, damage: bytes) -> None:
    """Half a line at the end, and octets that are no line, are passed over."""
    diary = Diary(tmp_path, 10)
    diary.add(entry(1), 0.0)
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(damage)

    assert [entry(1)] == Diary(tmp_path, 10).read(0.0)


def test_the_file_stays_small(tmp_path: Path) -> None:
    """At most twice as many lines as count; those that count are the last ones."""
    diary = Diary(tmp_path, 5)
    for n in range(100):
        diary.add(entry(n), 0.0)
        assert len((tmp_path / FILE).read_bytes().splitlines()) <= 10

    assert [entry(n) for n in range(95, 100)] == diary.read(0.0)


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    """The first start of all."""
    assert [] == Diary(tmp_path, 5).read(0.0)
