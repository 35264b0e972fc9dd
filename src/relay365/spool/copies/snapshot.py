"""Snapshot: one instant of a store that goes on working, as a database and the contents that it names.

Apart from the spool because it runs in another process, beside the service. The order is what makes it whole:

1. every segment is opened: an open file keeps its octets when the service removes its name;
2. the database is locked against writers for the moment in which a reading transaction begins and the segments that
   have come meanwhile are opened. No row can be settled in it, so none that we see loses its content;
3. the service goes on. The database is copied by SQLite's online backup from that reading transaction, and of each
   segment what the rows of that instant name. A segment only grows, and its contents were synced before their rows.

Contents that no row names any more are zeros in the copy: a backup holds the mail that the queue needs, no other.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import apsw

from relay365.errors import SpoolTooNew, SpoolUnavailable
from relay365.spool.faults import spool_error
from relay365.spool.ids import spool_id_of
from relay365.spool.segment import HEADER, READ_OCTETS
from relay365.spool.sql import load_migrations, load_queries
from relay365.spool.sqlite.migrate import connect
from relay365.spool.sqlite.reads import QUERIES

COPIES = load_queries("sqlite", "copies.sql")
STEP_PAGES = 512  # of 4 KiB: two megabytes between two looks at the progress
_ZEROS = bytes(READ_OCTETS)


class Extent(NamedTuple):
    """Where one content lies in its segment. offset and size in octets, of the content without its header."""

    seq: int
    offset: int
    size_octets: int
    crc: int


class Snapshot:
    """One instant of the store in a data directory; use it as a context, its end lets go of everything.

    Raises SpoolTooNew for a store of a newer relay365 and SpoolError where it cannot be read.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / "segments"
        self._files: dict[str, int] = {}
        self._reading: apsw.Connection | None = None
        self.damaged: dict[str, str] = {}
        """Queue ids whose content is not what was accepted, and why: they are in the copy as they lie on the disk."""
        self._data = data

    def __enter__(self) -> Self:
        try:
            self._open()
        except (OSError, apsw.Error) as error:
            self._close()
            raise spool_error(error) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _open(self) -> None:
        locking = connect(self._data / "spool.db")
        try:
            self._reading = connect(self._data / "spool.db")
            self.schema = _known_schema(self._reading)
            self._pin(sorted(_names_in(self._folder)))
            locking.execute("BEGIN IMMEDIATE")
            try:
                self._reading.execute("BEGIN")
                rows = self._reading.execute(QUERIES["segments"]).fetchall()
                self.segments = sorted(str(name) for (name,) in rows)
                self._pin(self.segments)
            finally:
                locking.execute("ROLLBACK")
        finally:
            locking.close()
        self.size_octets = self._one("PRAGMA page_count") * self._one("PRAGMA page_size")

    def _pin(self, names: list[str]) -> None:
        for name in names:
            if name not in self._files:
                with contextlib.suppress(FileNotFoundError):  # a row that needs it is told as damaged
                    self._files[name] = os.open(self._folder / name, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def _ask(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """All rows; only between enter and exit."""
        return [] if self._reading is None else list(self._reading.execute(query, values))

    def _one(self, query: str) -> int:
        return int(self._ask(query)[0][0])

    def _close(self) -> None:
        for file in self._files.values():
            os.close(file)
        self._files.clear()
        if self._reading is not None:
            with contextlib.suppress(apsw.Error):
                self._reading.close()
            self._reading = None

    def write_database(self, to: Path, seen: Callable[[int, int], None] = lambda done, whole: None) -> None:
        """Copy the database into a new file. seen: told how many octets are copied, of how many. Raises SpoolError."""
        if self._reading is None:
            raise SpoolUnavailable("the snapshot is closed")
        try:
            with contextlib.closing(apsw.Connection(str(to))) as copy:
                copy.execute("PRAGMA journal_mode=OFF")
                copy.execute("PRAGMA synchronous=OFF")
                with copy.backup("main", self._reading, "main") as backup:
                    _step_through(backup, self.size_octets, seen)
        except apsw.Error as error:
            raise spool_error(error) from error

    def segment(self, name: str) -> tuple[int, Iterator[bytes]]:
        """(size in octets, blocks) of one segment: the contents that are named, and zeros between them."""
        extents = self._extents(name)
        file = self._files.get(name)
        if file is None:
            for one in extents:
                self.damaged[spool_id_of(one.seq)] = f"segment {name} is missing"
            return 0, iter(())
        size = os.fstat(file).st_size
        whole = [one for one in extents if one.offset + one.size_octets <= size]
        for one in extents:
            if one not in whole:
                self.damaged[spool_id_of(one.seq)] = f"segment {name} ends early"
        end = max((one.offset + one.size_octets for one in whole), default=0)
        return end, self._blocks(name, file, whole)

    def _extents(self, name: str) -> list[Extent]:
        return [Extent(*row) for row in self._ask(COPIES["extents"], name)]

    def _blocks(self, name: str, file: int, extents: list[Extent]) -> Iterator[bytes]:
        at = 0
        for one in extents:
            begin = max(at, one.offset - HEADER.size)
            yield from _zeros(begin - at)
            yield from _read(file, begin, one.offset)
            crc = 0
            for block in _read(file, max(begin, one.offset), one.offset + one.size_octets):
                crc = zlib.crc32(block, crc)
                yield block
            at = one.offset + one.size_octets
            if crc != one.crc:
                self.damaged[spool_id_of(one.seq)] = f"segment {name}: its content has a wrong checksum"


def _step_through(backup: apsw.Backup, size_octets: int, seen: Callable[[int, int], None]) -> None:
    while not backup.done:
        backup.step(STEP_PAGES)
        done = backup.page_count - backup.remaining
        seen(done * size_octets // max(1, backup.page_count), size_octets)


def _names_in(folder: Path) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError):
        yield from (entry.name for entry in folder.iterdir() if entry.suffix == ".seg")


def _known_schema(connection: apsw.Connection) -> int:
    """The schema of a store; raises SpoolTooNew, and SpoolUnavailable where there is none yet."""
    row = connection.execute("PRAGMA user_version").fetchone()
    found, newest = int(row[0]) if row else 0, load_migrations("sqlite")[-1][0]
    if found > newest:
        raise SpoolTooNew(f"the queue has schema {found}, this relay365 knows schemas up to {newest}")
    if not found:
        raise SpoolUnavailable("the queue has no schema yet: its service is only beginning")
    return found


def _zeros(n_octets: int) -> Iterator[bytes]:
    while n_octets > 0:
        yield _ZEROS[:n_octets]
        n_octets -= len(_ZEROS)


def _read(file: int, begin: int, end: int) -> Iterator[bytes]:
    """The octets between two offsets; fewer where the file is shorter. Raises OSError."""
    while begin < end:
        block = _pread(file, min(READ_OCTETS, end - begin), begin)
        if not block:
            return
        begin += len(block)
        yield block


def _pread(file: int, n_octets: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, n_octets, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, n_octets)
