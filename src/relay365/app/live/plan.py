"""The plan of difference: what a changed file changes in a running relay. Pure; who performs it is apart.

Everything is live but what only a start can choose: where the data is, and how its disk is shared. Such a key keeps its
old value, and is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay365.config import Config
from relay365.config import Listener as ListenerTable

FIXED = (("server", "data"), ("queue", "disk_floor"), ("queue", "disk_share"))
"""(table, key) that only a restart changes."""

LISTS = frozenset({"allow", "user", "device", "rule", "tenant"})

Marks = Mapping[str, Hashable]
"""For each route, in the order of the file, all that it is made from: where two are alike the route need not be new."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of things with names: what is as it was, what is another one under its name, what is new, and what is gone."""

    same: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @classmethod
    def between(cls, old: Marks, new: Marks) -> Change:
        """Of what bears these names, by what each is made from."""
        both = [name for name in new if name in old]
        return cls(
            tuple(name for name in both if old[name] == new[name]),
            tuple(name for name in both if old[name] != new[name]),
            tuple(name for name in new if name not in old),
            tuple(name for name in old if name not in new),
        )

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed)

    def as_object(self) -> dict[str, list[str]]:
        """For --json; without what is as it was."""
        return {key: list(getattr(self, key)) for key in ("changed", "added", "removed")}

    def words(self, thing: str) -> list[str]:
        """A line for each, for people."""
        return [f"{thing} {name} {key}" for key, names in self.as_object().items() for name in names]


@dataclass(frozen=True, slots=True)
class Plan:
    """What differs. tables: headings of the other tables that do, in the order of config.md.

    restart: keys that keep their old value until a restart, as `[server] data`.
    reroutes: whether mail that waits may have another way now.
    """

    listeners: Change = Change()
    routes: Change = Change()
    tables: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    reroutes: bool = False

    def words(self) -> list[str]:
        """A line for each change, for people and for the journal; none where nothing has changed."""
        found = [*self.listeners.words("listener"), *self.routes.words("route")]
        return [*found, *(f"{heading} changed" for heading in self.tables)]

    def as_object(self) -> dict[str, Any]:
        """For --json."""
        return {
            "listeners": self.listeners.as_object(), "routes": self.routes.as_object(), "tables": list(self.tables),
            "needs_restart": list(self.restart),
        }  # fmt: skip


def difference(old: Config, new: Config, marks: tuple[Marks, Marks]) -> Plan:
    """From the configuration that holds to one that was read. marks: of the routes of both."""
    kept = effective(old, new)
    routes = Change.between(*marks)
    tables = [
        name
        for name in Config.model_fields
        if name not in ("listener", "route") and getattr(old, name) != getattr(kept, name)
    ]
    return Plan(
        listeners=Change.between(named_listeners(old.listener), named_listeners(new.listener)),
        routes=routes,
        tables=tuple(f"[[{name}]]" if name in LISTS else f"[{name}]" for name in tables),
        restart=tuple(
            f"[{table}] {key}" for table, key in FIXED if _of(old, table, key) != _of(new, table, key)
        ),
        reroutes=bool(routes) or bool({"rule", "sender"} & set(tables)) or tuple(marks[0]) != tuple(marks[1]),
    )


def effective(old: Config, new: Config) -> Config:
    """The new configuration with what only a restart changes as it was."""
    parts = {
        table: getattr(new, table).model_copy(
            update={key: _of(old, table, key) for one, key in FIXED if one == table}
        )
        for table, _ in FIXED
    }
    return new.model_copy(update=parts)


def named_listeners(tables: Sequence[ListenerTable]) -> dict[str, ListenerTable]:
    """The tables by address; with a number where an address stands twice, as that of any free port may."""
    seen: Counter[str] = Counter()
    found = {}
    for table in tables:
        seen[table.address] += 1
        n = seen[table.address]
        found[table.address if n == 1 else f"{table.address} ({n})"] = table
    return found


def _of(config: Config, table: str, key: str) -> object:
    return getattr(getattr(config, table), key)
