"""The words of a script."""

from __future__ import annotations

import pytest

from relay365.setup.powershell.tokens import ScriptError, pieces, read


def _kinds(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in read(text) if one.kind != "newline"]


def test_words() -> None:
    """Commands, parameters, variables, strings, numbers and marks; comments are left out."""
    assert [
        ("word", "Get-Mailbox"), ("parameter", "Identity"), ("variable", "box"), ("mark", "|"), ("string", "it's"),
        ("expandable", "a $b"), ("number", "30"), ("mark", "@{"), ("mark", "}"),
    ] == _kinds("Get-Mailbox -Identity ${box} | 'it''s' \"a $b\" 30 @{ } # more")  # fmt: skip


def test_typographic_quotes_are_quotes() -> None:
    """PowerShell ends a string at U+2019, too; doubled it is one of the text."""
    assert [("string", "a")] == _kinds("'a\u2019")
    assert [("string", "a\u2019b")] == _kinds("'a\u2019\u2019b'")


def test_lines_are_counted() -> None:
    """An error names its line."""
    with pytest.raises(ScriptError, match="line 3: a quote that is not closed"):
        list(read("$a = 1\n\n$b = 'open\n"))


@pytest.mark.parametrize("text", ["$a = [int]&1", "a < b", "$x = %{}", "\u00e4", "`"])
def test_what_we_do_not_write(text: str) -> None:
    """Anything outside of our subset is an error and no guess."""
    with pytest.raises(ScriptError):
        list(read(text))


def test_pieces() -> None:
    """Variables and texts of a double-quoted string; a backtick takes the next letter as it is."""
    assert [("text", "a "), ("variable", "b"), ("text", " "), ("text", "$"), ("text", "c")] == list(
        pieces("a ${b} `$c", 1)
    )


@pytest.mark.parametrize("text", ["$(1)", "100 $", "$tenant: x"])
def test_pieces_that_mislead(text: str) -> None:
    """Sub-expressions, a lone dollar, and $name: which names a drive."""
    with pytest.raises(ScriptError):
        list(pieces(text, 1))
