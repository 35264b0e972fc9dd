"""One relay per data directory."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from relay365.errors import DataInUseError
from relay365.spool.lock import DirectoryLock


def test_only_one_has_it(tmp_path: Path) -> None:
    """The second is refused until the first gives it back; giving back twice is harmless."""
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.take()
    with pytest.raises(DataInUseError):
        second.take()
    first.release()
    first.release()
    second.take()
    second.release()

    assert DirectoryLock(tmp_path).holder() is None


def test_a_face_that_asks_does_not_keep_a_service_from_starting(tmp_path: Path) -> None:
    """holder() has the lock for a moment; take() tries again."""
    asking, starting = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    asking.take()
    timer = threading.Timer(0.05, asking.release)
    timer.start()
    starting.take()
    timer.join()
    starting.release()

    assert DirectoryLock(tmp_path).holder() is None
