"""$name in values of main.cf. Pure; apart from `main_cf`, because values of tables and of -o are expanded, too.

Knows $name, $(name), ${name}, ${name?text}, ${name:text}, ${name?{text}:{text}} and ${{a} == {b} ? {c} : {d}}.
(postconf(5), "Parameter values"; Postfix 3.0 for comparisons, 3.6 for `level`)
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9_]+")
_COMPARED = re.compile(r"(==|!=|<=level|>=level|<level|>level|<=|>=|<|>)")
_DEEPEST = 50  # a parameter that names itself never ends
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class ExpandError(Exception):
    """A value that cannot be expanded; its text says why."""


def expand(text: str, value_of: Callable[[str], str | None], depth: int = 0) -> str:
    """The text with every $name replaced. value_of: the raw value of a name; None for one that nobody knows."""
    if depth > _DEEPEST:
        raise ExpandError("it names itself")
    out, at = [], 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "$":
            out.append("$")
            at += 2
        elif text[at + 1] in "{(":
            inside, at = enclosed(text, at + 1)
            out.append(_conditional(inside.strip(), value_of, depth))
        else:
            found = _NAME.match(text, at + 1)
            if found is None:
                raise ExpandError(f"a $ without a name: {text[at : at + 10]}")
            out.append(_value(found[0], value_of, depth))
            at = found.end()
    return "".join(out)


def enclosed(text: str, at: int) -> tuple[str, int]:
    """(what stands between the bracket at `at` and its partner, the place behind it)."""
    opening = text[at]
    closing = {"{": "}", "(": ")"}[opening]
    depth = 0
    for n in range(at, len(text)):
        depth += (text[n] == opening) - (text[n] == closing)
        if depth == 0:
            return text[at + 1 : n], n + 1
    raise ExpandError(f"no {closing} for {text[at : at + 20]}")


def _conditional(inside: str, value_of: Callable[[str], str | None], depth: int) -> str:
    if inside.startswith("{"):
        holds, rest = _comparison(inside, value_of, depth)
        if rest[:1] != "?":
            raise ExpandError(f"a comparison without ?: {inside[:40]}")
    else:
        found = _NAME.match(inside)
        if found is None:
            raise ExpandError(f"no name in ${{{inside[:20]}}}")
        rest = inside[found.end() :].strip()
        known = _value(found[0], value_of, depth, must_exist=not rest)
        if not rest:
            return known
        holds = bool(known)
    return _branch(rest, value_of, depth, holds=holds)


def _branch(rest: str, value_of: Callable[[str], str | None], depth: int, *, holds: bool) -> str:
    """`?text`, `:text`, `?{text}:{text}`."""
    sign, rest = rest[0], rest[1:].strip()
    if sign not in "?:":
        raise ExpandError(f"neither ? nor : in {rest[:20]}")
    chosen, other = rest, ""
    if rest.startswith("{"):
        chosen, end = enclosed(rest, 0)
        tail = rest[end:].strip()
        if tail.startswith(":"):
            other = tail[1:].strip()
            other = enclosed(other, 0)[0] if other.startswith("{") else other
    wanted = chosen if holds == (sign == "?") else other
    return expand(wanted.strip(), value_of, depth + 1)


def _comparison(inside: str, value_of: Callable[[str], str | None], depth: int) -> tuple[bool, str]:
    """(whether `{a} sign {b}` holds, what stands behind it)."""
    left, at = enclosed(inside, 0)
    sign = _COMPARED.match(inside[at:].lstrip())
    behind = inside[at:].lstrip()[sign.end() :].lstrip() if sign else ""
    if sign is None or not behind.startswith("{"):
        raise ExpandError(f"no comparison: {inside[:40]}")
    right, end = enclosed(behind, 0)
    one, two = (expand(side.strip(), value_of, depth + 1) for side in (left, right))
    if sign[0].endswith("level"):
        return _SIGNS[sign[0].removesuffix("level")](_level(one), _level(two)), behind[end:].strip()
    if one.isdigit() and two.isdigit():
        return _SIGNS[sign[0]](int(one), int(two)), behind[end:].strip()
    return _SIGNS[sign[0]](one, two), behind[end:].strip()


def _level(text: str) -> tuple[int, ...]:
    """A compatibility level as numbers that can be compared; the third one does not count (postconf(5))."""
    parts = [int(part) if part.isdigit() else 0 for part in text.split(".")[:2]]
    return tuple([*parts, 0, 0][:2])


def _value(name: str, value_of: Callable[[str], str | None], depth: int, *, must_exist: bool = True) -> str:
    raw = value_of(name)
    if raw is None:
        if must_exist:
            raise ExpandError(f"${name} is not set here, and its default is not known")
        return ""
    return expand(raw, value_of, depth + 1)
