"""SQLite's spool where it differs from the model: files, faults, damage, and a second process."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest

from contract.spools import (
    DEFERRED,
    DELIVERED,
    FAILED,
    LANE,
    START_AT,
    UNTOUCHED,
    SqliteLife,
    StillClock,
    accept,
    claim,
    events,
    fill,
    live,
    new_message,
    octets_of,
    read,
    settlement,
    states,
)
from relay365.errors import DataInUseError, SpoolCorrupt, SpoolError, SpoolFull, SpoolUnavailable
from relay365.mail.dsn import Debt
from relay365.spool import segment
from relay365.spool.api import Owed, Selection
from relay365.spool.intake import INLINE_OCTETS, STREAM_OCTETS
from relay365.spool.lock import DirectoryLock
from relay365.spool.sqlite import SqliteSpool, space
from relay365.spool.sqlite import spool as module
from relay365.spool.sqlite.migrate import WAL_KEPT_OCTETS

SHARED = octets_of(INLINE_OCTETS + 1)
OWN = octets_of(STREAM_OCTETS + 1)


@pytest.fixture
def life(tmp_path: Path) -> SqliteLife:
    return SqliteLife(tmp_path / "data")


def _segments(life: SqliteLife) -> list[Path]:
    return sorted((life.directory / "segments").glob("*.seg"))


def _database(life: SqliteLife, sql: str, *values: Any) -> list[Any]:
    connection = apsw.Connection(str(life.directory / "spool.db"))
    rows = list(connection.execute(sql, values))
    connection.close()
    return rows


def _flip(file: Path, offset: int) -> None:
    octets = bytearray(file.read_bytes())
    octets[offset] ^= 0xFF
    file.write_bytes(octets)


def _n_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


# -- files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [SHARED, OWN], ids=["shared", "own"])
def test_no_file_stays_open_and_none_stays_behind(
    life: SqliteLife, octets: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepting and delivering large contents for a long time holds neither descriptors nor disk."""
    monkeypatch.setattr(segment, "ROLL_OCTETS", 4 * len(SHARED))

    async def story(spool: SqliteSpool) -> tuple[int, int]:
        async def one() -> None:
            await accept(spool, octets=octets)
            (got,) = await claim(spool)
            assert octets == await read(got)
            await spool.settle([settlement(got, DELIVERED)])

        await one()
        n_before = _n_open()
        for _ in range(12):
            await one()
        return n_before, _n_open()

    n_before, n_after = live(life, story)

    assert n_before == n_after
    assert len(_segments(life)) <= 1


def test_a_segment_goes_when_its_last_message_is_done(
    life: SqliteLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered in any order, or failed and pruned: the file goes with the last one that needs it, not before."""
    monkeypatch.setattr(segment, "ROLL_OCTETS", 2 * len(SHARED))

    async def story(spool: SqliteSpool) -> None:
        for _ in range(3):  # the third begins the next segment
            await accept(spool, octets=SHARED)
        first = _segments(life)[0]
        one, two, _ = await claim(spool)
        await spool.settle([settlement(two, FAILED)])
        await spool.settle([settlement(one, DELIVERED)])
        assert first.exists()
        await spool.forgive([Owed(two.spool_id, 0, Debt.FAILURE)])
        assert 1 == await spool.prune(START_AT + 1) - 1
        assert not first.exists()

    live(life, story)


def test_a_settle_that_is_not_committed_keeps_the_segment(
    life: SqliteLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row still names the file, so the file must be there: removal waits for the commit."""

    async def story(spool: SqliteSpool) -> None:
        await accept(spool, octets=OWN)
        (got,) = await claim(spool)
        refused = spool._writer.submit(module.Job(_refuse_commit))
        lost = spool.settle([settlement(got, DELIVERED)])
        results = await asyncio.gather(refused, lost, return_exceptions=True)
        if isinstance(results[1], SpoolError):  # both were in one group
            assert OWN == await read(got)
            assert ["claimed"] == await states(spool, got.spool_id)
            await spool.settle([settlement(got, DELIVERED)])
        assert [] == _segments(life)

    live(life, story)


def _refuse_commit(connection: apsw.Connection) -> None:
    refusals = [True]
    connection.set_commit_hook(lambda: bool(refusals) and refusals.pop())


@pytest.mark.parametrize("octets", [b"small", SHARED, OWN], ids=["inline", "shared", "own"])
def test_a_commit_that_failed_leaves_nothing(life: SqliteLife, octets: bytes) -> None:
    """The session says 451; no message, no file of its own; the next one is taken."""

    async def story(spool: SqliteSpool) -> None:
        intake = spool.begin()
        await fill(intake, octets)
        spool._writer._connection.set_commit_hook(lambda: True)
        with pytest.raises(SpoolUnavailable):
            await intake.commit(new_message())
        spool._writer._connection.set_commit_hook(None)
        intake.abandon()
        await asyncio.get_running_loop().run_in_executor(spool._streams, int)  # behind the removal
        assert [] == [file for file in _segments(life) if "-own-" in file.name]
        spool_id = await accept(spool, octets=octets)
        (got,) = await claim(spool)
        assert spool_id == got.spool_id
        assert octets == await read(got)

    live(life, story)

    assert len(_segments(life)) <= 2
    live(life, _nothing)
    assert (octets != b"small") == (len(_segments(life)) == 1)


async def _nothing(spool: SqliteSpool) -> None:
    """A life in which only the start does something."""


def test_a_large_content_that_cannot_be_written_is_refused_at_the_end(
    life: SqliteLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills while it arrives: drained() and commit() say SpoolFull, nothing stays."""

    async def story(spool: SqliteSpool) -> None:
        intake = spool.begin()
        await fill(intake, OWN)
        monkeypatch.setattr(os, "write", _no_space)
        with pytest.raises(SpoolFull):
            await fill(intake, OWN * 3)
        with pytest.raises(SpoolFull):
            await intake.commit(new_message())
        monkeypatch.undo()
        assert [] == await spool.list(Selection())
        await accept(spool, octets=OWN)

    live(life, story)

    assert 1 == len(_segments(life))


def _no_space(file: int, octets: bytes) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_cancelled_commit_leaves_no_file_without_a_row(life: SqliteLife) -> None:
    """The session is cancelled while the large content is on its way: either the message is there, or no file."""

    async def story(spool: SqliteSpool) -> None:
        for _ in range(5):
            intake = spool.begin()
            await fill(intake, OWN)
            task = asyncio.ensure_future(intake.commit(new_message()))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

    live(life, story)
    rows = _database(life, "SELECT count(*) FROM message WHERE segment IS NOT NULL")

    assert rows == [(len(_segments(life)),)]


def test_orphans_go_at_start_and_named_or_foreign_files_stay(
    life: SqliteLife, caplog: pytest.LogCaptureFixture
) -> None:
    """What a row names is never removed; what is not ours is left alone and reported; litter of a crash goes."""
    live(life, lambda spool: accept(spool, octets=SHARED), lambda spool: accept(spool, octets=OWN))
    named = _segments(life)
    folder = life.directory / "segments"
    orphan = folder / "0000000099-own-0.seg"
    foreign = [folder / "backup.seg", folder / "0000000001-0.seg.bak", folder / "notes.txt"]
    for file in (orphan, *foreign):
        file.write_bytes(b"x")
    (folder / "0000000098-0.seg").mkdir()
    (folder / "0000000097-0.seg").symlink_to("/dev/null")
    caplog.set_level(logging.WARNING, "relay365.spool")

    live(life, _nothing)

    assert 2 == len(named)
    assert all(file.exists() for file in (*named, *foreign))
    assert not orphan.exists()
    for name in ("backup.seg", "notes.txt", "0000000098-0.seg", "0000000097-0.seg"):
        assert f"spool.foreign-file name='{name}'" in caplog.text


def test_the_log_shrinks_again_after_a_reader_held_it(life: SqliteLife) -> None:
    """A reader keeps the write-ahead log from being reset; afterwards it does not stay at its largest."""

    async def story(spool: SqliteSpool) -> int:
        reader = apsw.Connection(str(life.directory / "spool.db"))
        cursor = reader.execute("BEGIN; SELECT * FROM meta")
        cursor.fetchone()
        octets = b"x" * INLINE_OCTETS
        for _ in range(20):
            await asyncio.gather(*(accept(spool, octets=octets) for _ in range(64)))
        log = life.directory / "spool.db-wal"
        n_most = log.stat().st_size
        cursor.close()
        reader.close()
        for _ in range(8):
            await asyncio.gather(*(accept(spool, octets=octets) for _ in range(64)))
        assert n_most > WAL_KEPT_OCTETS + 1_000_000
        return log.stat().st_size

    assert live(life, story) <= WAL_KEPT_OCTETS


# -- room -----------------------------------------------------------------------------------------------


def test_below_the_floor_nothing_new_is_begun_and_the_old_goes_on(life: SqliteLife) -> None:
    """452 for devices; what is queued is claimed and settled; above the floor again, a second later, all is well."""

    async def story() -> None:
        spool = await SqliteSpool.open(life.directory, clock=life.clock, disk_floor_octets=0)
        spool_id = await accept(spool)
        spool._space._floor_octets = 1 << 60
        spool.begin().abandon()  # the last look still holds
        life.clock.mono_at += 2
        with pytest.raises(SpoolFull, match="octets free"):
            spool.begin()
        (got,) = await claim(spool)
        assert [] == await spool.settle([settlement(got, DELIVERED)])
        assert ["delivered"] == await states(spool, spool_id)
        spool._space._floor_octets = 0
        await accept(spool)
        await spool.close()

    asyncio.run(story())


@pytest.mark.parametrize("system", ["POSIX", "Windows"])
def test_the_floor_holds_on_every_system(
    life: SqliteLife, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows has no statvfs; what is free is asked otherwise, and no inodes are counted."""
    if system == "Windows":
        monkeypatch.setattr(space, "os", SimpleNamespace())
    free, inodes = space.free_space(life.directory.parent)

    async def story() -> None:
        spool = await SqliteSpool.open(life.directory, clock=life.clock, disk_floor_octets=2 * free)
        with pytest.raises(SpoolFull, match="octets free"):
            spool.begin()
        await spool.close()

    asyncio.run(story())

    assert free == pytest.approx(shutil.disk_usage(life.directory).free, rel=0.1)
    assert (inodes is None) == (system == "Windows")


def test_a_segment_that_is_read_is_removed_later(life: SqliteLife, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows removes no open file: the next commit after its end does, not only the next start."""
    kept: list[str] = []
    unlink = Path.unlink

    def refuse(file: Path, missing_ok: bool = False) -> None:
        if file.suffix == ".seg" and len(kept) < 2:
            kept.append(file.name)
            raise PermissionError(errno.EACCES, "it is being used by another process")
        unlink(file, missing_ok)

    async def story(spool: SqliteSpool) -> list[int]:
        monkeypatch.setattr(Path, "unlink", refuse)
        counts = []
        await accept(spool, octets=OWN)
        (got,) = await claim(spool)
        assert [] == await spool.settle([settlement(got, DELIVERED)])
        for _ in range(3):
            counts.append(len(_segments(life)))
            await accept(spool, octets=b"small")
        return [*counts, len(_segments(life))]

    counts = live(life, story)

    assert 1 == counts[0]
    assert 0 == counts[-1]
    assert 2 == len(kept)


def test_a_disk_that_does_not_answer_is_told_as_such(
    life: SqliteLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """statvfs fails: the session gets a SpoolError, not a stray OSError."""

    def fail(path: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async def story(spool: SqliteSpool) -> None:
        monkeypatch.setattr(os, "statvfs", fail)
        with pytest.raises(SpoolUnavailable):
            spool.begin()

    live(life, story)


# -- damage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [SHARED, OWN], ids=["shared", "own"])
def test_flipped_octets_in_a_segment_hold_that_message_only(life: SqliteLife, octets: bytes) -> None:
    """It shows before anything is given out; whatever the route then says, the message is held and says why."""

    async def earlier(spool: SqliteSpool) -> None:
        await accept(spool, new_message("a@x.test", "b@x.test"), octets)
        await accept(spool, octets=octets)

    async def story(spool: SqliteSpool) -> None:
        first, second = await claim(spool)
        bad, good = first.spool_id, second.spool_id
        _flip(_segments(life)[0], segment.HEADER.size + len(octets) - 1)
        with pytest.raises(SpoolCorrupt, match="wrong checksum"):
            await anext(first.content.blocks())
        assert octets == await read(second)
        await spool.settle([settlement(first, DEFERRED, UNTOUCHED), settlement(second, DELIVERED)])
        assert (["held", "held"], ["delivered"]) == (await states(spool, bad), await states(spool, good))
        view = await spool.show(bad)
        assert view is not None
        assert "wrong checksum" in view.damaged
        assert (-1, "message.damaged") in await events(spool, bad)

    live(life, earlier, story)


def test_a_damaged_message_that_was_repaired_can_be_released(life: SqliteLife) -> None:
    """Release looks again: still damaged, it is held again; whole again, it goes."""

    async def story(spool: SqliteSpool) -> None:
        spool_id = await accept(spool, octets=OWN)
        one = Selection((spool_id,))
        (file,) = _segments(life)
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        assert [] == await claim(spool)
        assert ["held"] == await states(spool, spool_id)
        await spool.release(one, START_AT)
        assert [] == await claim(spool)
        file.write_bytes(whole)
        await spool.release(one, START_AT)
        (got,) = await claim(spool)
        assert OWN == await read(got)
        view = await spool.show(spool_id)
        assert view is not None
        assert "" == view.damaged

    live(life, story)


@pytest.mark.parametrize("fault", ["missing", "short", "row", "crc", "length", "submitter"])
def test_a_damaged_message_does_not_stand_in_the_way(life: SqliteLife, fault: str) -> None:
    """Held in passing, named as damaged; the claim gives the good ones behind it, up to its limit."""
    octets = OWN if fault in ("missing", "short") else b"x" * 100
    live(life, lambda spool: accept(spool, octets=octets))
    if fault in ("missing", "short"):
        (file,) = _segments(life)
        file.write_bytes(file.read_bytes()[:1000])
        if fault == "missing":
            file.unlink()
    else:
        _database(life, {
            "row": "DELETE FROM content", "crc": "UPDATE message SET crc = 1",
            "length": "UPDATE content SET octets = x'00'", "submitter": "UPDATE message SET submitter = '['",
        }[fault])  # fmt: skip

    async def story(spool: SqliteSpool) -> None:
        good = await accept(spool)
        (got,) = await claim(spool, limit=1)
        assert good == got.spool_id
        (bad, _) = await spool.list(Selection())
        assert ["held"] == [r.state.value for r in bad.recipients]
        assert bad.damaged

    live(life, story)


ENVELOPE_COLUMNS = [
    ("message", column)
    for column in ("reverse_path", "body", "ret", "envid", "trace", "message_id", "header_from", "submitter")
] + [("recipient", column) for column in ("address", "notify", "orcpt")]  # fmt: skip


@pytest.mark.parametrize("octets", ["'other@x.test'", "CAST(x'6180C3' AS TEXT)"], ids=["text", "no-text"])
@pytest.mark.parametrize(("table", "column"), ENVELOPE_COLUMNS)
def test_a_row_that_says_something_else_sends_nothing(
    life: SqliteLife, table: str, column: str, octets: str
) -> None:
    """Whatever part of an envelope the disk has altered: held and shown, and the message behind it goes."""
    live(life, accept)
    _database(life, f"UPDATE {table} SET {column} = {octets}")

    async def story(spool: SqliteSpool) -> None:
        good = await accept(spool)
        assert [good] == [one.spool_id for one in await claim(spool, limit=5)]
        (bad, _) = await spool.list(Selection())
        assert ["held"] == [r.state.value for r in bad.recipients]
        assert "wrong checksum" in bad.damaged

    live(life, story)


def test_a_report_goes_to_nobody_whom_the_disk_has_named(life: SqliteLife) -> None:
    """A debt to a sender whose row is damaged has the null path: there is nobody to tell."""

    async def earlier(spool: SqliteSpool) -> None:
        await accept(spool)
        (got,) = await claim(spool)
        await spool.settle([settlement(got, replace(FAILED, owes=Debt.FAILURE))])
        assert ["scan@contoso.com"] == [
            debt.reverse_path for debt in await spool.debts(Debt.FAILURE, limit=9)
        ]

    async def story(spool: SqliteSpool) -> None:
        (debt,) = await spool.debts(Debt.FAILURE, limit=9)
        assert "" == debt.reverse_path
        assert 1 == len(debt.recipients)

    live(life, earlier)
    _database(life, "UPDATE message SET reverse_path = 'scan@contosq.com'")
    live(life, story)


def test_a_database_of_another_lane_or_state_is_told_in_words(life: SqliteLife) -> None:
    """A state that is none: the question fails as a damaged spool does, not with a traceback."""
    live(life, accept)
    _database(life, "UPDATE recipient SET state = 'qxeued'")

    async def story(spool: SqliteSpool) -> None:
        with pytest.raises(SpoolCorrupt, match="a row cannot be read"):
            await spool.list(Selection())

    live(life, story)


def test_a_damaged_page_of_the_database_holds_what_lies_on_it(life: SqliteLife) -> None:
    """Contents whose page cannot be read are held; the lane goes on with all others, and new mail is taken."""

    async def earlier(spool: SqliteSpool) -> None:
        for n in range(60):
            await accept(spool, octets=b"%04d" % n + octets_of(2000, n))

    async def story(spool: SqliteSpool) -> None:
        got = await claim(spool, limit=100)
        held = [view for view in await spool.list(Selection()) if view.damaged]
        assert 60 == len(got) + len(held)
        assert 1 <= len(held) <= 4
        assert all("malformed" in view.damaged for view in held)
        for one in got:
            await read(one)
        assert [] == await spool.settle([settlement(one, DELIVERED) for one in got])
        assert {"delivered": len(got), "held": len(held)} == {
            state.value: n for state, n in (await spool.counts()).items()
        }
        await accept(spool)

    live(life, earlier)
    file = life.directory / "spool.db"
    octets = bytearray(file.read_bytes())
    page = octets.index(b"0030" + octets_of(100, 30)) // 4096 * 4096
    octets[page : page + 4096] = b"\xa5" * 4096
    file.write_bytes(octets)
    live(life, story)


def test_a_disk_that_cannot_be_read_is_not_damage(life: SqliteLife, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO or too many open files may pass: the message is deferred, not held."""

    def fail(*arguments: Any, **named: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def story(spool: SqliteSpool) -> None:
        spool_id = await accept(spool, octets=OWN)
        (got,) = await claim(spool)
        monkeypatch.setattr(Path, "open", fail)
        with pytest.raises(SpoolUnavailable, match="Too many open files"):
            await read(got)
        monkeypatch.undo()
        await spool.settle([settlement(got, DEFERRED)])
        assert ["queued"] == await states(spool, spool_id)

    live(life, story)


def test_a_claim_in_flight_is_not_taken_from_its_worker_by_damage(life: SqliteLife) -> None:
    """One recipient is on its way when the damage shows for the other: the delivery still counts."""

    async def story(spool: SqliteSpool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test"), OWN)
        (both,) = await claim(spool)
        await spool.settle([settlement(both, UNTOUCHED, replace(DEFERRED, next_attempt_at=START_AT + 1))])
        (first,) = await claim(spool)
        _segments(life)[0].unlink()
        assert [] == await claim(spool, START_AT + 1)
        assert ["claimed", "held"] == await states(spool, spool_id)
        assert [] == await spool.settle([settlement(first, DELIVERED)])
        assert ["delivered", "held"] == await states(spool, spool_id)

    live(life, story)


# -- a second process -----------------------------------------------------------------------------------


def test_a_face_looks_and_moves_beside_the_service(life: SqliteLife) -> None:
    """The command line sees what the service has committed, holds mail, and can neither accept nor claim."""

    async def story(spool: SqliteSpool) -> None:
        spool_id = await accept(spool)
        face = await SqliteSpool.open(life.directory, clock=life.clock, exclusive=False)
        assert [spool_id] == [view.spool_id for view in await face.list(Selection())]
        assert 1 == await face.hold(Selection(), "by hand")

        def take() -> Awaitable[object]:
            return face.claim(LANE, which=[spool_id], now=START_AT, lease_until_at=START_AT + 1)

        for refused in (face.begin, take):
            with pytest.raises(SpoolUnavailable):
                await refused()
        await face.close()
        assert [] == await claim(spool)

    live(life, story)


def test_a_face_that_moves_much_lets_the_service_in_between(
    life: SqliteLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holding thousands of messages is many short jobs; mail is accepted all the while."""
    monkeypatch.setattr(module, "BATCH", 50)

    async def story(spool: SqliteSpool) -> None:
        waiting = Selection(tuple(await asyncio.gather(*(accept(spool) for _ in range(500)))))
        face = await SqliteSpool.open(life.directory, clock=life.clock, exclusive=False)
        held = asyncio.ensure_future(face.hold(waiting, "by hand"))
        n_accepted = 0
        while not held.done():
            await accept(spool, new_message(lane="other"))
            n_accepted += 1
        assert 500 == await held
        assert n_accepted > 3
        await face.close()

    live(life, story)


def test_a_second_service_is_refused_and_the_first_goes_on(life: SqliteLife) -> None:
    """DataInUseError names the process; a face that asks who holds it does not keep a service from starting."""

    async def story(spool: SqliteSpool) -> None:
        with pytest.raises(DataInUseError, match=str(os.getpid())):
            await SqliteSpool.open(life.directory, clock=StillClock())
        assert os.getpid() == DirectoryLock(life.directory).holder()
        await accept(spool)

    live(life, story)
    assert DirectoryLock(life.directory).holder() is None


def test_an_image_taken_at_any_commit_is_a_spool(life: SqliteLife) -> None:
    """A copy of the directory in mid-work opens, and has what was committed when it was taken."""
    images = []

    async def story(spool: SqliteSpool) -> None:
        for n in range(4):
            await accept(spool, octets=SHARED if n % 2 else b"x")
            image = life.directory.parent / f"image-{n}"
            await asyncio.to_thread(shutil.copytree, life.directory, image)
            images.append(image)

    live(life, story)
    for n, image in enumerate(images, 1):

        async def count(spool: SqliteSpool) -> list[Any]:
            return await claim(spool)

        assert n == len(live(SqliteLife(image), count))


def test_lane_is_what_the_message_was_given(life: SqliteLife) -> None:
    """The lane of an accepted message is due at once."""
    assert {LANE: START_AT} == live(life, _accept_and_ask)


async def _accept_and_ask(spool: SqliteSpool) -> dict[str, float]:
    await accept(spool)
    return dict(await spool.due())
