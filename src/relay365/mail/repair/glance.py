"""One look at a header section: what decides about a message, and whether anything in it wants repair.

The one scan that mail without fault pays for; all else is done only where it shows something.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from relay365.mail import headers
from relay365.mail.repair.body.encoders import long_line
from relay365.mail.repair.dates import is_near
from relay365.mail.repair.rules import Authors, Given, Rules

_FIELD = re.compile(rb"^([!-9;-~]++)([ \t]*+:[^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+\r\n)", re.MULTILINE)
_PLAIN = rb"(?:\"[^\"\\\r\n]*+\"[ \t]*+|[\w!#$%&'*+/=?^`{|}~.\- ]*+)<[^\s<>()\",;:@]++@[^\s<>()\",;:@]++>"
_BARE = rb"[^\s<>()\",;:@]++@[^\s<>()\",;:@]++"
_ONE = rb"[ \t]*+(?:" + _BARE + rb"(?=[ \t\r,])|" + _PLAIN + rb")[ \t]*+"
_AUTHOR = re.compile(rb"[ \t]*+:" + _ONE + rb"\r\n")
_LIST = re.compile(rb"[ \t]*+:" + _ONE + rb"(?:,(?:\r\n)?+" + _ONE + rb")*+\r\n")
_LISTS = (b"to", b"cc", b"reply-to", b"sender")
_PARTIAL = re.compile(rb"[ \t]*+:\s*+message/partial\b", re.IGNORECASE)
_PIECE = re.compile(rb";\s*(number|total)\s*=\s*\"?(\d{1,6})\b", re.IGNORECASE)
_NONE: list[bytes] = []


class Glance:
    """A header section, looked at once. octets: without the empty line that ends it."""

    __slots__ = ("_values", "facts", "is_regular", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._values: dict[bytes, list[bytes]] = {}
        values, n_octets = self._values, 0
        for name, rest in _FIELD.findall(octets):
            n_octets += len(name) + len(rest)
            values.setdefault(name.lower(), []).append(rest)
        self.is_regular = n_octets == len(octets)
        self.facts = self._facts()

    def _facts(self) -> headers.HeadFacts:
        values = self._values
        message_id = _first(headers.message_id_in, values.get(b"message-id", _NONE))
        header_from = _first(headers.author_in, values.get(b"from", _NONE))
        return headers.HeadFacts(message_id, header_from, len(values.get(b"received", _NONE)))

    def wants_repair(self, rules: Rules, authors: Authors, given: Given) -> bool:
        """Whether there is anything to do or to refuse; never False where there is."""
        return bool(
            (rules.message_id and not self.facts.message_id)
            or (rules.syntax and not self.is_well_formed())
            or self._wants_date(rules, given.at)
            or (rules.sender and b"from" not in self._values)
            or (rules.recipient and b"to" not in self._values and b"cc" not in self._values)
            or (rules.raw_headers and not given.is_utf8 and not self.octets.isascii())
            or self._wants_sender(authors, given)
            or self.is_divided()
        )

    def _wants_date(self, rules: Rules, at: float) -> bool:
        if rules.date == "none":
            return False
        dates = self._values.get(b"date")
        if dates is None:
            return True
        value = dates[0].lstrip(b" \t")[1:].strip()
        return rules.date == "replace" and not is_near(value, at, rules.date_off_s)

    def is_well_formed(self) -> bool:
        """Whether nothing in it wants a repair of `syntax`: whole fields, one author, lists in order, no long line."""
        values = self._values
        authors = values.get(b"from", _NONE)
        if not self.is_regular or len(authors) > 1 or long_line(self.octets)[0]:
            return False
        if authors and _AUTHOR.fullmatch(authors[0]) is None:
            return False
        for name in _LISTS:
            for one in values.get(name, _NONE):
                if _LIST.fullmatch(one) is None:
                    return False
        return True

    def is_divided(self) -> bool:
        """Whether it is one piece of a message that its sender has divided (message/partial, RFC 2046 5.2.2)."""
        kinds = self._values.get(b"content-type", _NONE)
        return any(_PARTIAL.match(one) is not None for one in kinds)

    def piece(self) -> str:
        """Which piece of a divided message it is: `1/5`, or `1` where only the last one says how many there are."""
        if not self.is_divided():
            return ""
        said = {
            name.lower(): n.decode()
            for one in self._values[b"content-type"]
            for name, n in _PIECE.findall(one)
        }
        return "/".join(filter(None, (said.get(b"number", "?"), said.get(b"total"))))

    def _wants_sender(self, authors: Authors, given: Given) -> bool:
        if given.sender:
            return True
        if not given.reverse_path:
            return authors.null == "rewrite"
        if authors.foreign == "pass":
            return False
        return authors.is_foreign(given.reverse_path) or authors.is_foreign(self.facts.header_from)


def _first(read: Callable[[bytes], str], values: list[bytes]) -> str:
    """What the first value says that says anything."""
    for value in values:
        if said := read(value):
            return said
    return ""
