"""Segments: append-only files for contents that are too large to live inside the database.

A record is a header (magic, message number, length, CRC-32) and the content. Many contents share a segment; a very
large one has a segment of its own, written while it arrives. Nothing in a segment counts until a row of the database
names it; the file (and for a new file the folder) is synced before the commit that writes this row.
A file whose sync failed is never believed again: it is given up and a new one is begun.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from relay365.errors import SpoolCorrupt

MAGIC = b"r365"
HEADER = struct.Struct("<4sQQI")  # magic, seq, length, crc
ROLL_OCTETS = 64 * 1024 * 1024
READ_OCTETS = 256 * 1024


class SegmentFolder:
    """The segments of one data directory. Called from the writer thread only, but for read()."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self._shared: _SharedSegment | None = None
        self._dirty: dict[str, int] = {}
        self._folder_is_dirty = False

    def append(self, seq: int, octets: bytes, crc: int) -> tuple[str, int]:
        """Write a content behind the others; gives (file name, offset of the content). Raises OSError."""
        if self._shared is None or self._shared.size >= ROLL_OCTETS:
            self.give_up_shared()
            self._shared = _SharedSegment(self._folder, seq)
            self._folder_is_dirty = True
        shared = self._shared
        offset = shared.size + HEADER.size
        self._dirty[shared.name] = shared.file
        _write_all(shared.file, HEADER.pack(MAGIC, seq, len(octets), crc) + octets)
        shared.size = offset + len(octets)
        return shared.name, offset

    def own(self, seq: int) -> OwnSegment:
        """Begin a segment for one very large content. Raises OSError."""
        self._folder_is_dirty = True
        return OwnSegment(self._folder, seq)

    def adopt(self, segment: OwnSegment) -> None:
        """Sync this one with the next group, too."""
        self._dirty[segment.name] = segment.file

    def sync(self) -> None:
        """Make everything written since the last call durable. Raises OSError; then nothing of it may be named."""
        for file in self._dirty.values():
            os.fdatasync(file) if hasattr(os, "fdatasync") else os.fsync(file)
        self._dirty.clear()
        if self._folder_is_dirty:
            sync_folder(self._folder)
            self._folder_is_dirty = False

    def give_up_shared(self) -> None:
        """Write no more into the present shared segment: it is full, or a write or sync of it failed."""
        if self._shared is not None:
            self._dirty.pop(self._shared.name, None)
            os.close(self._shared.file)
            self._shared = None

    def forget_dirty(self) -> None:
        """After a failure: what was to be synced is not believed."""
        self._dirty.clear()
        self.give_up_shared()

    def is_current(self, name: str) -> bool:
        """Whether a file may still grow."""
        return self._shared is not None and self._shared.name == name

    def remove(self, name: str) -> None:
        """Remove a file that no row names; a failure is harmless, the next start tries again."""
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()

    def names(self) -> list[str]:
        """All segment files."""
        return [entry.name for entry in self._folder.iterdir() if entry.suffix == ".seg"]

    def read(self, name: str, offset: int, size: int, crc: int) -> Iterator[bytes]:
        """A content in blocks; raises SpoolCorrupt before or after the blocks when it is not what was written."""
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(offset)
                check, left = 0, size
                while left:
                    block = file.read(min(READ_OCTETS, left))
                    if not block:
                        raise SpoolCorrupt(f"segment {name} ends {left} octets early")
                    check, left = zlib.crc32(block, check), left - len(block)
                    yield block
        except OSError as error:
            raise SpoolCorrupt(f"segment {name}: {error.strerror}") from error
        if check != crc:
            raise SpoolCorrupt(f"segment {name}: content at {offset} has a wrong checksum")

    def verify(self, name: str, offset: int, size: int, crc: int) -> None:
        """Read a content once and throw it away; raises SpoolCorrupt."""
        for _ in self.read(name, offset, size, crc):
            pass


class _SharedSegment:
    def __init__(self, folder: Path, seq: int) -> None:
        self.name, self.file = _create(folder, f"{seq:010d}")
        self.size = 0


class OwnSegment:
    """A segment with one content, written while it arrives; its header is written last."""

    def __init__(self, folder: Path, seq: int) -> None:
        self._path, self._seq = folder, seq
        self.name, self.file = _create(folder, f"{seq:010d}-own")
        self.size, self.crc = 0, 0
        os.lseek(self.file, HEADER.size, os.SEEK_SET)

    def write(self, octets: bytes) -> None:
        """Add a block. Raises OSError."""
        _write_all(self.file, octets)
        self.size += len(octets)
        self.crc = zlib.crc32(octets, self.crc)

    def finish(self) -> None:
        """Write the header; the sync comes with the group."""
        os.pwrite(self.file, HEADER.pack(MAGIC, self._seq, self.size, self.crc), 0)

    def close(self) -> None:
        """Close the file; harmless when done twice."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows cannot and need not."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
