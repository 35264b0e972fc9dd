"""The tables that an import makes, and the file that they are written to. Pure.

Apart from `moving.merging`, which puts them into a file that somebody else has written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from relay365.places import DATA
from relay365.toml import toml_line

LISTS = ("listener", "allow", "device", "route", "rule")
_ORDER = (
    "server",
    "listener",
    "allow",
    "device",
    "tolerate",
    "sender",
    "repair",
    "oversize",
    "route",
    "rule",
    "queue",
)
REST = "all-other"  # the rule for mail that none of the others is about


@dataclass
class Entry:
    """One table. remark: above its heading; asides: behind a value; later: keys that stand as comments for now.

    is_first: it must come before the tables of its kind that are there already, because the first that fits decides.
    """

    keys: dict[str, Any]
    remark: str = ""
    asides: dict[str, str] = field(default_factory=dict)
    later: dict[str, Any] = field(default_factory=dict)
    is_first: bool = False

    def set(self, key: str, value: Any, aside: str = "") -> None:
        """Give a key a value, and a comment behind it."""
        self.keys[key] = value
        if aside:
            self.asides[key] = aside


@dataclass
class Draft:
    """What the old configuration says in our words; source: what it was read from, for the first line."""

    source: str
    tables: dict[str, list[Entry]] = field(default_factory=dict)

    def table(self, name: str) -> Entry:
        """The one table of a name, such as [server]."""
        return self.tables.setdefault(name, [Entry({})])[0]

    def add(self, name: str, entry: Entry) -> Entry:
        """A further table of a list, such as [[allow]]."""
        self.tables.setdefault(name, []).append(entry)
        return entry

    def entries(self, name: str) -> list[Entry]:
        """All tables of a name."""
        return self.tables.get(name, [])

    def written(self) -> Iterator[tuple[str, Entry]]:
        """Every table that says something, in the order of a file that reads like a letter."""
        for name in sorted(self.tables, key=_ORDER.index):
            in_turn = sorted(self.tables[name], key=lambda one: not one.is_first)
            yield from ((name, one) for one in in_turn if one.keys or one.later)


def whole_file(draft: Draft, day: str) -> str:
    """The draft as a file of its own; day: of writing, 2026-11-30."""
    said = draft.table("server")
    asides = {"data": "queue, keys and history: on a disk that survives a power cut", **said.asides}
    server = Entry({"data": DATA, **said.keys}, said.remark, asides, said.later)
    whole = Draft(draft.source, {**draft.tables, "server": [server]})
    head = (
        f"# relay365, written by relay365 import on {day} from {draft.source}.",
        "# Every key: relay365 config show, and docs/config.md. After a change: relay365 config check.",
    )
    return "\n".join([*head, "", *(written(name, one) for name, one in whole.written())]).rstrip("\n") + "\n"


def written(name: str, entry: Entry) -> str:
    """One table with its heading, and an empty line behind it."""
    heading = f"[[{name}]]" if name in LISTS else f"[{name}]"
    remark = [f"# {line}" for line in entry.remark.splitlines()]
    return "\n".join([*remark, heading, *lines(entry), ""])


def lines(entry: Entry) -> list[str]:
    """Its keys, one a line."""
    said = [
        toml_line(key, value) + (f"  # {entry.asides[key]}" if key in entry.asides else "")
        for key, value in entry.keys.items()
    ]
    later = [
        f"# {toml_line(key, value)}" + (f"  # {entry.asides[key]}" if key in entry.asides else "")
        for key, value in entry.later.items()
    ]
    return said + later


def duration(value_s: int) -> str:
    """Seconds as our configuration writes them, in the largest unit that loses nothing."""
    for unit, size_s in (("d", 86400), ("h", 3600), ("m", 60)):
        if value_s and value_s % size_s == 0:
            return f"{value_s // size_s}{unit}"
    return f"{value_s}s"
