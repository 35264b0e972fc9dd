"""Where lines and contents end: the only code that decides it, for both directions.

Only CRLF "." CRLF ends a content (RFC 5321 4.1.1.4); a lone CR, a lone LF and NUL never do, but for the one peer that
is forgiven it by name: there LF "." LF and LF "." CRLF are ends, too, and nothing else is. Lone octets are normalised
on the way in, so that what leaves us can never be read differently by the next server ("SMTP smuggling", 2023):
a lone CR or LF becomes a line end, CR CR LF (devices that translate line ends twice) becomes one. NUL passes and is
counted: what becomes of it depends on the part that holds it, which is not read here.
Contents travel as blocks, never line by line: one event per line costs forty times as much.
"""

from __future__ import annotations

import re

_END = b"\r\n.\r\n"
_BARE_END = re.compile(rb"\n\.\r?\n")
_HALF_BARE_END = re.compile(rb"(?:\r{0,2}\n(?:\.\r?)?|\r{1,2})\Z")
_LONE = re.compile(rb"\r\r\n|\r(?!\n)|(?<!\r)\n")


class LineBuffer:
    """Octets in, lines out, with a limit; linear in the octets however they are cut."""

    def __init__(self) -> None:
        self._octets: bytes | bytearray = (
            b""  # as it came while one piece is enough; what is read is not cut off
        )
        self._start = 0
        self._scanned = 0  # up to here there is no line end
        self._overlong = False
        self.ended_bare = False

    def __len__(self) -> int:
        return len(self._octets) - self._start

    def feed(self, octets: bytes) -> None:
        """Add octets at the end."""
        if self._start == len(self._octets):
            self._octets = octets
            self._start = self._scanned = 0
            return
        if isinstance(self._octets, bytes) or self._start > len(self._octets) // 2:
            self._octets = bytearray(memoryview(self._octets)[self._start :])
            self._scanned -= self._start
            self._start = 0
        self._octets += octets

    def starts_with(self, word: bytes) -> bool:
        """Whether the next octets are this word, in any case."""
        return self._octets[self._start : self._start + len(word)].upper() == word

    def peek(self) -> bytes:
        """Everything that is left, which stays."""
        return bytes(self._octets[self._start :])

    def take_all(self) -> bytes:
        """Give everything that is left and be empty."""
        octets = bytes(self._octets[self._start :] if self._start else self._octets)
        self._empty()
        return octets

    def forget(self) -> None:
        """Drop everything."""
        self._empty()
        self._overlong = False

    def take_line(self, limit: int, auth_limit: int = 0) -> bytes | None:
        """The next line without its end, or None when it is not whole yet. auth_limit: for one that begins with AUTH.

        Lines end at LF, with or without CR (commands and replies only; contents never come this way); ended_bare
        tells that the last one had no CR.
        A line longer than `limit` octets, its end included, is swallowed to its end and raises OverlongLine, once.
        """
        octets, start = self._octets, self._start
        end = octets.find(b"\n", self._scanned)
        n_octets = (end + 1 or len(octets)) - start
        if n_octets > limit and octets[start : start + 5].upper() == b"AUTH ":
            limit = max(limit, auth_limit)
        if end < 0:
            self._scanned = len(octets)
            if n_octets > limit:
                self._empty()
                self._overlong = True
            return None
        self._start = self._scanned = end + 1
        if self._overlong or n_octets > limit:
            self._overlong = False
            raise OverlongLine
        self.ended_bare = octets[end - 1 : end] != b"\r"
        return bytes(octets[start : end if self.ended_bare else end - 1])

    def _empty(self) -> None:
        self._octets, self._start, self._scanned = b"", 0, 0


class OverlongLine(Exception):
    """A line was longer than its limit; it has been swallowed."""


class ContentDecoder:
    """Mail data as it stands on the wire in, content blocks out: finds the end, unstuffs, normalises.

    It begins as if just after a line end, so the first dot needs no special case. Cutting the octets
    differently never changes the concatenated output.

    n_line_ends counts what was normalised, n_nuls what passed as NUL. ended_bare: the end was one of those that only
    bare_lf_ends_data knows. looks_ended: what has come so far would be at its end if that were forgiven.
    """

    def __init__(self, *, unstuffs: bool = True, bare_lf_ends: bool = False) -> None:
        self._tail = b"\r\n"
        self._virtual = 2  # the line end that we invented before the first octet
        self._unstuffs, self._bare_lf_ends = unstuffs, bare_lf_ends
        self._last = b""
        self.n_line_ends = self.n_nuls = 0
        self.ended_bare = False

    @property
    def repairs(self) -> int:
        """How many octets were normalised, or want it."""
        return self.n_line_ends + self.n_nuls

    @property
    def looks_ended(self) -> bool:
        """Whether the last octets are a dot on a line of its own, with bare LF before or behind it."""
        return self._last.endswith((b"\n.\n", b"\n.\r\n"))

    def feed(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Give (content block, rest); rest is None until the end was seen, then what follows the final dot."""
        self._last = (self._last + octets[-4:])[-4:]
        octets = self._tail + octets
        if self._bare_lf_ends:
            return self._feed_bare(octets)
        dot = octets.find(b"\r\n.")  # the end begins with a dot, too: most blocks have none and need one look
        end = octets.find(_END, dot) if dot >= 0 else -1
        if end >= 0:
            return self._clean(octets[: end + 2], is_stuffed=dot < end), octets[end + len(_END) :]
        keep = _held_back(octets)
        self._tail = octets[len(octets) - keep :]
        return self._clean(octets[: len(octets) - keep], is_stuffed=dot >= 0), None

    def _feed_bare(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """As feed(), where lines and the content may end at LF alone."""
        end = _BARE_END.search(octets)
        if end is not None:
            self.ended_bare = octets[max(0, end.start() - 1) : end.end()] != _END
            return self._clean(octets[: end.start() + 1], is_stuffed=True), octets[end.end() :]
        half = _HALF_BARE_END.search(octets)
        border = len(octets) if half is None else half.start()
        self._tail = octets[border:]
        return self._clean(octets[:border], is_stuffed=True), None

    def _clean(self, block: bytes, *, is_stuffed: bool) -> bytes:
        if not block:
            return block
        if is_stuffed and self._unstuffs:
            line_end = b"\n" if self._bare_lf_ends else b"\r\n"
            block = block.replace(line_end + b".", line_end)
        bare = block.replace(b"\r\n", b"")  # half as long as to count three kinds of line end
        if b"\r" in bare or b"\n" in bare:
            block, n_repairs = _LONE.subn(b"\r\n", block)
            self.n_line_ends += n_repairs
        if b"\0" in block:
            self.n_nuls += block.count(b"\0")
        if self._virtual:
            block, self._virtual = block[self._virtual :], 0
        return block


def _held_back(octets: bytes) -> int:
    """How many octets at the end could still become the end of data, or a line end with a CR too many."""
    for length in (4, 3, 2, 1):
        if octets.endswith(_END[:length]):
            return length + octets.endswith(b"\r" + _END[:length])
    return 0


class ContentEncoder:
    """Content blocks in, mail data for the wire out: stuffs dots and writes the end (RFC 5321 4.5.2)."""

    def __init__(self) -> None:
        self._last = b"\r\n"  # the last two octets, as if just after a line end

    def feed(self, block: bytes) -> bytes:
        """Stuff one block."""
        if not block:
            return block
        last, self._last = self._last, block[-2:] if len(block) > 1 else self._last[-1:] + block
        stuffed = block.replace(b"\r\n.", b"\r\n..")
        if last == b"\r\n" and block[:1] == b".":
            return b"." + stuffed
        if last[-1:] == b"\r" and block[:2] == b"\n.":
            return b"\n." + stuffed[1:]
        return stuffed

    def finish(self) -> bytes:
        """The end of data, with the line end that the content lacked."""
        return b".\r\n" if self._last == b"\r\n" else b"\r\n.\r\n"
