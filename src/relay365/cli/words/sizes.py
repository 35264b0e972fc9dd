"""Sizes as people write them, by the reader that the configuration has: what stands there may stand in a command."""

from __future__ import annotations

from typing import Any

import click

from relay365.cli.words.output import wrong_value

EXPECTED = 'a size such as "25M"'  # as the configuration says it


def size_of(text: str) -> int | None:
    """Octets of `25M`, `100K` or `20000000`; None where it is no size."""
    from pydantic import TypeAdapter, ValidationError

    from relay365.config.words import Size

    try:
        found: int = TypeAdapter(Size).validate_python(text)
    except ValidationError:
        return None
    return found


class Octets(click.ParamType[int]):
    """`25M`; gives octets."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See click.ParamType; leaves with 2."""
        octets = value if isinstance(value, int) else size_of(str(value))
        if octets is None:
            do = "digits alone for octets, or K, M or G behind them for so many times 1024: "
            wrong_value(param, str(value), EXPECTED, f"{do}25M")
        return octets
