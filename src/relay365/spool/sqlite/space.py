"""Space: whether the disk has room for more mail; what is queued can still be settled with what the floor leaves."""

from __future__ import annotations

import os
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
        if mono < self._good_until_mono or not hasattr(os, "statvfs"):
            return
        try:
            facts = os.statvfs(self._directory)
        except OSError as error:
            raise spool_error(error) from error
        free_octets = facts.f_bavail * facts.f_frsize
        if free_octets < self._floor_octets:
            raise SpoolFull(
                f"{free_octets} octets free on {self._directory}, the floor is {self._floor_octets}"
            )
        if facts.f_files and facts.f_favail < INODE_FLOOR:
            raise SpoolFull(f"{facts.f_favail} inodes free on {self._directory}")
        self._good_until_mono = mono + _SPACE_S
