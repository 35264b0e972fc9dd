"""The one writer: a thread that owns the writing connection and commits in groups.

Group commit, not the engine, decides the rate: everything that waits is done in one transaction, each job behind a
savepoint of its own so that a bad one fails alone; segments are synced before the commit; then all results go to the
event loop at once. If sync or commit fails, every job of the group fails and nothing of it was accepted.
"""

from __future__ import annotations

import asyncio
import errno
import os
import queue
import signal
import threading
from collections.abc import Callable
from typing import Any

import apsw

from relay365.errors import SpoolCorrupt, SpoolError, SpoolFull, SpoolUnavailable
from relay365.spool.segment import SegmentFolder

MOST_PER_GROUP = 256
_CRASH_AT = os.environ.get("RELAY365_CRASH_AT", "")
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def crash_point(name: str) -> None:
    """Die here, as by kill -9, when the environment asks for it: the crash tests' only hook (docs/durability.md)."""
    if name == _CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)


class Job:
    """One unit of work in a group. after runs in the thread when the group has been committed."""

    __slots__ = ("after", "error", "future", "points", "result", "work")

    def __init__(self, work: Callable[[apsw.Connection], Any], points: tuple[str, str] | None) -> None:
        self.work = work
        self.points = points
        self.future: asyncio.Future[Any] | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.after: Callable[[], None] | None = None


class Writer:
    """Owns connection and segments; do() from the event loop, close() at the end."""

    def __init__(self, connect: Callable[[], apsw.Connection], segments: SegmentFolder) -> None:
        self._connect, self.segments = connect, segments
        self._connection = connect()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="relay365-spool-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[apsw.Connection], Any], points: tuple[str, str] | None = None) -> Any:
        """Run work in the next group; returns when it is durable. Raises SpoolError."""
        return await self.submit(Job(work, points))

    def submit(self, job: Job) -> asyncio.Future[Any]:
        """Queue a job; its future is settled when the group is durable."""
        job.future = asyncio.get_running_loop().create_future()
        self._jobs.put(job)
        return job.future

    def run_aside(self, work: Callable[[], None]) -> None:
        """Queue work on files that belongs to no transaction; it must not raise."""

        def aside(_: apsw.Connection) -> None:
            work()

        self._jobs.put(Job(aside, None))

    def close(self) -> None:
        """Finish what is queued, close the connection (which checkpoints the log), end the thread."""
        self._jobs.put(None)
        self._thread.join(30.0)

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
        self.segments.give_up_shared()
        self._connection.close()

    def _do_group(self, group: list[Job]) -> None:
        points = {job.points for job in group if job.points}
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in group:
                self._do_job(job)
            self.segments.sync()
            for before, _ in points:
                crash_point(before)
            self._connection.execute("COMMIT")
        except (apsw.Error, OSError) as error:
            self._fail(group, error)
            return
        for _, after in points:
            crash_point(after)
        for job in group:
            if job.error is None and job.after is not None:
                job.after()

    def _do_job(self, job: Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except (SpoolError, apsw.ConstraintError, ValueError) as error:
            job.error = error
            self._connection.execute("ROLLBACK TO job")
        except OSError as error:
            self.segments.forget_dirty()
            job.error = error
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")

    def _fail(self, group: list[Job], error: Exception) -> None:
        """Nothing of this group was accepted; begin afresh with connection and segments."""
        self.segments.forget_dirty()
        for job in group:
            job.error = job.error or error
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error:
            pass
        if isinstance(error, apsw.IOError | apsw.FullError | apsw.CantOpenError):
            try:
                self._connection.close(True)
                self._connection = self._connect()
            except (apsw.Error, SpoolError):
                return  # the next group fails the same way, and tries again


def _report(group: list[Job]) -> None:
    """Hand all results to the loop in one call."""
    told = [job for job in group if job.future is not None]
    if told:
        future = told[0].future
        assert future is not None  # noqa: S101 - filtered above
        try:
            future.get_loop().call_soon_threadsafe(_settle, told)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(spool_error(job.error))


def spool_error(error: BaseException) -> SpoolError:
    """What a failure of store or disk means for the peer."""
    if isinstance(error, SpoolError):
        return error
    if isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno in _FULL_ERRNOS):
        return SpoolFull(str(error))
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return SpoolCorrupt(str(error))
    return SpoolUnavailable(f"{type(error).__name__}: {error}")
