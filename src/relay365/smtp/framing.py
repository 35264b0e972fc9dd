"""Where lines and contents end: the only code that decides it, for both directions.

Only CRLF "." CRLF ends a content (RFC 5321 4.1.1.4); a lone CR, a lone LF and NUL never do. They are normalised
on the way in, so that what leaves us can never be read differently by the next server ("SMTP smuggling", 2023).
Contents travel as blocks, never line by line: one event per line costs forty times as much.
"""

from __future__ import annotations

import re

_END = b"\r\n.\r\n"
_LONE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class LineBuffer:
    """Octets in, lines out, with a limit and without rescanning."""

    def __init__(self) -> None:
        self._octets = b""
        self._start = 0
        self._overlong = False

    def __len__(self) -> int:
        return len(self._octets) - self._start

    def feed(self, octets: bytes) -> None:
        """Add octets at the end."""
        self._octets = self._octets[self._start :] + octets if len(self) else octets
        self._start = 0

    def take_all(self) -> bytes:
        """Give everything that is left and be empty."""
        octets = self._octets[self._start :] if self._start else self._octets
        self.forget()
        return octets

    def forget(self) -> None:
        """Drop everything."""
        self._octets, self._start, self._overlong = b"", 0, False

    def take_line(self, limit: int) -> bytes | None:
        """The next line without its end, or None when it is not whole yet.

        Lines end at LF, with or without CR (commands only; contents never come this way).
        A line longer than `limit` octets is swallowed to its end and raises OverlongLine, once.
        """
        end = self._octets.find(b"\n", self._start)
        if end < 0:
            if len(self) > limit:
                self._octets, self._start, self._overlong = b"", 0, True
            return None
        line = self._octets[self._start : end]
        self._start = end + 1
        if self._overlong or len(line) + 1 > limit:
            self._overlong = False
            raise OverlongLine
        return line[:-1] if line.endswith(b"\r") else line


class OverlongLine(Exception):
    """A line was longer than its limit; it has been swallowed."""


class ContentDecoder:
    """Mail data as it stands on the wire in, content blocks out: finds the end, unstuffs, normalises.

    It begins as if just after a line end, so the first dot needs no special case. Cutting the octets
    differently never changes the concatenated output.
    """

    def __init__(self) -> None:
        self._tail = b"\r\n"
        self._virtual = 2  # the line end that we invented before the first octet
        self.repairs = 0

    def feed(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Give (content block, rest); rest is None until the end was seen, then what follows the final dot."""
        octets = self._tail + octets
        end = octets.find(_END)
        if end >= 0:
            return self._clean(octets[: end + 2]), octets[end + len(_END) :]
        keep = _held_back(octets)
        self._tail = octets[len(octets) - keep :]
        return self._clean(octets[: len(octets) - keep]), None

    def _clean(self, block: bytes) -> bytes:
        if not block:
            return block
        block = block.replace(b"\r\n.", b"\r\n")
        n_lines = block.count(b"\r\n")
        if block.count(b"\r") != n_lines or block.count(b"\n") != n_lines:
            block, n_repairs = _LONE.subn(b"\r\n", block)
            self.repairs += n_repairs
        if b"\0" in block:
            self.repairs += block.count(b"\0")
            block = block.replace(b"\0", b"")
        if self._virtual:
            block, self._virtual = block[self._virtual :], 0
        return block


def _held_back(octets: bytes) -> int:
    """How many octets at the end could still become the end of data or half of a line end."""
    for length in (4, 3, 2, 1):
        if octets.endswith(_END[:length]):
            return length
    return 0


class ContentEncoder:
    """Content blocks in, mail data for the wire out: stuffs dots and writes the end (RFC 5321 4.5.2)."""

    def __init__(self) -> None:
        self._last = b"\r\n"  # the last two octets, as if just after a line end

    def feed(self, block: bytes) -> bytes:
        """Stuff one block."""
        if not block:
            return block
        joined = self._last + block
        self._last = joined[-2:]
        return joined.replace(b"\r\n.", b"\r\n..")[2:]

    def finish(self) -> bytes:
        """The end of data, with the line end that the content lacked."""
        return b".\r\n" if self._last == b"\r\n" else b"\r\n.\r\n"
