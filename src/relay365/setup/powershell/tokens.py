"""The words of a script: strings, variables, parameters, operators. Strict: what we never write is an error.

Apart from grammar, which knows what may follow what. Not here, because our scripts do without: here-strings, backtick
line continuations, block comments, type literals, aliases. (PowerShell Language Specification 3.0, chapter 2)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from relay365.setup.powershell.literals import SINGLE_QUOTES


class ScriptError(ValueError):
    """The script is not in the PowerShell that we write; the text names the line."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(f"line {line}: {reason}")


@dataclass(frozen=True, slots=True)
class Token:
    """kind: string, expandable, variable, parameter, dash, number, word, mark, newline. text: without its sigil.

    is_tight: nothing stood between it and the word before.
    """

    kind: str
    text: str
    line: int
    is_tight: bool = False


_WORDS = re.compile(
    r"""(?P<gap>[ \t]+)
    |(?P<newline>\r?\n)
    |(?P<comment>\#[^\n]*)
    |(?P<variable>\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\}))
    |(?P<number>\d+(?:\.\d+)?(?![A-Za-z0-9_]))
    |(?P<parameter>-[A-Za-z]+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z]+)?)
    |(?P<mark>@\(|@\{|\$\(|[(){}\[\].,;:=|]|\+=|\+|!)
    """,
    re.VERBOSE,
)
_PIECES = re.compile(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})|`(.)|(\$)|([^$`]+)", re.DOTALL
)
_DOUBLE_QUOTES = '"\u201c\u201d\u201e'


def read(text: str) -> Iterator[Token]:
    """The tokens of a script, comments left out; raises ScriptError."""
    at, line, is_tight = 0, 1, False
    while at < len(text):
        if text[at] in SINGLE_QUOTES or text[at] in _DOUBLE_QUOTES:
            kind, quotes = (
                ("string", SINGLE_QUOTES) if text[at] in SINGLE_QUOTES else ("expandable", _DOUBLE_QUOTES)
            )
            value, at = _quoted(text, at, line, quotes)
            yield Token(kind, value, line, is_tight)
            is_tight = True
            continue
        found = _WORDS.match(text, at)
        if found is None:
            raise ScriptError(line, f"{text[at : at + 12]!r} is not in the PowerShell that we write")
        kind, at = str(found.lastgroup), found.end()
        if kind not in ("gap", "comment"):
            yield Token(kind, _bare(kind, found[0]), line, is_tight)
        is_tight = kind not in ("gap", "newline", "comment")
        line += kind == "newline"
    yield Token("newline", "\n", line)


def pieces(text: str, line: int) -> Iterator[tuple[str, str]]:
    """An expandable string as ("text", ...) and ("variable", ...); raises ScriptError for $( ) and a lone $."""
    for found in _PIECES.finditer(text):
        name = found[1] or found[2]
        if found[1] and text[found.end() : found.end() + 1] == ":":
            raise ScriptError(line, f"${name}: in double quotes names a drive: write ${{{name}}}:")
        if found[4]:
            raise ScriptError(line, "a lone $ or $( ) in double quotes: use single quotes and +")
        yield ("variable", name) if name else ("text", found[3] or found[5] or "")


def _bare(kind: str, word: str) -> str:
    if kind == "variable":
        return word[1:].strip("{}")
    return word[1:] if kind == "parameter" else word


def _quoted(text: str, at: int, line: int, quotes: str) -> tuple[str, int]:
    """The content of a quoted string, doubled quotes made single, and where it ends."""
    out: list[str] = []
    at += 1
    while at < len(text) and text[at] != "\n":
        one = text[at]
        if one == "`" and quotes is _DOUBLE_QUOTES:
            out.append(text[at : at + 2])
            at += 2
        elif one not in quotes:
            out.append(one)
            at += 1
        elif at + 1 < len(text) and text[at + 1] in quotes:
            out.append(one)
            at += 2
        else:
            return "".join(out), at + 1
    raise ScriptError(line, "a quote that is not closed on its line")
