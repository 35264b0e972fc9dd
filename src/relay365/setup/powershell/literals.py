"""Values as PowerShell literals: what we put into a script can never become code in it.

Single-quoted strings only: nothing is expanded in them. PowerShell takes the typographic quotes U+2018 to U+201B for
the plain one, so each of them is doubled, too. (Microsoft: about_Quoting_Rules; PowerShell's own
CodeGeneration.EscapeSingleQuotedStringContent does the same)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"

Value = str | bool | int | None | Sequence["Value"] | Mapping[str, "Value"]


def literal(value: Value) -> str:
    """A value as PowerShell writes it: 'text', $true, 7, $null, @('a', 'b'), @{ key = 'value' }.

    Raises ValueError for text with control characters: no name or address has any, and a line end would split a
    script that is pasted.
    """
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "@{ " + "; ".join(f"{_key(key)} = {literal(one)}" for key, one in value.items()) + " }"
    return "@(" + ", ".join(literal(one) for one in value) + ")"


def odata(value: str) -> str:
    """Text as a string of an OData filter, where the quote is doubled. (OData 4.01 URL Conventions 5.1.1.6.1)"""
    return "'" + value.replace("'", "''") + "'"


def comment(value: str) -> str:
    """Text that may stand behind #: on one line, without control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in value).split())


def _text(value: str) -> str:
    if any(ord(one) < 32 or 127 <= ord(one) < 160 or one in "\u2028\u2029" for one in value):
        raise ValueError(f"a text without control characters, found {value!r}")
    return "'" + "".join(one * 2 if one in SINGLE_QUOTES else one for one in value) + "'"


def _key(key: str) -> str:
    return key if key.isascii() and key.isidentifier() else _text(key)
