"""Reply and EnhancedStatus: what a server answers (RFC 5321 4.2, RFC 3463, RFC 2034)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")


class EnhancedStatus(NamedTuple):
    """An enhanced mail system status code, `class.subject.detail` (RFC 3463 2)."""

    klass: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"

    @classmethod
    def parse(cls, text: str) -> EnhancedStatus | None:
        """Read the status at the start of a reply text; None where there is none."""
        found = _STATUS.match(text)
        return cls(int(found[1]), int(found[2]), int(found[3])) if found else None


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: a code, an enhanced status or None, and its lines without code and status.

    Lines are printable text without CR and LF; encode() puts the status on every line (RFC 2034 4). mark: what ends
    the last line of a refusal of ours, in brackets, for whoever asks what it means; "" for none.
    """

    code: int
    status: EnhancedStatus | None
    lines: tuple[str, ...]
    mark: str = ""
    _octets: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, code: int, status: str, text: str, mark: str = "") -> Reply:
        """Build a reply from `250, "2.1.0", "OK"`; an empty status means none."""
        return cls(code, _parse(status) if status else None, (text,), mark)

    @property
    def text(self) -> str:
        """All lines joined by one space, the status in front, the mark behind: `5.7.1 Relaying denied (R0)`."""
        words = " ".join(self.lines) + self._ending
        return f"{self.status} {words}" if self.status else words

    @property
    def is_positive(self) -> bool:
        """Whether the code says yes (2yz) or go on (3yz)."""
        return 200 <= self.code < 400

    @property
    def is_temporary(self) -> bool:
        """Whether the code says not now (4yz)."""
        return 400 <= self.code < 500

    @property
    def unmarked(self) -> Reply:
        """The same without its mark."""
        return replace(self, mark="") if self.mark else self

    @property
    def _ending(self) -> str:
        return f" ({self.mark})" if self.mark else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"

    def encode(self) -> bytes:
        """Give the octets for the wire, every line ended by CRLF (RFC 5321 4.2.1); a reply that is said often keeps
        them.
        """
        if self._octets is not None:
            return self._octets
        status, last = f"{self.status} " if self.status else "", len(self.lines) - 1
        lines = (*self.lines[:-1], self.lines[-1] + self._ending) if self.mark else self.lines
        octets = "".join(
            [f"{self.code}{' ' if n == last else '-'}{status}{line}\r\n" for n, line in enumerate(lines)]
        ).encode()
        object.__setattr__(self, "_octets", octets)
        return octets


@lru_cache(maxsize=256)
def _parse(text: str) -> EnhancedStatus | None:
    """As EnhancedStatus.parse, for the few that we say ourselves."""
    return EnhancedStatus.parse(text)
