"""Blocks of TOML to paste: a table for one device, written from plain values as a person would write it.

Apart from the commands that print them; tomllib only reads. Every block is read again before it is shown.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def device_block(table: Mapping[str, Any]) -> str:
    """A [[device]] table; tables inside it are written inline, and what is None is left out."""
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]
    return "\n".join(["[[device]]", *lines]) + "\n"


def read_value(text: str) -> Any:
    """A value as it stands in TOML, and plain words as text: `true`, `10`, `["@a.test"]`, `25M`."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return _text(str(value))


def _text(value: str) -> str:
    """A basic string: the escapes of JSON are those of TOML, but that TOML wants DEL escaped, too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)
