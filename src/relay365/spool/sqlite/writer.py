"""The one writer: a thread that owns the writing connection and commits in groups.

Group commit, not the engine, decides the rate: everything that waits is done in one transaction; segments are synced
before the commit; then all results go to the event loop at once. Where a job fails, the group is done again with each
job behind a savepoint of its own, so that a bad one fails alone. If sync or commit fails, every job of the group fails
and nothing of it was accepted.
The thread outlives every fault: without it nothing would ever be answered again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

import apsw

from relay365.errors import SpoolError, SpoolUnavailable
from relay365.spool.faults import crash_point, is_bad_page, spool_error
from relay365.spool.segment import SegmentFolder

_LOG = logging.getLogger("relay365.spool")

MOST_PER_GROUP = 256


class Job:
    """One unit of work in a group.

    points are the crash points before and after its commit; a job that found nothing to do passes neither.
    """

    __slots__ = ("error", "future", "points", "result", "work")

    def __init__(self, work: Callable[[apsw.Connection], Any], points: tuple[str, str] | None = None) -> None:
        self.work = work
        self.points = points
        self.future: asyncio.Future[Any] | None = None
        self.result: Any = None
        self.error: BaseException | None = None


class _JobFailed(Exception):
    """A job has failed, and what it had written is mixed with the others' work: all of it once more, one by one."""


class Writer:
    """Owns connection and segments; do() from the event loop, close() at the end.

    after_commit is called in the thread after each group, in no transaction, for work on files that nobody waits for.
    """

    def __init__(
        self,
        connect: Callable[[], apsw.Connection],
        segments: SegmentFolder,
        after_commit: Callable[[apsw.Connection], None],
    ) -> None:
        self._connect, self._segments, self._after_commit = connect, segments, after_commit
        self._connection = connect()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="relay365-spool-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[apsw.Connection], Any], points: tuple[str, str] | None = None) -> Any:
        """Run work in the next group; returns when it is durable. Raises SpoolError."""
        return await self.submit(Job(work, points))

    def submit(self, job: Job) -> asyncio.Future[Any]:
        """Queue a job; its future is settled when the group is durable. Raises SpoolUnavailable after close()."""
        if self._is_closed:
            raise SpoolUnavailable("the spool is closed")
        job.future = asyncio.get_running_loop().create_future()
        self._jobs.put(job)
        return job.future

    async def close(self) -> None:
        """Finish what is queued, close the connection (which checkpoints the log), end the thread."""
        if not self._is_closed:
            self._is_closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # -- in the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        ending = False
        while not ending:
            first = self._jobs.get()
            group = [] if first is None else [first]
            ending = first is None
            while not ending and len(group) < MOST_PER_GROUP:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    ending = True
                else:
                    group.append(job)
            if group:
                self._do_group(group)
                _report(group)
        self._segments.close()
        with contextlib.suppress(apsw.Error):
            self._connection.close()

    def _do_group(self, group: list[Job]) -> None:
        """Run and commit a group; where a job met a damaged page, without that job and from the beginning."""
        points: set[tuple[str, str]] | None = None
        alone = False  # in the common case all jobs are good, and two statements for each are saved
        while group and points is None:
            try:
                points = self._commit(group, alone=alone)
            except _JobFailed:
                self._roll_back()
                alone = True
            except (SpoolError, apsw.Error, OSError) as error:
                self._roll_back()
                group = _without_culprits(group, error)
        for _, after in points or ():
            crash_point(after)
        if points is not None:
            with contextlib.suppress(apsw.Error):
                self._after_commit(self._connection)

    def _commit(self, group: list[Job], *, alone: bool) -> set[tuple[str, str]]:
        """One transaction; gives the crash points that it passed."""
        points: set[tuple[str, str]] = set()
        self._connection.execute("BEGIN IMMEDIATE")
        for job in group:
            self._do_job(job, alone=alone)
            if job.points is not None and job.error is None and job.result != []:
                points.add(job.points)
        self._segments.sync()
        for before, _ in points:
            crash_point(before)
        self._connection.execute("COMMIT")
        return points

    def _do_job(self, job: Job, *, alone: bool) -> None:
        """Run a job; alone: behind a savepoint of its own. Raises _JobFailed where it is not."""
        job.error = None
        if alone:
            self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except (SpoolError, apsw.Error, OSError, ValueError) as error:
            job.error = error
        except Exception as error:  # noqa: BLE001 - logged, and told to whoever waits; the thread must live
            if alone:
                _LOG.exception("writer.failed: a fault of ours, in one job")
            job.error = error
        if job.error is not None:
            if not alone:
                raise _JobFailed
            if is_bad_page(job.error) or not self._connection.in_transaction:
                raise spool_error(job.error)  # the transaction is lost, with the others' work
            self._connection.execute("ROLLBACK TO job")
        if alone:
            self._connection.execute("RELEASE job")

    def _roll_back(self) -> None:
        """Nothing of the group was accepted.

        The connection stays open, also after an error of the disk: the next commit then overwrites the frames of the
        failed one, while opening the log anew could find them whole.
        """
        self._segments.distrust()
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:  # it can neither commit nor roll back: nothing is left to be done with it
            with contextlib.suppress(apsw.Error, SpoolError):
                self._connection.close(True)
            with contextlib.suppress(SpoolError):
                self._connection = self._connect()


def _without_culprits(group: list[Job], error: Exception) -> list[Job]:
    """Who may try again: all but the jobs that met a damaged page; where there is none, nobody, and all have failed."""
    innocent = [job for job in group if job.error is None or not is_bad_page(job.error)]
    if len(innocent) < len(group):
        return innocent
    for job in group:
        job.error = job.error or error
    return []


def _report(group: list[Job]) -> None:
    """Hand all results to the loop in one call."""
    futures = [job.future for job in group if job.future is not None]
    if futures:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            futures[0].get_loop().call_soon_threadsafe(_settle, group)


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(spool_error(job.error))
