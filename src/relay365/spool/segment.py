"""Segments: append-only files for contents that are too large to live inside the database.

A record is a header (magic, message number, length, CRC-32) and the content. Many contents share a segment; a very
large one has a segment of its own, written while it arrives. Nothing in a segment counts until a row of the database
names it; the file (and for a new file the folder) is synced before the commit that writes this row.
A file whose sync failed is never believed again: it is given up and a new one is begun.
The headers repeat what the rows say, so that contents can be found without the database.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from relay365.errors import SpoolCorrupt, SpoolUnavailable

MAGIC = b"r365"
HEADER = struct.Struct("<4sQQI")  # magic, seq, length, crc
ROLL_OCTETS = 64 * 1024 * 1024
READ_OCTETS = 256 * 1024
_NAME = re.compile(r"\d{10,19}(-own)?-\d{1,3}\.seg")


class SegmentFolder:
    """The segments of one data directory. The writer thread's; only own(), remove(), check() and read() are free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)
        self._shared: _SharedSegment | None = None
        self._dirty: list[_SharedSegment] = []
        self._folder_is_dirty = False
        self.released: set[str] = set()
        """Segments that a message stopped needing; each is looked at after the next commit."""

    def append(self, seq: int, octets: bytes, crc: int) -> tuple[str, int]:
        """Write a content behind the others; gives (file name, offset of the content).

        Raises OSError; then the segment takes nothing more, but what the group wrote into it before is still synced.
        """
        if self._shared is not None and self._shared.size >= ROLL_OCTETS:
            self._retire()
        if self._shared is None:
            self._folder_is_dirty = True
            self._shared = _SharedSegment(self._folder, seq)
        shared = self._shared
        if shared not in self._dirty:
            self._dirty.append(shared)
        try:
            _write_all(shared.file, HEADER.pack(MAGIC, seq, len(octets), crc) + octets)
        except OSError:
            shared.cut()
            self._retire()
            raise
        offset = shared.size + HEADER.size
        shared.size = offset + len(octets)
        return shared.name, offset

    def own(self, seq: int) -> OwnSegment:
        """Begin a segment for one very large content. Raises OSError."""
        return OwnSegment(self._folder, seq)

    def sync(self) -> None:
        """Make everything appended since the last call durable. Raises OSError; then nothing of it may be named."""
        for shared in self._dirty:
            _sync_file(shared.file)
        if self._folder_is_dirty:
            sync_folder(self._folder)
            self._folder_is_dirty = False
        self._settle_dirty()

    def distrust(self) -> None:
        """The group failed: what it appended is not believed, and nothing is appended behind it."""
        if self._dirty:
            self._retire()
            self._settle_dirty()

    def close(self) -> None:
        """Let go of the open files, after the last group."""
        self._retire()
        self._settle_dirty()

    def _retire(self) -> None:
        """Append no more to the present shared segment; its file stays open until what it holds is synced."""
        if self._shared is not None:
            self._shared.is_retired = True
            if self._shared not in self._dirty:
                self._dirty.append(self._shared)
            self._shared = None

    def _settle_dirty(self) -> None:
        for shared in self._dirty:
            if shared.is_retired:
                with contextlib.suppress(OSError):  # its sync has spoken already
                    os.close(shared.file)
                # Perhaps all its contents were settled while it could still grow.
                self.released.add(shared.name)
        self._dirty.clear()

    def is_current(self, name: str) -> bool:
        """Whether a file may still grow."""
        return self._shared is not None and self._shared.name == name

    def remove(self, name: str) -> bool:
        """Remove a file that no row names; gives whether it is gone. A failure is harmless: it is tried again.

        Windows removes no file that somebody reads (os.remove); a backup or a slow delivery may.
        """
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError:
            return False
        return True

    def names(self) -> list[str]:
        """All files that we have made here."""
        return [entry.name for entry in self._folder.iterdir() if _is_ours(entry)]

    def foreign_names(self) -> list[str]:
        """What lies here and is not ours; it is never touched."""
        return [entry.name for entry in self._folder.iterdir() if not _is_ours(entry)]

    def check(self, name: str, end: int) -> None:
        """Whether a file is there and reaches to an offset; raises SpoolCorrupt. The content itself is not read."""
        try:
            size = (self._folder / name).stat().st_size
        except FileNotFoundError:
            raise SpoolCorrupt(f"segment {name} is missing") from None
        except OSError:
            return  # the disk is unwell, which says nothing about this content: reading it will show
        if size < end:
            raise SpoolCorrupt(f"segment {name} ends {end - size} octets early")

    def read(self, name: str, offset: int, size: int, crc: int) -> Iterator[bytes]:
        """A content in blocks.

        Raises SpoolCorrupt before or after the blocks when it is not what was written, SpoolUnavailable when the
        disk or the system refuses to read, which may pass.
        """
        check = 0
        try:
            for block in self._blocks(name, offset, size):
                check = zlib.crc32(block, check)
                yield block
        except FileNotFoundError:
            raise SpoolCorrupt(f"segment {name} is missing") from None
        except OSError as error:
            raise SpoolUnavailable(f"segment {name}: {error.strerror}") from error
        if check != crc:
            raise SpoolCorrupt(f"segment {name}: content at {offset} has a wrong checksum")

    def _blocks(self, name: str, offset: int, size: int) -> Iterator[bytes]:
        with (self._folder / name).open("rb") as file:
            file.seek(offset)
            left = size
            while left:
                block = file.read(min(READ_OCTETS, left))
                if not block:
                    raise SpoolCorrupt(f"segment {name} ends {left} octets early")
                left -= len(block)
                yield block

    def verify(self, name: str, offset: int, size: int, crc: int) -> None:
        """Read a content once and throw it away; raises as read()."""
        for _ in self.read(name, offset, size, crc):
            pass


class _SharedSegment:
    def __init__(self, folder: Path, seq: int) -> None:
        self.name, self.file = _create(folder, f"{seq:010d}")
        self.size = 0
        self.is_retired = False

    def cut(self) -> None:
        """Give back the room of a half-written record; no row names it, so a failure is harmless."""
        with contextlib.suppress(OSError):
            os.ftruncate(self.file, self.size)


class OwnSegment:
    """A segment with one content, written while it arrives; its header is written last. Raises OSError throughout."""

    def __init__(self, folder: Path, seq: int) -> None:
        self._folder, self._seq = folder, seq
        self.name, self.file = _create(folder, f"{seq:010d}-own")
        self.size, self.crc = 0, 0
        os.lseek(self.file, HEADER.size, os.SEEK_SET)

    def write(self, octets: bytes) -> None:
        """Add a block."""
        _write_all(self.file, octets)
        self.size += len(octets)
        self.crc = zlib.crc32(octets, self.crc)

    def seal(self) -> None:
        """Write the header, make file and name durable, close. A row may name it when this has returned."""
        os.lseek(self.file, 0, os.SEEK_SET)
        _write_all(self.file, HEADER.pack(MAGIC, self._seq, self.size, self.crc))
        _sync_file(self.file)
        self.close()
        sync_folder(self._folder)

    def close(self) -> None:
        """Close the file; harmless when done twice."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def remove(self) -> None:
        """Close and remove it; a failure is harmless, the next start tries again."""
        with contextlib.suppress(OSError):
            self.close()
            (self._folder / self.name).unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows cannot and need not."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file(file: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(file)
    else:
        os.fsync(file)


def _is_ours(entry: Path) -> bool:
    return _NAME.fullmatch(entry.name) is not None and entry.is_file() and not entry.is_symlink()


def _create(folder: Path, stem: str) -> tuple[str, int]:
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    for n in range(1000):
        name = f"{stem}-{n}.seg"
        try:
            return name, os.open(folder / name, flags, 0o600)
        except FileExistsError:
            continue
    raise FileExistsError(f"no free name for segment {stem}")


def _write_all(file: int, octets: bytes) -> None:
    view = memoryview(octets)
    while view:
        view = view[os.write(file, view) :]
