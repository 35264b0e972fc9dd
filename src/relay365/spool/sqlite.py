"""The spool of one machine: SQLite with write-ahead log, every commit synced, one writer thread, segments beside it.

Reads for faces use a second connection in a thread of their own. See docs/durability.md for the commit point and for
what each crash leaves; the promises are in spool.api.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw

from relay365.clock import Clock
from relay365.errors import ClaimLost, SpoolError, SpoolFull
from relay365.mail.content import Content
from relay365.mail.envelope import SpoolId
from relay365.spool import moves, reads
from relay365.spool.api import Claim, LaneNote, MessageView, NewMessage, Selection, Settlement, State
from relay365.spool.content import MemoryContent
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.intake import INLINE_OCTETS, SqliteIntake, StoredContent
from relay365.spool.lock import DirectoryLock
from relay365.spool.migrate import connect, migrate
from relay365.spool.segment import SegmentFolder
from relay365.spool.writer import Job, Writer, crash_point, spool_error

HOT_OCTETS = 32 * 1024 * 1024  # contents kept in memory between accept and claim
DISK_FLOOR_OCTETS = 64 * 1024 * 1024
_SPACE_S = 1.0  # how long a look at the free space holds


class SqliteSpool:
    """See spool.api.Spool. open() makes one; exclusive for the service, shared for the command line."""

    def __init__(
        self, directory: Path, clock: Clock, lock: DirectoryLock | None, disk_floor_octets: int
    ) -> None:
        self._directory, self._clock, self._lock = directory, clock, lock
        self._file = directory / "spool.db"
        self._floor_octets = disk_floor_octets
        self._hot: dict[int, bytes] = {}
        self._n_hot_octets = 0
        self._space_until = 0.0
        self._segments = SegmentFolder(directory / "segments")
        first = connect(self._file)
        migrate(first, self._file)
        self._next_seq, self._next_lease = moves.begin_life(first) if lock else (0, 0)
        first.close()
        self._writer = Writer(lambda: connect(self._file), self._segments)
        self._reader = ThreadPoolExecutor(1, "relay365-spool-reader")
        self._read_connection: apsw.Connection | None = None

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        clock: Clock,
        exclusive: bool = True,
        disk_floor_octets: int = DISK_FLOOR_OCTETS,
    ) -> SqliteSpool:
        """Open or make the spool of a data directory.

        exclusive: take the lock (raises DataInUseError), return every left-over claim to the queue as uncertain, and
        remove files that no row names. Raises SpoolError when the store cannot be used.
        """
        lock = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if exclusive:
                lock = DirectoryLock(directory)
                lock.take()
            spool = cls(directory, clock, lock, disk_floor_octets)
        except (OSError, SpoolError, apsw.Error) as error:
            if lock is not None:
                lock.release()
            raise spool_error(error) from error
        if exclusive:
            await spool.lapse(None)
            await spool._writer.do(lambda c: moves.remove_orphans(c, spool._segments))
        return spool

    # -- in -------------------------------------------------------------------------------------------------------------

    def begin(self) -> SqliteIntake:
        """See spool.api.Spool."""
        self._look_at_space()
        seq = self._next_seq
        self._next_seq += 1
        return SqliteIntake(seq, spool_id_of(seq), self._writer, self._store)

    async def _store(self, seq: int, message: NewMessage, content: StoredContent) -> None:
        """The commit point: content, envelope and event in one group, synced, or nothing."""
        job = Job(
            lambda connection: moves.accept(connection, self._segments, (seq, message, content)),
            ("before-commit", "after-commit"),
        )
        await self._writer.submit(job)
        if content.octets is not None and self._n_hot_octets + content.size_octets <= HOT_OCTETS:
            self._hot[seq] = content.octets
            self._n_hot_octets += content.size_octets

    def _look_at_space(self) -> None:
        mono = self._clock.mono()
        if mono < self._space_until or not hasattr(os, "statvfs"):
            return
        facts = os.statvfs(self._directory)
        free_octets = facts.f_bavail * facts.f_frsize
        if free_octets < self._floor_octets:
            raise SpoolFull(
                f"{free_octets} octets free on {self._directory}, the floor is {self._floor_octets}"
            )
        if facts.f_files and facts.f_favail < 16:
            raise SpoolFull(f"{facts.f_favail} inodes free on {self._directory}")
        self._space_until = mono + _SPACE_S

    # -- out ------------------------------------------------------------------------------------------------------------

    async def claim(self, lane: str, *, limit: int, now: float, lease_until_at: float) -> list[Claim]:
        """See spool.api.Spool."""
        lease = self._next_lease
        self._next_lease += limit
        order = moves.ClaimOrder(lane, limit, now, lease, lease_until_at, self._hot, self._segments)
        claims: list[Claim] = await self._writer.do(
            lambda c: moves.claim(c, order), ("before-claim", "claim-committed")
        )
        return claims

    async def settle(self, settlements: Sequence[Settlement]) -> list[SpoolId]:
        """See spool.api.Spool."""
        results = await asyncio.gather(*(self._settle(one) for one in settlements), return_exceptions=True)
        lost = []
        for one, result in zip(settlements, results, strict=True):
            if isinstance(result, ClaimLost):
                lost.append(one.spool_id)
            elif isinstance(result, BaseException):
                raise result
        return lost

    async def _settle(self, settlement: Settlement) -> None:
        seq = seq_of(settlement.spool_id)
        if seq is None:
            raise ClaimLost(f"{settlement.spool_id} is no spool id")
        now = self._clock.now()
        job = Job(
            lambda c: moves.settle(c, seq, settlement, now), ("before-settle-commit", "after-settle-commit")
        )
        future = self._writer.submit(job)
        done: moves.Done = await future
        if done.is_delivered:
            octets = self._hot.pop(seq, None)
            self._n_hot_octets -= len(octets) if octets is not None else 0
        if done.segment is not None:
            self._writer.submit(Job(lambda c: moves.reclaim(c, self._segments, done.segment or ""), None))

    async def renew(self, claims: Sequence[Claim], *, lease_until_at: float) -> None:
        """See spool.api.Spool."""
        rows = [(lease_until_at, seq_of(claim.spool_id), claim.lease) for claim in claims]
        await self._writer.do(lambda c: moves.many(c, "renew", rows))

    async def lapse(self, now: float | None) -> int:
        """See spool.api.Spool."""
        at = self._clock.now()
        return int(await self._writer.do(lambda c: moves.lapse(c, at, float("inf") if now is None else now)))

    async def due(self) -> Mapping[str, float]:
        """See spool.api.Spool."""
        return dict(await self._read(reads.due))

    async def expire(self, now: float) -> int:
        """See spool.api.Spool."""
        return int(await self._writer.do(lambda c: moves.expire(c, now)))

    async def prune(self, before_at: float) -> int:
        """See spool.api.Spool."""
        next_seq = self._next_seq
        pruned: tuple[int, list[str]] = await self._writer.do(lambda c: moves.prune(c, before_at, next_seq))
        n_pruned, segments = pruned
        for name in segments:
            await self._reclaim(name)
        return n_pruned

    async def _reclaim(self, segment: str) -> None:
        await self._writer.do(lambda c: moves.reclaim(c, self._segments, segment))

    # -- debts and lanes --------------------------------------------------------------------------------------------------

    async def debts(self, *, limit: int) -> list[MessageView]:
        """See spool.api.Spool."""
        return list(await self._read(lambda c: reads.debts(c, limit)))

    async def forgive(self, debts: Sequence[tuple[SpoolId, int]]) -> None:
        """See spool.api.Spool."""
        at = self._clock.now()
        await self._writer.do(lambda c: moves.pay(c, at, debts, "report.forgiven"))

    async def note_lane(self, note: LaneNote) -> None:
        """See spool.api.Spool."""
        await self._writer.do(lambda c: moves.note_lane(c, note))

    async def lanes(self) -> list[LaneNote]:
        """See spool.api.Spool."""
        return list(await self._read(reads.lanes))

    async def move_lane(self, old: str, new: str) -> int:
        """See spool.api.Spool."""
        at = self._clock.now()
        return int(await self._writer.do(lambda c: moves.move_lane(c, at, old, new)))

    # -- people -------------------------------------------------------------------------------------------------------------

    async def hold(self, selection: Selection, reason: str) -> int:
        """See spool.api.Spool."""
        return await self._move(selection, moves.HOLD, self._clock.now(), reason)

    async def release(self, selection: Selection, now: float) -> int:
        """See spool.api.Spool."""
        return await self._move(selection, moves.RELEASE, now, "")

    async def retry(self, selection: Selection, now: float) -> int:
        """See spool.api.Spool."""
        return await self._move(selection, moves.RETRY, now, "")

    async def delete(self, selection: Selection, reason: str) -> int:
        """See spool.api.Spool."""
        return await self._move(selection, moves.DELETE, self._clock.now(), reason)

    async def _move(self, selection: Selection, move: moves.Move, now: float, reason: str) -> int:
        return int(await self._writer.do(lambda c: moves.by_person(c, selection, move, now, reason)))

    # -- faces --------------------------------------------------------------------------------------------------------------

    async def list(self, selection: Selection) -> list[MessageView]:
        """See spool.api.Spool."""
        return [view for view in await self._read(lambda c: reads.messages(c, selection))]

    async def show(self, spool_id: SpoolId) -> MessageView | None:
        """See spool.api.Spool."""
        seq = seq_of(spool_id)
        view: MessageView | None = (
            await self._read(lambda c: reads.message(c, seq)) if seq is not None else None
        )
        return view

    async def counts(self) -> Mapping[State, int]:
        """See spool.api.Spool."""
        return dict(await self._read(reads.counts))

    async def content(self, spool_id: SpoolId) -> Content | None:
        """See spool.api.Spool."""
        seq = seq_of(spool_id)
        if seq is None:
            return None
        if seq in self._hot:
            return MemoryContent(self._hot[seq])
        content: Content | None = await self._read(lambda c: reads.content(c, seq, self._segments))
        return content

    async def close(self) -> None:
        """See spool.api.Spool."""
        await asyncio.to_thread(self._writer.close)
        self._reader.shutdown(wait=True)
        if self._read_connection is not None:
            self._read_connection.close()
        if self._lock is not None:
            self._lock.release()

    async def _read(self, question: Callable[[apsw.Connection], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._ask, question)

    def _ask(self, question: Callable[[apsw.Connection], Any]) -> Any:
        """In the reader thread."""
        try:
            if self._read_connection is None:
                self._read_connection = connect(self._file)
            return question(self._read_connection)
        except apsw.Error as error:
            raise spool_error(error) from error


__all__ = ["INLINE_OCTETS", "SqliteSpool", "crash_point"]
