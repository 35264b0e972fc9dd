"""A process confined to so much memory: by a control group where we may make one, else by its address space."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")
# An address space is not memory in use: threads reserve 8 MB of stack and 64 MB of heap each.
ADDRESS_SPACE_FACTOR = 8


class Confined:
    """How a process is confined, and whether the limit has killed anything."""

    def __init__(self, kind: str, folder: Path | None) -> None:
        self.kind, self._folder = kind, folder

    @property
    def n_killed(self) -> int:
        """Processes that were killed for want of memory."""
        if self._folder is None:
            return 0
        file = self._folder / ("memory.oom_control" if self.kind == "cgroup v1" else "memory.events")
        facts = dict(line.split() for line in file.read_text().splitlines())
        return int(facts["oom_kill"])

    @property
    def most_octets(self) -> int:
        """The most that was ever in use; 0 where nobody counts."""
        if self._folder is None:
            return 0
        name = "memory.max_usage_in_bytes" if self.kind == "cgroup v1" else "memory.peak"
        with contextlib.suppress(OSError):
            return int((self._folder / name).read_text())
        return 0


@contextmanager
def confined(pid: int, octets: int) -> Iterator[Confined]:
    """Confine a running process. The block must end it: a group goes away only when it is empty."""
    made = _group(octets)
    if made is None:
        limit = octets * ADDRESS_SPACE_FACTOR
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        yield Confined("address space", None)
        return
    try:
        (made._folder / "cgroup.procs").write_text(str(pid))  # type: ignore[operator]
        yield made
    finally:
        with contextlib.suppress(OSError):
            made._folder.rmdir()  # type: ignore[union-attr]


def _group(octets: int) -> Confined | None:
    name = f"relay365-test-{os.getpid()}"
    for kind, root, file in (("cgroup v1", V1, "memory.limit_in_bytes"), ("cgroup v2", V2, "memory.max")):
        folder = root / name
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / file).write_text(str(octets))
        except OSError:
            folder.rmdir()
            continue
        return Confined(kind, folder)
    return None
