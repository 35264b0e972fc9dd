"""The leaves of a MIME message, one after the other, from blocks of any cut: what a draft is built from.

Apart from mail.repair because nothing is edited here, and apart from upload because this is pure: octets in, leaves
and their decoded octets out. Whatever the message is, no more is held than a block, the header of one part and some
short facts of each; a message that would take more is TooComplex. (RFC 2045 6, RFC 2046 5.1; a message/rfc822 part is
a leaf. Microsoft: "Exchange Online limits", multipart message limit 250, embedded message depth limit 30)
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from typing import Any

from relay365.mail.repair.words import text_of
from relay365.routes.graph.decoding import Decoder

MOST_PARTS = 250
MOST_DEPTH = 30
HEAD_OCTETS = 64 * 1024  # as mail.headers has it for the first one
_FIELDS_OCTETS = 16 * 1024  # of the fields of one part that say what it is
_BOUNDARY_LINE_OCTETS = 1000  # RFC 5322 2.1.1; a longer line is content, whatever its beginning
_BLANK = b" \t\r\n"
_BLANKS = 900  # behind a boundary (RFC 2046 5.1.1: transport padding)
_FACT_CHARACTERS = 255
_BOUNDARY_OCTETS = 200  # RFC 2046 5.1.1 allows 70
_PARSER = HeaderParser()
_OCTETS = "latin-1"  # a character for each octet, and back


class TooComplex(Exception):
    """More parts, deeper ones or longer headers than are built anew; the words say which."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without parts. alternative: the number of the multipart/alternative that it stands in, 0 for none.

    media_type: in lower case, without parameters. name: the file's, as it is meant; "" for none, as in the others.
    """

    number: int
    alternative: int
    media_type: str
    name: str = ""
    charset: str = ""
    content_id: str = ""
    is_attachment: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it is there to be read, and no file."""
        return self.media_type in ("text/plain", "text/html") and not self.is_attachment and not self.name


class Leaves:
    """Feed blocks, then b"" for the end; gives each leaf with its decoded octets, in pieces. Raises TooComplex."""

    def __init__(self) -> None:
        self._rest = b""  # what the next block decides about: the beginning of a line, or a line end
        self._is_at_line_start = True
        self._head = _Head()
        self._is_head = True
        self._stack: list[_Multipart] = []
        self._leaf: Leaf | None = None
        self._decoder = Decoder("")
        self._n_leaves = self._n_multiparts = 0
        self._look_for_marks()

    def feed(self, block: bytes) -> Iterator[tuple[Leaf, bytes]]:
        """Pieces in the order of the message."""
        data, at, is_end = self._rest + block, 0, not block
        is_stuck = False
        while at < len(data) and not is_stuck:
            take = self._in_head if self._is_head else self._in_body
            before = at
            at, pieces = take(data, at, is_end=is_end)
            is_stuck = at == before
            yield from pieces
        self._rest = data[at:]
        if is_end:
            if self._is_head:
                yield from self._ended_head()
            yield from self._over()
            self._close(0)

    # -- the header of a part --------------------------------------------------------------------------------

    def _in_head(self, data: bytes, at: int, *, is_end: bool) -> tuple[int, list[tuple[Leaf, bytes]]]:
        """Take lines; gives where to go on, which is where it began if a line is not whole yet."""
        end = data.find(b"\n", at) + 1
        if not end:
            self._head.check(len(data) - at)
            if not is_end:
                return at, []
            end = len(data)
        line = data[at:end]
        if not line.strip():
            return end, list(self._ended_head())
        if self._marks.fullmatch(line):  # a part that ends within its header
            return end, [*self._ended_head(), *self._at_boundary(line.strip(_BLANK))]
        self._head.add(line)
        return end, []

    def _ended_head(self) -> Iterator[tuple[Leaf, bytes]]:
        self._is_head, self._is_at_line_start = False, True
        head = self._head.parsed()
        inherited = self._stack[-1].alternative if self._stack else 0
        boundary = head.get_boundary() if head.get_content_maintype() == "multipart" else None
        if boundary:
            self._n_multiparts += 1
            if len(self._stack) >= MOST_DEPTH:
                raise TooComplex(f"its parts are nested more than {MOST_DEPTH} deep")
            number = self._n_multiparts if head.get_content_subtype() == "alternative" else inherited
            self._stack.append(_Multipart(_mark(boundary), number))
            self._look_for_marks()
            return
        self._n_leaves += 1
        if self._n_leaves + self._n_multiparts > MOST_PARTS:
            raise TooComplex(f"it has more than {MOST_PARTS} parts")
        self._leaf = _leaf(self._n_leaves, inherited, head)
        self._decoder = Decoder(str(head.get("Content-Transfer-Encoding", "")))
        yield self._leaf, b""

    # -- what follows it -------------------------------------------------------------------------------------

    def _in_body(self, data: bytes, at: int, *, is_end: bool) -> tuple[int, list[tuple[Leaf, bytes]]]:
        """Take content up to the next boundary, or as far as the block lets us tell; gives where to go on."""
        until = len(data) if is_end else data.rfind(b"\n") + 1
        found = self._marks.match(data, at, until) if self._is_at_line_start else None
        found = found or self._marks_in_text.search(data, at, until)
        if found is None:
            return self._content(
                data, at, len(data) if is_end else _certain(data, at, is_at_line_start=self._is_at_line_start)
            )
        _, pieces = self._content(data, at, found.start())
        return found.end(), [*pieces, *self._at_boundary(found[0].strip(_BLANK))]

    def _content(self, data: bytes, at: int, until: int) -> tuple[int, list[tuple[Leaf, bytes]]]:
        if until <= at:
            return at, []
        self._is_at_line_start = False
        if self._leaf is None:
            return until, []
        return until, [(self._leaf, self._decoder.decode(data[at:until]))]

    def _at_boundary(self, line: bytes) -> Iterator[tuple[Leaf, bytes]]:
        """The part before it is over, and all within it; another one begins, or the multipart ends."""
        yield from self._over()
        marks = [one.mark for one in self._stack]
        is_last = line not in marks
        depth = len(marks) - 1 - marks[::-1].index(line.removesuffix(b"--") if is_last else line)
        self._stack[depth].has_begun = True
        self._close(depth + (not is_last))
        self._is_head, self._is_at_line_start = not is_last, True
        self._head = _Head()
        self._look_for_marks()

    def _close(self, depth: int) -> None:
        """All multiparts from this one on are over; content that no boundary came for would be lost."""
        if not all(one.has_begun for one in self._stack[depth:]):
            raise TooComplex("it says that it has parts, and their boundary is not found")
        del self._stack[depth:]

    def _look_for_marks(self) -> None:
        """Any boundary of the open multiparts, as a whole line, and with the line end in front that belongs to it."""
        marks = b"|".join(re.escape(one.mark) for one in reversed(self._stack)) or rb"(?!)"
        line = rb"(?:" + marks + rb")(?:--)?[ \t\r]{0,%d}(?:\n|\Z)" % _BLANKS
        self._marks, self._marks_in_text = re.compile(line), re.compile(rb"\r?\n" + line)

    def _over(self) -> Iterator[tuple[Leaf, bytes]]:
        if self._leaf is not None:
            yield self._leaf, self._decoder.end()
            self._leaf = None


@dataclass(slots=True)
class _Multipart:
    """One that is open. mark: how its boundary lines begin. alternative: see Leaf. has_begun: whether one has come."""

    mark: bytes
    alternative: int
    has_begun: bool = False


class _Head:
    """The fields of one part that say what it is (RFC 2045 3); all others are left out."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._n_octets = 0
        self._is_wanted = False

    def add(self, line: bytes) -> None:
        """A line of it; raises TooComplex."""
        if line[:1] not in (b" ", b"\t"):
            self._is_wanted = line[:8].lower() == b"content-"
        if self._is_wanted:
            self._octets += line
        self._n_octets += len(line)
        self.check(0)

    def check(self, n_more: int) -> None:
        """Raise TooComplex where so many more octets would be too many."""
        if self._n_octets + n_more > HEAD_OCTETS or len(self._octets) > _FIELDS_OCTETS:
            raise TooComplex("the header of a part is too long")

    def parsed(self) -> Message:
        """What email reads in it."""
        return _PARSER.parsestr(self._octets.decode(_OCTETS), headersonly=True)


def _leaf(number: int, alternative: int, head: Message) -> Leaf:
    return Leaf(
        number,
        alternative,
        head.get_content_type()[:_FACT_CHARACTERS],
        _name(head),
        (head.get_content_charset() or "")[:_FACT_CHARACTERS],
        str(head.get("Content-ID", "")).strip().strip("<>")[:_FACT_CHARACTERS],
        head.get_content_disposition() == "attachment",
    )


def _mark(boundary: str) -> bytes:
    try:
        mark = b"--" + boundary.encode(_OCTETS)
    except UnicodeEncodeError as error:
        raise TooComplex("the boundary of its parts is no octets") from error
    if len(mark) > _BOUNDARY_OCTETS:
        raise TooComplex(f"the boundary of its parts is longer than {_BOUNDARY_OCTETS} octets")
    return mark


def _name(head: Message) -> str:
    """As it is meant: RFC 2231, encoded words where none should be, or bare UTF-8."""
    try:
        name = str(make_header(decode_header(head.get_filename() or "")))
    except (ValueError, LookupError, TypeError):
        return ""
    with contextlib.suppress(UnicodeEncodeError):
        name = text_of(name.encode(_OCTETS), _OCTETS)
    return name[:_FACT_CHARACTERS]


def _certain(data: bytes, at: int, *, is_at_line_start: bool) -> int:
    """Up to where no boundary can begin that goes on in the next block; a line that is too long begins none."""
    line_end = data.rfind(b"\n", max(at, len(data) - _BOUNDARY_LINE_OCTETS))
    line = line_end + 1 if line_end >= 0 else at
    is_line = line_end >= 0 or (is_at_line_start and len(data) - at < _BOUNDARY_LINE_OCTETS)
    if is_line and data[line : line + 2] == b"--"[: len(data) - line]:
        return _without_line_end(data, at, line)
    return len(data) - data.endswith(b"\r")


def _without_line_end(data: bytes, at: int, line: int) -> int:
    """Where content ends in front of a line."""
    if data.endswith(b"\r\n", at, line):
        return line - 2
    return line - data.endswith(b"\n", at, line)


def facts_of(leaf: Leaf) -> dict[str, Any]:
    """Name, type and, for a picture in the text, its identifier, as a fileAttachment has them."""
    is_inline = bool(leaf.content_id) and not leaf.is_attachment
    name = leaf.name or f"part{leaf.number}{_SUFFIXES.get(leaf.media_type, '')}"
    facts: dict[str, Any] = {"name": name, "contentType": leaf.media_type, "isInline": is_inline}
    return {**facts, "contentId": leaf.content_id} if leaf.content_id else facts


_SUFFIXES = {
    "message/rfc822": ".eml",
    "text/plain": ".txt",
    "text/html": ".html",
    "application/pdf": ".pdf",
    "image/tiff": ".tif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
}
