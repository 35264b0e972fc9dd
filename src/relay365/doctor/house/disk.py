"""Questions about the disk that every 250 waits for: is it ours, has it room, how long does it take to be sure.

(The relay answers 250 when the operating system says that the disk has it: docs/durability.md)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from pathlib import Path

from relay365.doctor.finding import Finding, Mend, State, bad, good, warn

N_SYNCS = 30
SYNC_OCTETS = 4096
SLOW_S, TOO_SLOW_S = 0.1, 1.0
FEW_INODES = 10_000
_GIB = 1024**3


async def folder(data: Path) -> Finding:
    """Whether the data directory is there and we may write into it."""
    return await asyncio.to_thread(_folder, data)


def _folder(data: Path) -> Finding:
    if not data.is_dir():
        if data.exists():
            return bad(
                f"{data} is no directory", "[server] data names a file", "name a directory in [server] data"
            )
        return Finding(
            State.WARN, f"{data} is not there yet", "no relay has run with this configuration",
            "relay365 run makes it; so does --fix", mend=Mend(data, 0o700, make=True),
        )  # fmt: skip
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        do = f"chown it to the relay's user: chown -R relay365 {data}; or run the doctor as that user"
        return bad(f"{data} cannot be written", "it belongs to another user", do)
    if os.name != "nt" and data.stat().st_mode & 0o077:
        return Finding(
            State.WARN, f"{data} can be read by other users", "mail and keys lie there", f"chmod 700 {data}",
            mend=Mend(data, 0o700),
        )  # fmt: skip
    return good(f"{data} is there, and ours alone")


async def room(data: Path, floor: int) -> Finding:
    """Free space against the floor below which devices hear 452 4.3.1 ([queue] disk_floor)."""
    free, whole = await asyncio.to_thread(_room, data)
    words = f"{_size(free)} free of {_size(whole)}"
    if free < floor:
        why = f"below disk_floor ({_size(floor)}) devices hear 452 4.3.1 and no mail is taken"
        return bad(words, why, f"make room on the disk of {data}: df -h {data}")
    if free < max(10 * floor, whole // 50):
        why = f"at {_size(floor)} devices hear 452 4.3.1; a backlog of scans fills it quickly"
        return warn(words, why, f"make room on the disk of {data}: df -h {data}")
    return good(words)


def _room(data: Path) -> tuple[int, int]:
    facts = shutil.disk_usage(_present(data))
    return facts.free, facts.total


async def inodes(data: Path) -> Finding:
    """Free inodes: a disk without any takes no file, however empty it is."""
    if not hasattr(os, "statvfs"):
        return good("this system has no inodes")
    facts = await asyncio.to_thread(os.statvfs, _present(data))
    if not facts.f_files:
        return good("this file system has no limit of inodes")
    words = f"{facts.f_favail} inodes free of {facts.f_files}"
    if facts.f_favail < FEW_INODES:
        why = "without inodes no file can be made, and devices hear 452 4.3.1"
        finding = bad if facts.f_favail < FEW_INODES // 100 else warn
        return finding(
            words, why, f"find the folder with too many small files: du --inodes -s {data.anchor}*"
        )
    return good(words)


async def sync(data: Path) -> Finding:
    """How long the disk takes until it is sure, over 30 small writes."""
    taken = await asyncio.to_thread(_syncs, data)
    worst, middle = taken[-1], taken[len(taken) // 2]
    words = f"fsync {middle * 1000:.1f} ms in the middle, {worst * 1000:.1f} ms at worst"
    if worst >= TOO_SLOW_S:
        return bad(
            words,
            "every 250 waits for it, and devices give up",
            "look for a dying or overloaded disk: dmesg, iostat -x",
        )
    if middle >= SLOW_S:
        return warn(words, "every 250 waits for it", "put [server] data on a local disk, best an SSD")
    return good(words)


def _syncs(data: Path) -> list[float]:
    file = data / f".doctor-{os.getpid()}"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        taken = []
        for _ in range(N_SYNCS):
            began = time.perf_counter()
            os.write(handle, b"\0" * SYNC_OCTETS)
            os.fsync(handle)
            taken.append(time.perf_counter() - began)
        return sorted(taken)
    finally:
        os.close(handle)
        with contextlib.suppress(OSError):
            file.unlink()


def _present(folder_: Path) -> Path:
    """The nearest folder that is there: where the data directory will be made."""
    return next(one for one in (folder_, *folder_.parents) if one.exists())


def _size(octets: int) -> str:
    return f"{octets / _GIB:.1f} GB" if octets >= _GIB else f"{octets / 1024**2:.0f} MB"
