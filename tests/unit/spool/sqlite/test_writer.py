"""The writer: what fails alone, what fails together, and what is synced before a commit."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from relay365.errors import ClaimLost, SpoolCorrupt, SpoolError, SpoolFull, SpoolUnavailable
from relay365.spool import segment
from relay365.spool.faults import DamagedMessage
from relay365.spool.segment import SegmentFolder
from relay365.spool.sqlite import migrate
from relay365.spool.sqlite.migrate import connect
from relay365.spool.sqlite.writer import Job, Writer


class House:
    """A writer on a database with one table, and what it did in which order."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "spool.db"
        first = connect(self.file)
        first.execute("CREATE TABLE IF NOT EXISTS word (text TEXT UNIQUE, segment TEXT)")
        first.close()
        self.segments = SegmentFolder(folder / "segments")
        self.n_after_commit = 0
        self.writer = Writer(lambda: connect(self.file), self.segments, self._count)

    def _count(self, connection: apsw.Connection) -> None:
        self.n_after_commit += 1

    def words(self) -> list[str]:
        connection = connect(self.file)
        rows = [text for (text,) in connection.execute("SELECT text FROM word ORDER BY text")]
        connection.close()
        return rows

    def write(self, text: str) -> Callable[[apsw.Connection], str]:
        def work(connection: apsw.Connection) -> str:
            connection.execute("INSERT INTO word VALUES (?, NULL)", (text,))
            return text

        return work

    def append(self, text: str, octets: bytes) -> Callable[[apsw.Connection], str]:
        def work(connection: apsw.Connection) -> str:
            name, _ = self.segments.append(1, octets, zlib.crc32(octets))
            connection.execute("INSERT INTO word VALUES (?, ?)", (text, name))
            return name

        return work

    async def group(self, *works: Callable[[apsw.Connection], Any]) -> list[Any]:
        """Run works in one group: the writer is kept busy until all are queued."""
        gate = threading.Event()

        def wait(_: apsw.Connection) -> None:
            assert gate.wait(10)

        busy = self.writer.submit(Job(wait))
        await asyncio.sleep(0)
        futures = [self.writer.submit(Job(work)) for work in works]
        gate.set()
        await asyncio.gather(busy, return_exceptions=True)
        return list(await asyncio.gather(*futures, return_exceptions=True))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    asyncio.run(house.writer.close())


def live(story: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await story

    return asyncio.run(awaited())


def raising(error: BaseException, house: House | None = None) -> Callable[[apsw.Connection], None]:
    def work(connection: apsw.Connection) -> None:
        if house is not None:
            house.write("half")(connection)
        raise error

    return work


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files whose data was synced."""
    names: list[str] = []

    def fdatasync(file: int) -> None:
        names.append(Path(f"/proc/self/fd/{file}").readlink().name)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    return names


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (ClaimLost("gone"), ClaimLost),
        (ValueError("surrogates"), SpoolUnavailable),
        (OSError(errno.EIO, "Input/output error"), SpoolUnavailable),
        (OSError(errno.ENOSPC, "No space left on device"), SpoolFull),
        (apsw.ConstraintError("twice"), SpoolUnavailable),
        (TypeError("a fault of ours"), SpoolUnavailable),
    ],
)
def test_a_bad_job_fails_alone(
    house: House, fault: Exception, expected: type[SpoolError], caplog: pytest.LogCaptureFixture
) -> None:
    """Its half-written work is gone, the rest of its group is durable, and the thread lives on."""
    caplog.set_level(logging.CRITICAL + 1)
    a, bad, c = live(house.group(house.write("a"), raising(fault, house), house.write("c")))

    assert ("a", "c", expected) == (a, c, type(bad))
    assert ["a", "c"] == house.words()
    assert "d" == live(house.writer.do(house.write("d")))


def test_a_failed_append_leaves_the_sync_of_the_others(
    house: House, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills in the middle of a group: what was appended before is synced before it is committed."""
    write = os.write

    def full(file: int, octets: bytes) -> int:
        if b"too much" in bytes(octets):
            write(file, bytes(octets)[:20])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, octets)

    monkeypatch.setattr(os, "write", full)
    good, bad, next_ = live(
        house.group(
            house.append("a", b"x" * 100), house.append("b", b"too much"), house.append("c", b"y" * 10)
        )
    )

    assert SpoolFull is type(bad)
    assert ["a", "c"] == house.words()
    assert good != next_
    assert {good, next_} == set(synced)
    assert [b"x" * 100] == list(house.segments.read(good, segment.HEADER.size, 100, zlib.crc32(b"x" * 100)))


def test_a_segment_that_is_full_in_mid_group_is_synced(
    house: House, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rolling to the next segment does not forget what the group wrote into the last one."""
    monkeypatch.setattr(segment, "ROLL_OCTETS", 100)
    first, second = live(house.group(house.append("a", b"x" * 200), house.append("b", b"y" * 200)))

    assert first != second
    assert {first, second} == set(synced)


def test_a_failed_sync_fails_the_group(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody of the group is told that it is durable; the file is not believed again; the next group is fine."""
    first = live(house.writer.do(house.append("a", b"x")))
    failing = [True]

    def fdatasync(file: int) -> None:
        if failing.pop() if failing else False:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    results = live(house.group(house.append("b", b"y"), house.write("c")))

    assert [SpoolUnavailable, SpoolUnavailable] == [type(r) for r in results]
    assert ["a"] == house.words()
    assert first != live(house.writer.do(house.append("d", b"z")))
    assert ["a", "d"] == house.words()


def test_a_failed_commit_fails_the_group(house: House) -> None:
    """A COMMIT that the engine refuses accepts nothing; the connection goes on."""

    def refuse_commit(connection: apsw.Connection) -> None:
        refusals = [True]
        connection.set_commit_hook(lambda: bool(refusals) and refusals.pop())

    results = live(house.group(refuse_commit, house.write("a")))

    assert [SpoolUnavailable, SpoolUnavailable] == [type(r) for r in results]
    assert [] == house.words()
    assert "b" == live(house.writer.do(house.write("b")))


def test_a_group_that_the_engine_rolled_back_fails_whole(house: House) -> None:
    """SQLite may end the transaction by itself; then the others' work is gone, too, and they must hear it."""

    def rolled_back(connection: apsw.Connection) -> None:
        connection.execute("ROLLBACK")
        raise apsw.FullError("database or disk is full")

    results = live(house.group(house.write("a"), rolled_back, house.write("c")))

    assert [SpoolFull] * 3 == [type(r) for r in results]
    assert [] == house.words()
    assert "d" == live(house.writer.do(house.write("d")))


def test_a_job_that_meets_a_damaged_page_is_left_out(house: House, synced: list[str]) -> None:
    """SQLite lets such a transaction commit nothing; the rest of the group is done again without the culprits."""
    first, bad, second, worse = live(
        house.group(
            house.append("a", b"x" * 10),
            raising(apsw.CorruptError("database disk image is malformed"), house),
            house.write("b"),
            raising(DamagedMessage(7, "malformed"), house),
        )
    )

    assert (SpoolCorrupt, "b", DamagedMessage) == (type(bad), second, type(worse))
    assert ["a", "b"] == house.words()
    assert first in synced


def test_another_process_that_writes_is_waited_for_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLITE_BUSY fails the group with 451; when the other one has finished, all is well."""
    monkeypatch.setattr(migrate, "BUSY_MS", 50)
    house = House(tmp_path)
    other = connect(house.file)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpoolUnavailable, match="BusyError"):
        live(house.writer.do(house.write("a")))
    other.execute("COMMIT")

    assert "b" == live(house.writer.do(house.write("b")))
    other.close()
    asyncio.run(house.writer.close())
    assert ["b"] == house.words()


def test_a_connection_that_is_lost_is_opened_again(house: House) -> None:
    """Whatever closed the connection, the group after the failed one works."""

    def close(connection: apsw.Connection) -> None:
        connection.close(True)

    results = live(house.group(close, house.write("a")))

    assert all(isinstance(r, SpoolError) for r in results)
    assert "b" == live(house.writer.do(house.write("b")))


def test_close_finishes_what_is_queued_and_takes_nothing_more(tmp_path: Path) -> None:
    """Everything that was submitted is durable; what comes later is refused at once; closing twice is harmless."""
    house = House(tmp_path)

    async def story() -> None:
        futures = [house.writer.submit(Job(house.write(f"{n:03}"))) for n in range(600)]
        await house.writer.close()
        await asyncio.gather(*futures)
        with pytest.raises(SpoolUnavailable, match="closed"):
            house.writer.submit(Job(house.write("late")))
        await house.writer.close()

    asyncio.run(story())

    assert [f"{n:03}" for n in range(600)] == house.words()


def test_work_on_files_comes_after_the_commit(house: House) -> None:
    """after_commit runs once per group that was committed, and not after one that failed."""
    live(house.writer.do(house.write("a")))
    assert 1 == house.n_after_commit

    def rolled_back(connection: apsw.Connection) -> None:
        connection.execute("ROLLBACK")
        raise apsw.FullError("full")

    with pytest.raises(SpoolFull):
        live(house.writer.do(rolled_back))
    live(house.writer.do(house.write("b")))
    assert 2 == house.n_after_commit


def test_a_job_that_works_at_the_second_try_has_worked(house: House) -> None:
    """A fault that passes while the group is sorted out leaves no trace: the job is durable and told so."""
    faults = [OSError(errno.EIO, "Input/output error")]

    def passing(connection: apsw.Connection) -> str:
        if faults:
            raise faults.pop()
        return str(house.write("a")(connection))

    assert ["a", "b"] == live(house.group(passing, house.write("b")))
    assert ["a", "b"] == house.words()
