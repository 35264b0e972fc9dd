"""SQL in the open: one file of named queries per engine, loaded once."""

from __future__ import annotations

import re
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)\n(?:--.*\n)*", re.MULTILINE)


def load_queries(engine: str, file: str = "queries.sql") -> dict[str, str]:
    """The queries of sql/ENGINE/FILE by name."""
    text = files("relay365.spool.sql").joinpath(engine, file).read_text("utf-8")
    parts = _HEADER.split(text)
    return {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


def load_migrations(engine: str) -> list[tuple[int, str]]:
    """(number, SQL) of sql/ENGINE/migrations in their order."""
    folder = files("relay365.spool.sql").joinpath(engine, "migrations")
    found = [
        (int(entry.name[:4]), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)
