"""One relay per data directory: a lock that the operating system gives back, however the process ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from relay365.errors import DataInUseError

if os.name == "nt":
    import msvcrt
else:
    import fcntl


_TRIES, _PAUSE_S = 10, 0.02
_BEYOND = 1 << 30
"""The octet that is locked on Windows. Nobody else may read what is locked there (Microsoft, LockFile), and the process
id in front is for the others to read; a lock may lie beyond the end of the file."""


class DirectoryLock:
    """Holds DATA/lock from take() to release(). The file says who holds it."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "lock"
        self._handle = -1

    def take(self) -> None:
        """Raises DataInUseError when another process has it, and OSError.

        A face that asks holder() has it for a moment, hence more than one try.
        """
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        if not self._try_lock():
            holder = os.read(self._handle, 20).decode("ascii", "replace").strip()
            os.close(self._handle)
            self._handle = -1
            raise DataInUseError(
                f"another relay365 (process {holder or 'unknown'}) is running on the data directory {self._file.parent}"
            )
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode("ascii"))

    def _try_lock(self) -> bool:
        for n in range(_TRIES):
            try:
                _lock(self._handle)
            except OSError:
                if n + 1 < _TRIES:
                    time.sleep(_PAUSE_S)
            else:
                return True
        return False

    def holder(self) -> int | None:
        """The process that runs on this directory, or None; for faces."""
        try:
            handle = os.open(self._file, os.O_RDWR)
        except OSError:
            return None
        try:
            _lock(handle)
        except OSError:
            text = os.read(handle, 20).decode("ascii", "replace").strip()
            return int(text) if text.isdigit() else 0
        finally:
            os.close(handle)
        return None

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _lock(handle: int) -> None:
    if os.name == "nt":
        os.lseek(handle, _BEYOND, os.SEEK_SET)  # msvcrt.locking: from the present position
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
