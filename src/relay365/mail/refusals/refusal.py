"""Refusal: one text that a device may hear instead of a yes, and what a person should know of it.

Panels show the code, or the first twenty to sixty characters: so a refusal is an enhanced code, at most six plain words
and a short mark. The mark is that of the rule that decided (R3), or else the refusal's own (A12); `explain` knows both.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from relay365.mail.status import Reply

MOST_WORDS = 6
_NAMES = re.compile(r"\{\w+\}")
_KB = 1024


class Refusal(NamedTuple):
    """One of the closed list (relay365.mail.refusals.closed).

    mark: its own, which stays for ever; "" where a rule's mark always stands in its place. words: what the device
    hears, with {names} to be filled in. why and do: for people; {place} and {listener} are those of the rule.
    """

    mark: str
    code: int
    status: str
    words: str
    why: str
    do: str

    def said(self, mark: str = "", **filled: str) -> Reply:
        """The reply. mark: that of the rule that decided, "" for its own."""
        return _said(self, mark or self.mark, tuple(filled.items()))

    def cure(self, place: str = "its rule", listener: str = "its own listener") -> str:
        """What heals it, where the rule that decided stands in this place."""
        return self.do.replace("{place}", place).replace("{listener}", listener)

    @property
    def in_general(self) -> str:
        """Its words for no case in particular: `message too big, limit ...`."""
        return _NAMES.sub("...", self.words)

    @property
    def beginning(self) -> str:
        """Its words as far as they are always the same."""
        return self.words.partition("{")[0].rstrip()


@lru_cache(maxsize=512)
def _said(refusal: Refusal, mark: str, filled: tuple[tuple[str, str], ...]) -> Reply:
    text = refusal.words.format(**dict(filled)) if filled else refusal.words
    return Reply.of(refusal.code, refusal.status, text, mark)


def limit_words(n_octets: int) -> str:
    """A limit in two words, rounded down so that nobody is promised too much: `35 MB`, `1.5 MB`, `900 octets`."""
    if n_octets < _KB:
        return f"{n_octets} octets"
    unit, size = ("KB", _KB) if n_octets < _KB * _KB else ("MB", _KB * _KB)
    whole, tenth = divmod(n_octets * 10 // size, 10)
    return f"{whole}.{tenth} {unit}" if tenth else f"{whole} {unit}"
