"""Backups that are proved: what verifies can be restored, and what cannot says why."""

from __future__ import annotations

import io
from pathlib import Path

import apsw
import pytest

from fakes.estates import ABOUT, PASSPHRASE, estate_in
from relay365.keeping.archive import BadArchive, Reader, Writer
from relay365.keeping.creating import Order, create
from relay365.keeping.verifying import verify


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "b.tar.gz"
    create(estate_in(tmp_path / "home"), Order(file, ABOUT, 1.0))
    return file


def _changed(good: Path, **members: bytes | None) -> Path:
    """The same backup with members replaced or left out, hashes right: as another program could have made it."""
    names = {"database": "data/spool.db", "segment": "data/segments/0000000002-0.seg"}
    other = {names[key]: octets for key, octets in members.items()}
    to = io.BytesIO()
    writer = Writer(to, ABOUT, 1.0)
    reader = Reader(io.BytesIO(good.read_bytes()))
    for entry, blocks in reader.members():
        octets = other.get(entry.name, b"".join(blocks))
        if octets is not None:
            writer.add(entry.name, len(octets), [octets])
    writer.finish({})
    changed = good.with_name("changed")
    changed.write_bytes(to.getvalue())
    return changed


def _database(good: Path, tmp_path: Path, sql: str) -> bytes:
    for entry, blocks in Reader(io.BytesIO(good.read_bytes())).members():
        if entry.name == "data/spool.db":
            (tmp_path / "x.db").write_bytes(b"".join(blocks))
            break
    connection = apsw.Connection(str(tmp_path / "x.db"))
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute(sql)
    connection.close()
    return (tmp_path / "x.db").read_bytes()


def test_a_good_one_is_good(good: Path, tmp_path: Path) -> None:
    """It says when, by what and of what it was made, and what waits in it; the folder for its database is empty."""
    (tmp_path / "scratch").mkdir()
    verdict = verify(good, lambda: "", tmp_path / "scratch")

    assert () == verdict.problems
    assert "2026-11-30T02:00:00Z" == verdict.about["created_at"]
    assert {"queued": 3} == verdict.facts.counts
    assert not verdict.is_sealed
    assert [] == list((tmp_path / "scratch").iterdir())


def test_a_newer_queue_cannot_be_restored_here(good: Path, tmp_path: Path) -> None:
    """A schema that we do not know is a problem, with the version that can."""
    newer = _changed(good, database=_database(good, tmp_path, "PRAGMA user_version=9"))

    (problem,) = verify(newer, lambda: "").problems
    assert "schema 9" in problem
    assert "with relay365 0.1.0 or newer" in problem


def test_a_segment_that_lacks_is_found(good: Path) -> None:
    """Hashes that fit do not help where the queue needs what is not there."""
    (without,) = verify(_changed(good, segment=None), lambda: "").problems
    (short,) = verify(_changed(good, segment=b"x" * 99), lambda: "").problems

    assert "segment 0000000002-0.seg has 0 octets, the queue needs" in without
    assert "has 99 octets" in short


def test_a_changed_content_is_found(good: Path, tmp_path: Path) -> None:
    """A content in the database that is not what was accepted, though every hash fits."""
    changed = _changed(good, database=_database(good, tmp_path, "UPDATE content SET octets = zeroblob(100)"))

    assert ("message 222223: its content is not what was accepted",) == verify(changed, lambda: "").problems


def test_without_a_queue_it_is_none(good: Path) -> None:
    """A backup that has only files is no backup."""
    with pytest.raises(BadArchive, match="it has no queue"):
        verify(_changed(good, database=None), lambda: "")


def test_the_passphrase_is_asked_only_where_it_is_needed(good: Path, tmp_path: Path) -> None:
    """An open backup asks nobody; a sealed one opens with its passphrase, and says of a wrong one that it is wrong."""

    def nobody() -> str:
        raise AssertionError("nobody is to be asked")

    assert () == verify(good, nobody).problems
    sealed = tmp_path / "sealed"
    create(estate_in(tmp_path / "second"), Order(sealed, ABOUT, 1.0, PASSPHRASE))
    assert verify(sealed, lambda: PASSPHRASE).is_sealed
    with pytest.raises(BadArchive, match="passphrase is another one"):
        verify(sealed, lambda: "wrong horse battery")


def test_a_sealed_one_that_is_cut_is_not_whole(tmp_path: Path) -> None:
    """A copy to another disk that broke off: told, not restored."""
    sealed = tmp_path / "sealed"
    create(estate_in(tmp_path / "home"), Order(sealed, ABOUT, 1.0, PASSPHRASE))
    sealed.write_bytes(sealed.read_bytes()[:-1])

    with pytest.raises(BadArchive, match="damaged or cut off"):
        verify(sealed, lambda: PASSPHRASE)
