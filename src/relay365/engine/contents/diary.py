"""Diary: the messages that twins are recognised by, in one small file, so that a restart does not forget them.

Apart from the twins because they decide on the loop, and a disk is written from a thread. A line for each message:
its fingerprint, its id, and until when it counts. The file is never synced: with the power the last lines may go, and
then a device that sends again is heard twice; no mail depends on it.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from relay365.mail.envelope import SpoolId
from relay365.replace import put_in_place

FILE = "twins"
_LINE = re.compile(rb"([0-9a-f]{64}) ([0-9A-Z]{1,32}) (\d{1,12}\.\d)")


class Entry(NamedTuple):
    """One message. fingerprint: 32 octets; until_at: epoch seconds."""

    fingerprint: bytes
    spool_id: SpoolId
    until_at: float

    def line(self) -> bytes:
        """As it stands in the file."""
        return f"{self.fingerprint.hex()} {self.spool_id} {self.until_at:.1f}\n".encode("ascii")


class Diary:
    """The file of one data directory. Methods read and write it, so they belong into a thread; they raise OSError.

    most: how many entries count; the file has at most twice as many lines.
    """

    def __init__(self, data: Path, most: int) -> None:
        self._file, self._most = data / FILE, most
        self._n_lines = 0
        self._lock = threading.Lock()

    def read(self, now: float) -> list[Entry]:
        """The entries that still count, the oldest first; half a line, and what is none, is passed over."""
        try:
            octets = self._file.read_bytes()
        except FileNotFoundError:
            return []
        found = [_entry(line) for line in octets.split(b"\n")]
        return [one for one in found if one is not None and one.until_at > now][-self._most :]

    def write(self, entries: Iterable[Entry]) -> None:
        """Replace the file by these."""
        lines = [one.line() for one in entries]
        with self._lock:
            self._replace(lines)

    def add(self, entry: Entry, now: float) -> None:
        """One more; what does not count any more is thrown out from time to time."""
        with self._lock:
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab", buffering=0) as stream:
                stream.write(entry.line())
            self._n_lines += 1
            if self._n_lines > 2 * self._most:
                self._replace([one.line() for one in self.read(now)])

    def _replace(self, lines: list[bytes]) -> None:
        fresh = self._file.with_name(f"{FILE}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(b"".join(lines))
        put_in_place(fresh, self._file)
        self._n_lines = len(lines)


def _entry(line: bytes) -> Entry | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    with contextlib.suppress(ValueError):
        return Entry(bytes.fromhex(found[1].decode()), SpoolId(found[2].decode()), float(found[3]))
    return None
