"""Spool ids: a sequence number in letters that a person can read over the telephone (no 0 O 1 I)."""

from __future__ import annotations

from relay365.mail.envelope import SpoolId

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_WIDTH = 6
_MOST = (1 << 63) - 1  # what the database can hold
_VALUE = {letter: n for n, letter in enumerate(ALPHABET)}


def spool_id_of(seq: int) -> SpoolId:
    """The id of a sequence number; ids of one width sort like their numbers."""
    letters = ""
    while seq or len(letters) < _WIDTH:
        letters = _PAIRS[seq & 1023] + letters
        seq >>= 10
    return SpoolId(letters.lstrip(ALPHABET[0]).rjust(_WIDTH, ALPHABET[0]))


def seq_of(spool_id: str) -> int | None:
    """The sequence number of an id in any case; None where the text is no id."""
    seq = 0
    text = spool_id.strip().upper()
    if len(text) < _WIDTH or len(text) > 13:
        return None
    for letter in text:
        if letter not in _VALUE:
            return None
        seq = seq * 32 + _VALUE[letter]
    return seq if seq <= _MOST else None
