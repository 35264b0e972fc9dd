"""The filter words of `--where`: `device:copier age>10m error:rate-limit`, read into what the search wants.

Apart from the commands because `queue` and `history` share them, and a word must mean the same in both. Here is also
who acts, for the line that each move leaves in a history.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from relay365.cli.words.output import WRONG_USE, fail, now, printable
from relay365.cli.words.sizes import EXPECTED, size_of
from relay365.cli.words.times import instant_of, span_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from relay365.spool.api import MessageView
    from relay365.spool.history.wanted import Wanted

MOST = 1_000_000
WORDS = ("id", "from", "to", "device", "state", "error", "age", "size", "subject", "text", "since", "until")
STATES = ("queued", "claimed", "held", "delivered", "failed", "expired")
_TERM = re.compile(r"([a-z]+)(:|>=|<=|>|<)(.+)", re.DOTALL)


class _Wrong(Exception):
    """A term cannot be read; its text says what was expected."""


def read_where(text: str, wanted: Wanted) -> Wanted:
    """What is wanted, narrowed by a filter; leaves with 2 and says which term is wrong, and why."""
    try:
        terms = shlex.split(text)
        for term in terms:
            wanted = _narrowed(wanted, term)
    except (_Wrong, ValueError) as error:
        fail(
            WRONG_USE,
            f"--where {printable(text)!r} cannot be read",
            str(error),
            "words are " + " ".join(WORDS) + "; for example --where 'device:copier age>10m state:held'",
        )
    return wanted


def chosen(config_file: Path | None, where: str, states: Sequence[str]) -> list[MessageView]:
    """The messages that a filter means, oldest first; of these states, unless the filter names others of them."""
    from relay365.cli.words.past import with_history
    from relay365.spool.api import State
    from relay365.spool.history.wanted import Wanted

    wanted = read_where(where, Wanted())
    allowed = frozenset(State(one) for one in states)
    if allowed:
        narrowed = wanted.states & allowed if wanted.states else allowed
        if not narrowed:
            return []
        wanted = replace(wanted, states=narrowed)
    found: list[MessageView] = with_history(
        config_file, lambda past: past.find(wanted, MOST, with_events=False)
    )
    return found[::-1]


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def person(reason: str = "") -> str:
    """Who acts, and why, for a history: `a person (alice)`, or `a person (alice): change window`."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's user without a name; Windows without USERNAME
        name = ""
    who = f"a person ({printable(name)})" if name else "a person"
    return f"{who}: {printable(reason)}" if reason else who


def _narrowed(wanted: Wanted, term: str) -> Wanted:
    found = _TERM.fullmatch(term)
    if found is None:
        return _any(wanted, ":", term)
    if found[1] not in WORDS:
        raise _Wrong(f"{printable(found[1])} is no word of a filter; what may stand anywhere is text:...")
    word, sign, value = found.groups()
    if sign != ":" and word not in ("age", "size"):
        raise _Wrong(f"{word} is followed by a colon; only age and size can be compared")
    return _READERS[word](wanted, sign, value)


def _from(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, sender=value)


def _to(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, to=value)


def _device(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, device=value)


def _subject(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, subject=value)


def _any(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, words=(*wanted.words, value))


def _id(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, ids=wanted.ids | {one.strip().upper() for one in value.split(",")})


def _state(wanted: Wanted, sign: str, value: str) -> Wanted:
    from relay365.spool.api import State

    names = value.split(",")
    for name in names:
        if name not in STATES:
            raise _Wrong(f"there is no state {printable(name)}; there are {', '.join(STATES)}")
    return replace(wanted, states=wanted.states | {State(name) for name in names})


def _error(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, errors=wanted.errors | set(value.split(",")))


def _age(wanted: Wanted, sign: str, value: str) -> Wanted:
    span_s = span_of(value)
    if span_s is None:
        raise _Wrong(f"age is compared with a span of time: age>10m, age<2d; found {printable(value)}")
    at = now() - span_s
    if sign in ("<", "<="):
        return replace(wanted, since_at=max(wanted.since_at, at))
    return replace(wanted, until_at=min(wanted.until_at, at))


def _size(wanted: Wanted, sign: str, value: str) -> Wanted:
    found = size_of(value)
    if found is None:
        raise _Wrong(f"size is compared with {EXPECTED}: size>25M, size<10K; found {printable(value)}")
    octets = float(found)
    least, most = wanted.octets
    if sign in ("<", "<="):
        return replace(wanted, octets=(least, min(most, octets - (sign == "<"))))
    return replace(wanted, octets=(max(least, octets + (sign == ">")), most))


def _since(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, since_at=max(wanted.since_at, _instant("since", value)))


def _until(wanted: Wanted, sign: str, value: str) -> Wanted:
    return replace(wanted, until_at=min(wanted.until_at, _instant("until", value)))


def _instant(word: str, value: str) -> float:
    at = instant_of(value)
    if at is None:
        raise _Wrong(
            f"{word} wants an age (2h, 3d) or an instant (2026-11-25T10:00:00Z), found {printable(value)}"
        )
    return at


_READERS: dict[str, Callable[[Wanted, str, str], Wanted]] = {
    "id": _id, "from": _from, "to": _to, "device": _device, "state": _state, "error": _error, "age": _age,
    "size": _size, "subject": _subject, "text": _any, "since": _since, "until": _until,
}  # fmt: skip
