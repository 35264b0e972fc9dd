"""The query options that lists take: $filter, $orderby, $top, $skip, $select. Pure.

Only what Microsoft documents for messages and message traces: comparisons joined by `and`, and three functions of
strings. Anything else is refused as Graph refuses it, so that a client cannot come to rely on more.
(OASIS OData 4.01 part 2, 5.1; Microsoft: "Use query parameters to customize responses", "List messages")
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from relay365.emulator.graph.answers import GraphError

MOST_DIGITS = 10

Item = Mapping[str, Any]

_VALUE = r"'(?:[^']|'')*'|[A-Za-z0-9:.+\-]+"
_CLAUSE = re.compile(
    rf"\s*(?:(?P<call>contains|startswith|endswith)\(\s*(?P<field>[\w/]+)\s*,\s*(?P<text>'(?:[^']|'')*')\s*\)"
    rf"|(?P<name>[\w/]+)\s+(?P<op>eq|ne|ge|gt|le|lt)\s+(?P<value>{_VALUE}))\s*",
    re.IGNORECASE,
)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.IGNORECASE)
_AND = re.compile(r"\s*and\s+", re.IGNORECASE)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt,
}  # fmt: skip
_CALLS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison: a property path, an operator or function, and a value."""

    name: str
    how: str
    value: Any

    def fits(self, item: Item) -> bool:
        """Whether an item fits; strings are compared without case, as Exchange does."""
        found = _comparable(_at(item, self.name))
        if self.how in _CALLS:
            return isinstance(found, str) and _CALLS[self.how](found, _comparable(self.value))
        wanted = _comparable(self.value)
        if type(found) is not type(wanted):
            return self.how == "ne"
        return _OPERATORS[self.how](found, wanted)


@dataclass(frozen=True, slots=True)
class Query:
    """The options of one list request; top is a number of items, skip how many to leave out."""

    clauses: tuple[Clause, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    select: tuple[str, ...] = ()
    top: int = 10
    skip: int = 0

    def page(self, items: Iterable[Item]) -> tuple[list[dict[str, Any]], bool]:
        """(the items of this page, reduced to what was selected; whether there are more)."""
        found = [item for item in items if all(clause.fits(item) for clause in self.clauses)]
        for name, is_descending in reversed(self.order):
            found.sort(key=lambda item, name=name: _comparable(_at(item, name)), reverse=is_descending)  # type: ignore[misc] # mypy cannot type a lambda with a default
        shown = found[self.skip : self.skip + self.top]
        return [self.reduce(item) for item in shown], len(found) > self.skip + self.top

    def reduce(self, item: Item) -> dict[str, Any]:
        """The selected properties; id always comes along."""
        return {key: value for key, value in item.items() if not self.select or key in (*self.select, "id")}


def read(options: Mapping[str, str], *, top: int, most: int) -> Query:
    """The options of a request; top is the default and most the largest page. Raises GraphError."""
    return Query(
        clauses(options.get("$filter", "")),
        _order(options.get("$orderby", "")),
        tuple(word.strip() for word in options.get("$select", "").split(",") if word.strip()),
        _number(options, "$top", top, most),
        _number(options, "$skip", 0, 2**31),
    )


def clauses(text: str) -> tuple[Clause, ...]:
    """The comparisons of a $filter; raises GraphError."""
    found: list[Clause] = []
    at = 0
    while at < len(text):
        joint = _AND.match(text, at) if found else None
        one = _CLAUSE.match(text, joint.end() if joint else at)
        if one is None or (found and joint is None):
            raise GraphError("bad-query", f"Invalid filter clause: {text[at : at + 60]}")
        found.append(_clause(one))
        at = one.end()
    return tuple(found)


def check_order(query: Query) -> None:
    """Raise GraphError where a list of messages is sorted by what its filter does not begin with."""
    filtered = list(dict.fromkeys(clause.name for clause in query.clauses))
    ordered = [name for name, _ in query.order]
    if filtered and ordered and filtered[: len(ordered)] != ordered:
        raise GraphError("inefficient")


def _clause(found: re.Match[str]) -> Clause:
    if found["call"]:
        return Clause(found["field"], found["call"].lower(), _unquoted(found["text"]))
    value = found["value"]
    if value.startswith("'"):
        return Clause(found["name"], found["op"].lower(), _unquoted(value))
    known: Any = {"true": True, "false": False, "null": None}.get(value.lower(), value)
    if isinstance(known, str):
        known = int(known) if known.isdigit() and len(known) <= MOST_DIGITS else _instant(known)
    return Clause(found["name"], found["op"].lower(), known)


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.upper()) if _INSTANT.fullmatch(text) else None
    except ValueError as error:
        raise GraphError("bad-query", f"Invalid filter clause: {text[:60]}") from error
    if found is None:
        raise GraphError("bad-query", f"Invalid filter clause: {text[:60]}")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _order(text: str) -> tuple[tuple[str, bool], ...]:
    found: list[tuple[str, bool]] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, direction = part.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise GraphError("bad-query", f"Invalid $orderby: {part}")
        found.append((name, direction.strip().lower() == "desc"))
    return tuple(found)


def _number(options: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    if not is_number or not (0 if name == "$skip" else 1) <= int(text) <= most:
        raise GraphError("bad-query", f"Invalid value '{text}' for {name}.")
    return int(text)


def _at(item: Item, path: str) -> Any:
    value: Any = item
    for step in path.split("/"):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _comparable(value: Any) -> Any:
    """Strings in one case, and those that are instants as instants."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return datetime.fromisoformat(value)
    return value.lower()
