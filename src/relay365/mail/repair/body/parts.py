"""Parts that cannot travel as they are, encoded anew on the way through, and only those parts (RFC 2045, RFC 2046 5.1).

A filter: octets in, octets out, in pieces of any size. It holds back at most the head of a part and the first
mebibyte behind it, because how a part is encoded stands in front of it; where a line that is too long comes later, only
what says already that it is base64 or quoted-printable can still be helped, and anything else is left, and recorded.
A part with NUL becomes base64, whatever its lines. Signed, encrypted and enclosed messages are never looked into.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from relay365.mail.headers import MAX_HEAD_OCTETS
from relay365.mail.repair.body.encoders import MAKERS, Encoder, long_line
from relay365.mail.repair.body.part import Part
from relay365.mail.repair.fields import Change, end_of_head
from relay365.mail.repair.signed import is_inline_pgp

LOOK_AHEAD_OCTETS = 1024 * 1024
_DELIMITER_OCTETS = 2 + 2 + 70 + 2 + 100  # RFC 2046 5.1.1: 70 octets of boundary; blanks may follow
_MOST_CHANGES = 100
_MOST_DEPTH = 20


class _Stage(Enum):
    """What the octets are that come now."""

    HEAD = "the head of a part"
    WAITING = "a body that may still be encoded anew"
    PASSING = "a body that passes"
    ENCODING = "a body that is encoded anew"


class _Delimiter(NamedTuple):
    """A line `--boundary` with the line end in front of it. depth: whose boundary it is, from 0."""

    start: int
    end: int
    depth: int
    closes: bool


class PartsFilter:
    """One content. start() with its header section, then feed(), then end(); changes is the record.

    What follows a header section begins with the empty line's CRLF, and what follows a delimiter with that of its
    line, so that the next delimiter always has a line end in front of it.
    """

    def __init__(self, *, mends_lines: bool, charset: str, mends_names: bool = False) -> None:
        self.changes: list[Change] = []
        self.has_long_lines = False
        self._mends_lines, self._mends_names, self._charset = mends_lines, mends_names, charset
        self._stage = _Stage.PASSING
        self._buffer = b""
        self._searched = 0  # so far there is no delimiter in the buffer
        self._boundaries: list[bytes] = []
        self._part: Part | None = None
        self._encoder: Encoder | None = None
        self._n_parts = 0

    def start(self, head: bytes) -> bytes:
        """The message's own header section, without the empty line behind it."""
        return self._begin_part(Part(head, is_root=True))

    def feed(self, octets: bytes) -> bytes:
        """Take some of the rest, give what is decided."""
        self._buffer += octets
        return self._run(is_last=False)

    def end(self) -> bytes:
        """What was held back."""
        return self._run(is_last=True)

    def _run(self, *, is_last: bool) -> bytes:
        pieces: list[bytes] = []
        while True:
            found, n_sure = self._find_delimiter(is_last=is_last)
            if self._stage is _Stage.HEAD:
                piece = self._head(found, is_last=is_last)
                if piece is None:
                    return b"".join(pieces)
                pieces.append(piece)
                continue
            if found is None:
                pieces.append(self._body(n_sure, ends=is_last, at_end=is_last))
                return b"".join(pieces)
            pieces += [self._body(found.start, ends=True), self._cross(found)]

    # -- delimiters -------------------------------------------------------------------------------------------------

    def _find_delimiter(self, *, is_last: bool) -> tuple[_Delimiter | None, int]:
        """The next delimiter in the buffer, and how much of the buffer is in front of any."""
        buffer = self._buffer
        while self._boundaries:
            start = buffer.find(b"\r\n--", self._searched)
            if start < 0:
                n_sure = len(buffer) if is_last else max(len(buffer) - 3, 0)
                self._searched = n_sure
                return None, n_sure
            end = buffer.find(b"\r\n", start + 4, start + _DELIMITER_OCTETS)
            if end < 0 and not is_last and len(buffer) - start < _DELIMITER_OCTETS:
                self._searched = start
                return None, start
            end = len(buffer) if end < 0 else end
            found = self._delimiter(start, end)
            if found is not None:
                return found, start
            self._searched = start + 2
        return None, len(buffer)

    def _delimiter(self, start: int, end: int) -> _Delimiter | None:
        line = self._buffer[start + 4 : min(end, start + _DELIMITER_OCTETS)].rstrip(b" \t")
        for depth in range(len(self._boundaries) - 1, -1, -1):
            boundary = self._boundaries[depth]
            if line in (boundary, boundary + b"--"):
                return _Delimiter(start, end, depth, line != boundary)
        return None

    def _cross(self, found: _Delimiter) -> bytes:
        """The body in front of it is gone already; what comes now is a part's head, or text that nobody reads."""
        del self._boundaries[found.depth + (not found.closes) :]
        self._stage = _Stage.PASSING if found.closes else _Stage.HEAD
        self._part = None
        return self._take(found.end - found.start)

    def _take(self, n_octets: int) -> bytes:
        taken, self._buffer = self._buffer[:n_octets], self._buffer[n_octets:]
        self._searched = max(self._searched - n_octets, 0)
        return taken

    # -- heads ------------------------------------------------------------------------------------------------------

    def _head(self, found: _Delimiter | None, *, is_last: bool) -> bytes | None:
        """A part's head; None: not all of it has come."""
        rest = self._buffer[2 : 2 + MAX_HEAD_OCTETS + 4]
        end = end_of_head(rest, is_whole=False)
        if end < 0 and found is None and not is_last and len(self._buffer) <= MAX_HEAD_OCTETS:
            return None
        if end < 0 or (
            found is not None and found.start < end + 2
        ):  # no header section that anybody could read
            self._stage = _Stage.PASSING
            return b""
        before = self._take(2)
        return before + self._begin_part(Part(self._take(end), is_root=False))

    def _begin_part(self, part: Part) -> bytes:
        """What a part's head says of its body. The head goes on at once, or waits with the body."""
        self._n_parts += 1
        self._stage = _Stage.PASSING
        self._part = part
        if self._mends_names and not part.is_root:
            part.mend_names(self._charset)
            self._note(*part.draft.changes)
        if part.boundary and len(self._boundaries) < _MOST_DEPTH:
            self._boundaries.append(part.boundary)
            self._searched = 0
        elif self._mends_lines and part.encoding:
            self._stage = _Stage.WAITING
            return b""
        return part.head()

    # -- bodies -----------------------------------------------------------------------------------------------------

    def _body(self, n_octets: int, *, ends: bool, at_end: bool = False) -> bytes:
        """Some of a body, and whether it ends with it; at_end: the content does, too."""
        if self._stage is _Stage.WAITING:
            return self._decide(n_octets, ends=ends, at_end=at_end)
        if self._stage is _Stage.ENCODING and self._encoder is not None:
            return _finish(self._encoder, self._take(n_octets), ends=ends, at_end=at_end)
        return self._pass(n_octets, ends=ends, at_end=at_end)

    def _decide(self, n_octets: int, *, ends: bool, at_end: bool) -> bytes:
        """The head of this part is still here: encode the body anew, let it pass, or wait for more of it."""
        if not ends and n_octets <= LOOK_AHEAD_OCTETS:
            return b""  # all that can be known first: the charset shows in the text
        part, body = self._part or Part(b"", is_root=False), self._buffer[:n_octets]
        encoding = part.encoding_for(body)
        self.has_long_lines = self.has_long_lines or long_line(body)[0]
        if encoding and not is_inline_pgp(body):
            head = part.head_for(encoding, body, self._charset)
            self._note(Change("parts", self._words(part, encoding), *part.difference()))
            self._encoder = MAKERS[encoding]()
            return head + self._encode(self._encoder, n_octets, ends=ends, at_end=at_end)
        if encoding:
            self._leave(
                part, "long lines" if long_line(body)[0] else "NUL octets", "it is signed or encrypted"
            )
        self._stage = _Stage.PASSING
        return part.head() + (
            self._take(n_octets) if part.is_left else self._pass(n_octets, ends=ends, at_end=at_end)
        )

    def _encode(self, encoder: Encoder, n_octets: int, *, ends: bool, at_end: bool) -> bytes:
        self._stage = _Stage.ENCODING
        return self._take(2) + _finish(encoder, self._take(n_octets - 2), ends=ends, at_end=at_end)

    def _pass(self, n_octets: int, *, ends: bool, at_end: bool) -> bytes:
        """The head is gone. Whole lines pass; one that is too long is helped where its encoding allows it."""
        part = self._part
        if part is None or not self._mends_lines or not part.encoding or part.is_left:
            return self._take(n_octets)
        is_long, line_at = long_line(self._buffer[:n_octets])
        if not is_long:
            return self._take(n_octets if ends else line_at)
        passed, self.has_long_lines = self._take(line_at), True
        if part.is_identity:
            self._leave(part, "long lines", "its head had gone before the line came")
            return passed + self._take(n_octets - line_at)
        self._note(Change("parts", self._words(part, part.encoding)))
        self._stage = _Stage.ENCODING
        encoder = self._encoder = MAKERS[part.encoding]()
        return passed + _finish(encoder, self._take(n_octets - line_at), ends=ends, at_end=at_end)

    def _words(self, part: Part, encoding: str) -> str:
        return f"part {self._n_parts} ({part.kind}): {encoding}"

    def _leave(self, part: Part, fault: str, why: str) -> None:
        part.is_left = True
        self._note(
            Change("parts", f"part {self._n_parts} ({part.kind}) has {fault} and is left alone: {why}")
        )

    def _note(self, *changes: Change) -> None:
        self.changes += changes[: max(_MOST_CHANGES - len(self.changes), 0)]


def _finish(encoder: Encoder, octets: bytes, *, ends: bool, at_end: bool) -> bytes:
    """Encode some of a body; a content ends with a line end."""
    out = encoder.feed(octets)
    if not ends:
        return out
    rest = encoder.end()
    return out + rest + (b"\r\n" if at_end and rest and not rest.endswith(b"\n") else b"")
