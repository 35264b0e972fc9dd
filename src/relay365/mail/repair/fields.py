"""A header section as fields that can be edited one by one; what is not edited keeps its octets.

Apart from the repairs so that each of them sees what the earlier ones have made of a field. (RFC 5322 2.2)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay365.mail.headers import MAX_HEAD_OCTETS
from relay365.mail.repair.signed import is_sealed, why_signed

DIFF_OCTETS = 4096  # how much of what was replaced is kept with the message

# No pattern here can match in two ways: a hostile header must not cost more than its length.
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:[^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+\r\n")
_FOLD = re.compile(rb"\r\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Edit:
    """In a content, `length` octets at `offset` become `replacement`; name is the repair that asked for it."""

    offset: int
    length: int
    replacement: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the record. what: in words; before and after: header lines, as they were and are."""

    name: str
    what: str
    before: bytes = b""
    after: bytes = b""


class Field:
    """One field, or a line that is none (name is ""). octets: with its line end; now: what it has become."""

    __slots__ = ("name", "now", "octets", "offset", "repairs")

    def __init__(self, offset: int, octets: bytes, name: str) -> None:
        self.offset, self.octets, self.now, self.name = offset, octets, octets, name
        self.repairs: list[str] = []

    @property
    def value(self) -> bytes:
        """What stands behind the colon now, unfolded."""
        return _FOLD.sub(b"", self.now.partition(b":")[2]).strip()

    @property
    def label(self) -> bytes:
        """The name as it is written."""
        return self.octets.partition(b":")[0].strip()


class Draft:
    """A header section under repair. head: without the empty line that ends it; body: the beginning of the rest.

    seal: why what stands here is left alone, "" where it may be changed; then a change is only recorded as left out.
    """

    def __init__(self, head: bytes, body: bytes = b"") -> None:
        self.fields = split(head)
        self.added = bytearray()
        self.changes: list[Change] = []
        self._signatures = [field.value for field in self.all("dkim-signature")]
        self.seal = why_signed(self._signatures, [field.value for field in self.all("content-type")], body)

    def first(self, name: str) -> Field | None:
        """The first field of a name in lower case that still stands."""
        return next(iter(self.all(name)), None)

    def all(self, *names: str) -> list[Field]:
        """All fields of some names that still stand."""
        return [field for field in self.fields if field.name in names and field.now]

    def replace(self, field: Field, now: bytes, name: str, what: str) -> None:
        """A field becomes other lines, each with its line end; b"" takes it away."""
        if self.seal:
            self.leave(name, f"left alone, the message is sealed ({self.seal}): {what}")
            return
        self.changes.append(Change(name, what, field.now, now))
        field.now = now
        field.repairs.append(name)

    def add(self, line: bytes, name: str, what: str) -> None:
        """A field more, in front of the content, where our trace stands, too; it breaks no seal but a DKIM one."""
        if is_sealed(self._signatures, line.partition(b":")[0].decode("ascii").lower()):
            self.leave(name, f"left alone, the message is sealed (DKIM-Signature): {what}")
            return
        self.added += line
        self.changes.append(Change(name, what, b"", line))

    def leave(self, name: str, why: str) -> None:
        """What should be put right and is not."""
        self.changes.append(Change(name, why))

    def edits(self) -> tuple[Edit, ...]:
        """What is to be done to the content, in its order."""
        return tuple(
            Edit(field.offset, len(field.octets), field.now, "+".join(dict.fromkeys(field.repairs)))
            for field in self.fields
            if field.now != field.octets
        )


def split(head: bytes) -> list[Field]:
    """Fields and other lines, in order; together they are the head."""
    fields = []
    at = 0
    while at < len(head):
        found = _FIELD.match(head, at)
        if found is not None:
            fields.append(Field(at, found[0], found[1].decode("ascii").lower()))
        else:
            end = head.find(b"\n", at) + 1 or len(head)
            fields.append(Field(at, head[at:end], ""))
        at += len(fields[-1].octets)
    return fields


def end_of_head(octets: bytes, *, is_whole: bool) -> int:
    """Where the header section ends: behind its last line end, in front of the empty line; -1: not within 64 KiB.

    is_whole: the octets are all of the content, so that a content without an empty line is all header.
    """
    if octets.startswith(b"\r\n"):
        return 0
    end = octets.find(b"\r\n\r\n", 0, MAX_HEAD_OCTETS)
    if end >= 0:
        return end + 2
    return len(octets) if is_whole and len(octets) <= MAX_HEAD_OCTETS else -1


def apply(octets: bytes, edits: tuple[Edit, ...]) -> bytes:
    """The octets with the edits made."""
    pieces, at = [], 0
    for edit in edits:
        pieces += [octets[at : edit.offset], edit.replacement]
        at = edit.offset + edit.length
    return b"".join((*pieces, octets[at:]))


def record(changes: list[Change] | tuple[Change, ...]) -> str:
    """All changes as text: a line `name: what` for each, and the lines that went (-) and came (+)."""
    lines = []
    left = DIFF_OCTETS
    for change in changes:
        lines.append(f"{change.name}: {change.what}")
        for sign, octets in (("-", change.before), ("+", change.after)):
            kept = octets[:left]
            left -= len(kept)
            lines += [f"{sign} {line}" for line in _text(kept).splitlines()]
            if len(kept) < len(octets):
                lines.append(f"{sign} ({len(octets) - len(kept)} octets more)")
    return "\n".join(lines)


def _text(octets: bytes) -> str:
    """Header lines for people; octets that are not UTF-8 show by their numbers."""
    return octets.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\\r")
