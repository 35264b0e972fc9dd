"""The spool of one machine: SQLite with write-ahead log, every commit synced, one writer thread, segments beside it.

Reads for faces use a second connection in a thread of their own. See docs/durability.md for the commit point and for
what each crash leaves; the promises are in spool.api.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import apsw

from relay365.clock import Clock
from relay365.errors import ClaimLost, SpoolCorrupt, SpoolError, SpoolUnavailable
from relay365.mail.content import Content
from relay365.mail.envelope import SpoolId
from relay365.spool.aging import rows as aging
from relay365.spool.api import (
    MOST_NOTES,
    MOST_RECIPIENTS,
    Claim,
    LaneNote,
    NewMessage,
    Owed,
    Selection,
    Settlement,
)
from relay365.spool.content import HotContents, MemoryContent, SegmentContent
from relay365.spool.faults import DamagedMessage, spool_error
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.intake import ContentStream, SqliteIntake, StoredContent
from relay365.spool.lock import DirectoryLock
from relay365.spool.segment import SegmentFolder, sync_folder
from relay365.spool.sqlite import moves, reads
from relay365.spool.sqlite.faces import Faces, Reader
from relay365.spool.sqlite.later import LaterMoves
from relay365.spool.sqlite.migrate import begin_afresh, connect, migrate, require_present
from relay365.spool.sqlite.path import accepting, claiming
from relay365.spool.sqlite.rows import MessageRow
from relay365.spool.sqlite.space import Space
from relay365.spool.sqlite.writer import Job, Writer
from relay365.spool.waiting.usage import Usage

_LOG = logging.getLogger("relay365.spool")

HOT_OCTETS = 32 * 1024 * 1024  # contents kept in memory between accept and claim
DISK_FLOOR_OCTETS = 64 * 1024 * 1024
BATCH = 500  # rows that one job of the keeper or of a person changes, so that no commit waits long
PAUSE_S = 0.01  # between such jobs of another process: the service must get its turn at the database
_ACCEPT_POINTS = ("before-commit", "after-commit")


class SqliteSpool(LaterMoves, Faces):
    """See spool.api.Spool and spool.later.LaterStore.

    open() makes one; exclusive for the service, shared for the command line.
    witness is called after each commit that accepted a message, with its octets and the seconds that the commit took.
    """

    def __init__(self, directory: Path, clock: Clock, *, is_exclusive: bool, disk_floor_octets: int) -> None:
        self._clock, self._is_exclusive = clock, is_exclusive
        file = directory / "spool.db"
        self._space = Space(directory, clock, disk_floor_octets)
        self._hot = HotContents(HOT_OCTETS)
        self._segments = SegmentFolder(directory / "segments")
        self._next_seq, self._next_lease = _begin_life(file) if is_exclusive else (0, 0)
        self._writer = Writer(
            lambda: connect(file), self._segments, lambda c: moves.reclaim(c, self._segments)
        )
        super().__init__(Reader(file), self._place, clock)
        self._streams = ThreadPoolExecutor(1, "relay365-spool-stream")
        self._lock: DirectoryLock | None = None
        self._lapsed: Mapping[str, int] = {}
        self.witness: Callable[[NewMessage, int, float], None] = _nobody

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

        exclusive: take the lock (raises DataInUseError), bring the schema up to date, return every left-over claim to
        the queue as uncertain, and remove files that no row names. Raises SpoolError when the store cannot be used.
        """
        lock = DirectoryLock(directory)
        try:
            _make_directory(directory)
            file = directory / "spool.db"
            if exclusive:
                lock.take()
                begin_afresh(directory, file)
                migrate(file)
            else:
                require_present(file)
            spool = cls(directory, clock, is_exclusive=exclusive, disk_floor_octets=disk_floor_octets)
        except (OSError, SpoolError, apsw.Error) as error:
            lock.release()
            raise spool_error(error) from error
        spool._lock = lock
        if exclusive:
            await spool._recover()
        return spool

    async def _recover(self) -> None:
        try:
            self._lapsed = Counter(lane for _, lane in set(await self._lapse(float("inf"))))
            await self._writer.do(lambda c: moves.remove_orphans(c, self._segments))
            for name in self._segments.foreign_names():
                _LOG.warning("spool.foreign-file name=%r: it is not ours and stays", name)
        except BaseException:
            await self.close()
            raise

    # -- in ----------------------------------------------------------------------------------------

    def begin(self) -> SqliteIntake:
        """See spool.api.Spool."""
        self._require_exclusive()
        self._space.require()
        seq = self._next_seq
        self._next_seq += 1
        return SqliteIntake(seq, self._stream_to, self._store)

    def _stream_to(self, seq: int) -> ContentStream:
        return ContentStream(seq, self._segments, self._streams)

    def _require_exclusive(self) -> None:
        if not self._is_exclusive:
            raise SpoolUnavailable("only the service takes mail in and sends it")

    async def _store(self, seq: int, message: NewMessage, content: StoredContent) -> Claim | None:
        """The commit point: content, envelope and event in one group, synced, or nothing."""
        lease = self._next_lease
        self._next_lease += 1
        work = partial(accepting.accept, segments=self._segments, what=(seq, message, content), lease=lease)
        began_mono = self._clock.mono()
        name, offset = await self._writer.submit(Job(work, _ACCEPT_POINTS))
        self.witness(message, content.size_octets, self._clock.mono() - began_mono)
        if message.claim_until_at and message.held is None:
            return accepting.claim_of(
                seq, message, lease, self._body_of(seq, content, name or "", offset or 0)
            )
        if content.octets is not None:
            self._hot.keep(seq, content.octets)
        return None

    def _body_of(self, seq: int, content: StoredContent, name: str, offset: int) -> Content:
        if content.octets is not None:
            return MemoryContent(content.octets)
        return self._in_segment(seq, (name, offset, content.size_octets, content.crc()))

    def _in_segment(self, seq: int, place: tuple[str, int, int, int]) -> Content:
        return SegmentContent(self._segments, place, partial(self._set_aside, seq))

    # -- out ---------------------------------------------------------------------------------------

    async def claim(
        self,
        lane: str,
        *,
        which: Sequence[SpoolId],
        now: float,
        lease_until_at: float,
        recipients: int = MOST_RECIPIENTS,
    ) -> list[Claim]:
        """See spool.api.Spool."""
        self._require_exclusive()
        lease = self._next_lease
        self._next_lease += len(which)
        numbers = tuple(seq for seq in dict.fromkeys(map(seq_of, which)) if seq is not None)
        order = claiming.ClaimOrder(
            lane, numbers, now, lease, lease_until_at, self._hot, self._place, recipients
        )
        points = ("before-claim-commit", "after-claim-commit")
        for _ in range(1 + len(numbers)):
            try:
                claims: list[Claim] = await self._writer.do(lambda c: claiming.claim(c, order), points)
            except DamagedMessage as damage:
                await self._set_aside(damage.seq, str(damage))
            else:
                return claims
        return []

    async def _set_aside(self, seq: int, why: str) -> None:
        at = self._clock.now()
        _LOG.error("message.damaged id=%s reason=%s", spool_id_of(seq), why)
        await self._writer.do(lambda c: moves.set_aside(c, at, seq, why))

    def _place(self, row: MessageRow) -> Content:
        """The content of a message that lies in a segment; raises SpoolCorrupt when it cannot be whole."""
        name, offset = row.segment or "", row.segment_offset or 0
        self._segments.check(name, offset + row.size_octets)
        return self._in_segment(row.seq, (name, offset, row.size_octets, row.crc))

    async def settle(self, settlements: Sequence[Settlement]) -> list[SpoolId]:
        """See spool.api.Spool."""
        if len(settlements) > 1:
            with contextlib.suppress(SpoolError):  # then each by itself, and none of them is written yet
                await self._settle(settlements, tidy=True)
                return []
        lost, failed = [], None
        for one in settlements:
            try:
                await self._settle([one], tidy=True)
            except ClaimLost:
                lost.append(one.spool_id)
            except SpoolCorrupt:  # the content stays, the outcome must not be lost
                await self._settle([one], tidy=False)
            except SpoolError as error:
                failed = error
        if failed is not None:
            raise failed
        return lost

    def _settle(self, settlements: Sequence[Settlement], *, tidy: bool) -> asyncio.Future[None]:
        """Write the fates of some claims, all or none."""
        points = ("before-settle-commit", "after-settle-commit")
        work = partial(
            moves.settle, segments=self._segments, settlements=settlements, at=self._clock.now(), tidy=tidy
        )
        return self._writer.submit(Job(work, points))

    async def renew(self, claims: Sequence[Claim], *, lease_until_at: float) -> None:
        """See spool.api.Spool."""
        rows = [(lease_until_at, seq_of(claim.spool_id), claim.lease) for claim in claims]
        await self._writer.do(lambda c: moves.many(c, "renew", rows))

    async def lapse(self, now: float | None) -> int:
        """See spool.api.Spool."""
        return len(await self._lapse(float("inf") if now is None else now))

    async def _lapse(self, until_at: float) -> list[tuple[int, str]]:
        at = self._clock.now()
        rows: list[tuple[int, str]] = await self._writer.do(lambda c: moves.lapse(c, at, until_at))
        return rows

    def lapsed(self) -> Mapping[str, int]:
        """See spool.waiting.usage."""
        return self._lapsed

    async def expire(self, now: float) -> int:
        """See spool.api.Spool."""
        n_ended = 0
        while True:
            n_seen, n_more = await self._writer.do(lambda c: aging.expire(c, now, BATCH))
            n_ended += int(n_more)
            if n_seen < BATCH:
                return n_ended

    async def keep(self, lanes: Collection[str], now: float) -> None:
        """See spool.api.Spool."""
        await self._writer.do(lambda c: aging.keep(c, lanes, now))

    async def warn(self, expiring_at: float) -> int:
        """See spool.api.Spool."""
        return await self._in_batches(lambda c: aging.warn(c, expiring_at, BATCH))

    async def prune(self, before_at: float) -> int:
        """See spool.api.Spool."""
        next_seq = self._next_seq
        return await self._in_batches(lambda c: moves.prune(c, self._segments, before_at, next_seq, BATCH))

    async def _in_batches(self, work: Callable[[apsw.Connection], int]) -> int:
        """Repeat a job until it changes less than a batch: other jobs go in between."""
        n_changed = 0
        while True:
            n_more = int(await self._writer.do(work))
            n_changed += n_more
            if n_more < BATCH:
                return n_changed

    # -- debts and lanes ---------------------------------------------------------------------------

    async def forgive(self, debts: Sequence[Owed]) -> None:
        """See spool.api.Spool."""
        at = self._clock.now()
        await self._writer.do(lambda c: moves.pay(c, at, debts, "report.forgiven"))

    async def note(self, spool_id: SpoolId, name: str, detail: str) -> None:
        """See spool.api.Spool."""
        values = (self._clock.now(), seq_of(spool_id), name, detail, MOST_NOTES)
        await self._writer.do(lambda c: moves.many(c, "note", [values]))

    async def note_lane(self, note: LaneNote) -> None:
        """See spool.api.Spool."""
        await self._writer.do(lambda c: moves.note_lane(c, note))

    async def put_off(self, lane: str, which: Sequence[tuple[SpoolId, float]], reason: str) -> None:
        """See spool.waiting.heads."""
        rows = [(at, reason, seq_of(spool_id), lane) for spool_id, at in which]
        await self._writer.do(lambda c: moves.many(c, "put_off", rows))

    async def note_usage(self, rows: Sequence[Usage]) -> None:
        """See spool.waiting.usage."""
        await self._writer.do(lambda c: moves.many(c, "note_usage", rows))

    async def forget_usage(self, before_at: float) -> None:
        """See spool.waiting.usage."""
        await self._writer.do(lambda c: moves.many(c, "forget_usage", [(before_at,)]))

    async def move_lane(self, old: str, new: str) -> int:
        """See spool.api.Spool."""
        at = self._clock.now()
        if old == new:
            return 0
        return await self._in_batches(lambda c: moves.move_lane(c, at, old, new, BATCH))

    async def redirect(
        self, which: Sequence[tuple[SpoolId, int]], lane: str, *, now: float, reason: str
    ) -> int:
        """See spool.api.Spool."""
        numbers = [(seq_of(spool_id), n) for spool_id, n in which]
        return int(await self._writer.do(lambda c: moves.redirect(c, now, numbers, lane, reason)))

    # -- people ------------------------------------------------------------------------------------

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

    async def bounce(self, selection: Selection, reason: str) -> int:
        """See spool.api.Spool."""
        return await self._move(selection, moves.BOUNCE, self._clock.now(), reason)

    async def _move(self, selection: Selection, move: moves.Move, now: float, reason: str) -> int:
        if not selection.ids and not selection.states:
            selection = Selection(states=frozenset(move.sources), limit=selection.limit)
        numbers: list[int] = await self._reader.ask(lambda c: reads.selected(c, selection))
        n_moved = 0
        for start in range(0, len(numbers), BATCH):
            some = numbers[start : start + BATCH]
            work = partial(moves.by_person, numbers=some, move=move, now=now, reason=reason)
            n_moved += int(await self._writer.do(work))
            if not self._is_exclusive:
                await asyncio.sleep(PAUSE_S)
        return n_moved

    async def close(self) -> None:
        """See spool.api.Spool."""
        await asyncio.to_thread(self._streams.shutdown)
        await self._writer.close()
        await self._reader.close()
        if self._lock is not None:
            self._lock.release()


def _nobody(message: NewMessage, octets: int, took_s: float) -> None:
    """Who watches when nobody does."""


def _make_directory(directory: Path) -> None:
    """Make it with its parents, each name durable."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def _begin_life(file: Path) -> tuple[int, int]:
    """The first sequence number and lease of this life."""
    connection = connect(file)
    try:
        return moves.begin_life(connection)
    finally:
        connection.close()
