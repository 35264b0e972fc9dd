"""Space: whether the disk has room for more mail; what is queued can still be settled with what the floor leaves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from relay365.clock import Clock
from relay365.errors import SpoolFull
from relay365.spool.faults import spool_error

INODE_FLOOR = 16
_SPACE_S = 1.0  # how long a look at the free space holds


class Space:
    """Whether the disk has room for more mail; looked at once a second."""

    def __init__(self, directory: Path, clock: Clock, floor_octets: int) -> None:
        self._directory, self._clock, self._floor_octets = directory, clock, floor_octets
        self._good_until_mono = 0.0

    def require(self) -> None:
        """Raises SpoolFull below the floor; what is queued can still be settled with what the floor leaves."""
        mono = self._clock.mono()
        if mono < self._good_until_mono:
            return
        try:
            free_octets, free_inodes = free_space(self._directory)
        except OSError as error:
            raise spool_error(error) from error
        if free_octets < self._floor_octets:
            raise SpoolFull(
                f"{free_octets} octets free on {self._directory}, the floor is {self._floor_octets}"
            )
        if free_inodes is not None and free_inodes < INODE_FLOOR:
            raise SpoolFull(f"{free_inodes} inodes free on {self._directory}")
        self._good_until_mono = mono + _SPACE_S


def free_space(directory: Path) -> tuple[int, int | None]:
    """(octets, inodes) that we may still use; None where the file system does not count inodes, as on Windows.

    Raises OSError. (os.statvfs is of Unix alone; shutil.disk_usage asks Windows for what its quotas leave to us)
    """
    if not hasattr(os, "statvfs"):
        return shutil.disk_usage(directory).free, None
    facts = os.statvfs(directory)
    return facts.f_bavail * facts.f_frsize, facts.f_favail if facts.f_files else None
