"""Opening the database: old, new, newer, damaged, empty, gone."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import apsw
import pytest

from contract.spools import SqliteLife, StillClock, accept, claim, live, octets_of
from relay365.errors import SpoolCorrupt, SpoolTooNew, SpoolUnavailable
from relay365.spool.intake import INLINE_OCTETS
from relay365.spool.sqlite import SqliteSpool
from relay365.spool.sqlite.migrate import connect


@pytest.fixture
def life(tmp_path: Path) -> SqliteLife:
    life = SqliteLife(tmp_path / "data")
    live(life, _accept_one)
    return life


async def _accept_one(spool: SqliteSpool) -> None:
    await accept(spool, octets=octets_of(INLINE_OCTETS + 1))


def _set_version(life: SqliteLife, version: int) -> None:
    connection = apsw.Connection(str(life.directory / "spool.db"))
    connection.execute(f"PRAGMA user_version={version:d}")
    connection.close()


def _open(life: SqliteLife, *, exclusive: bool = True) -> None:
    async def opened() -> None:
        spool = await SqliteSpool.open(life.directory, clock=StillClock(), exclusive=exclusive)
        await spool.close()

    asyncio.run(opened())


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_newer_schema_is_refused_and_not_touched(life: SqliteLife, exclusive: bool) -> None:
    """The line says both numbers and what to do; the file stays as it was, and the lock is free again."""
    _set_version(life, 99)
    before = (life.directory / "spool.db").read_bytes()

    with pytest.raises(
        SpoolTooNew, match="has schema 99, this relay365 knows schemas up to 1: install the newer"
    ):
        _open(life, exclusive=exclusive)
    assert before == (life.directory / "spool.db").read_bytes()
    _set_version(life, 1)
    _open(life)


def test_a_face_never_changes_the_schema(life: SqliteLife) -> None:
    """An upgraded command line beside the old service says: restart the service."""
    _set_version(life, 0)

    with pytest.raises(SpoolUnavailable, match="restart the service"):
        _open(life, exclusive=False)


def test_a_damaged_database_is_refused_in_words(life: SqliteLife) -> None:
    """The error names the file and the page that says how to save what it holds; nothing is removed."""
    (life.directory / "spool.db").write_bytes(b"not a database at all" * 500)
    segments = sorted((life.directory / "segments").iterdir())

    with pytest.raises(SpoolCorrupt, match="What repairs what"):
        _open(life)
    assert segments == sorted((life.directory / "segments").iterdir())


def test_an_empty_database_beside_segments_is_damage(life: SqliteLife) -> None:
    """A file system that lost the database's content must not make us begin anew in silence."""
    (life.directory / "spool.db").write_bytes(b"")

    with pytest.raises(SpoolCorrupt, match=r"is empty, yet .*segments is not"):
        _open(life)
    assert 1 == len(list((life.directory / "segments").iterdir()))


def test_without_a_database_what_it_left_is_kept(life: SqliteLife, caplog: pytest.LogCaptureFixture) -> None:
    """Moved away by a person: segments and log go into a folder of their own, are reported, and survive every start."""
    caplog.set_level(logging.ERROR, "relay365.spool")
    file = life.directory / "spool.db"
    for n in (1, 2):
        (life.directory / "spool.db-wal").write_bytes(b"log")
        file.unlink()
        live(life, _accept_one)
        _open(life)
        lost = life.directory / f"lost-{n}"
        assert 1 == len(list((lost / "segments").iterdir()))
        assert b"log" == (lost / "spool.db-wal").read_bytes()
        assert f"kept in {lost}" in caplog.text


def test_an_empty_directory_and_an_empty_database_are_a_beginning(tmp_path: Path) -> None:
    """A first start, also one that was interrupted when it had only made the file."""
    life = SqliteLife(tmp_path / "a" / "b")
    life.directory.mkdir(parents=True)
    (life.directory / "spool.db").write_bytes(b"")
    live(life, _accept_one)

    assert 1 == len(live(life, claim))


def test_the_settings_that_durability_needs_are_on(life: SqliteLife) -> None:
    """Write-ahead log, and every commit synced."""
    connection = connect(life.directory / "spool.db")

    assert "wal" == connection.pragma("journal_mode")
    assert 2 == connection.pragma("synchronous")  # FULL
    connection.close()
