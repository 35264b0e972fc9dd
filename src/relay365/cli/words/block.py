"""Blocks of TOML to paste: a table for one device, and a value as it is typed in a shell.

Apart from the commands that print and read them. Every block is read again before it is shown.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from relay365.toml import toml_line


def device_block(table: Mapping[str, Any]) -> str:
    """A [[device]] table; tables inside it are written inline, and what is None is left out."""
    lines = [toml_line(key, value) for key, value in table.items() if value is not None]
    return "\n".join(["[[device]]", *lines]) + "\n"


def read_value(text: str) -> Any:
    """A value as it stands in TOML, and plain words as text: `true`, `10`, `["@a.test"]`, `25M`."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
