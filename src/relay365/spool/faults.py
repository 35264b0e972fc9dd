"""What a failure of disk or database means for the peer, and the points at which a test may let the process die.

Separate, because every part of the spool has both. docs/durability.md says what each crash point leaves.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal

import apsw

from relay365.errors import SpoolCorrupt, SpoolError, SpoolFull, SpoolUnavailable

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DamagedMessage(SpoolCorrupt):
    """A message lies on a page of the database that cannot be read; seq is its number."""

    def __init__(self, seq: int, why: str) -> None:
        self.seq = seq
        super().__init__(f"message {seq}: {why}")


def is_bad_page(error: BaseException) -> bool:
    """Whether SQLite met a damaged page: then it lets the transaction neither write nor commit any more."""
    return isinstance(error, apsw.CorruptError | DamagedMessage)


CRASH_POINTS = {
    "stream-writing": "a block of a large content is in its own segment, more are to come",
    "stream-sealed": "a large content is durable in its own segment, no row names it",
    "segment-written": "a content is placed in its group, nothing of it is synced",
    "before-commit": "the segments of a group with a new message are synced, the database is not committed",
    "after-commit": "a new message is durable, the peer has no 250 yet",
    "before-claim-commit": "a claim is written, not committed",
    "after-claim-commit": "a claim is durable, nothing was sent",
    "before-settle-commit": "the remote has answered, the outcome is written but not committed",
    "after-settle-commit": "the outcome is durable, a segment that nobody needs any more is still there",
}
_CRASH_AT, _, _NTH = os.environ.get("RELAY365_CRASH_AT", "").partition(":")
_passings = itertools.count(1)


def crash_point(name: str) -> None:
    """Die here when RELAY365_CRASH_AT asks for it: NAME, or NAME:3 for the third time. name is one of CRASH_POINTS."""
    if name == _CRASH_AT and name in CRASH_POINTS and next(_passings) == int(_NTH or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def spool_error(error: BaseException) -> SpoolError:
    """What a failure of store or disk means for the peer."""
    if isinstance(error, SpoolError):
        return error
    if isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno in _FULL_ERRNOS):
        return SpoolFull(str(error))
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return SpoolCorrupt(str(error))
    return SpoolUnavailable(f"{type(error).__name__}: {error}")
