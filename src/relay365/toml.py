"""Values as TOML writes them, as a person would: the only place that does, for tomllib only reads. Pure.

Apart from whoever makes a file of them (`setup.writing`, `moving.draft`, the commands that print blocks to paste), so
that all of them write the same value in the same way. (TOML 1.0)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, time
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_line(key: str, value: Any) -> str:
    """A key with its value, without a line end."""
    return f"{_key(key)} = {as_toml(value)}"


def as_toml(value: Any) -> str:
    """A value on one line: tables inline. What TOML has no kind for, such as a network, is written as its text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        inside = ", ".join(toml_line(key, one) for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(as_toml(one) for one in value) + "]"
    return _text(str(value))


def _text(value: str) -> str:
    """A literal string where that can hold it, as for Windows paths, else a basic one with escapes."""
    if "\\" in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return "".join(
        one if one.isprintable() else _escaped(one) for one in json.dumps(value, ensure_ascii=False)
    )


def _escaped(one: str) -> str:
    """The escapes of JSON are those of TOML, but that TOML wants DEL escaped, too, and has more than 16 bits."""
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"


def _key(key: str) -> str:
    """A key as it may stand; one in a literal string could not be told from a path."""
    return key if _BARE.fullmatch(key) else _text(key)
