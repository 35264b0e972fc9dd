"""Values as PowerShell literals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.setup.powershell.grammar import parse
from relay365.setup.powershell.literals import SINGLE_QUOTES, comment, literal, odata
from relay365.setup.powershell.tree import Assignment, Literal

PRINTABLE = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")) | st.sampled_from(SINGLE_QUOTES + '"`$@#')
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("scan@contoso.com", "'scan@contoso.com'"), ("o'brien", "'o''brien'"), ("a\u2019b", "'a\u2019\u2019b'"),
        ("$(calc) `n", "'$(calc) `n'"), (True, "$true"), (False, "$false"), (None, "$null"), (30, "30"), ((), "@()"),
        (("a", "b"), "@('a', 'b')"), ({"a": 1, "a b": "c"}, "@{ a = 1; 'a b' = 'c' }"),
    ],
)  # fmt: skip
def test_literals(value: object, written: str) -> None:
    """Each kind of value, with quotes of every shape doubled."""
    assert written == literal(value)  # type: ignore[arg-type]


@given(PRINTABLE)
def test_a_text_comes_back_as_it_went(text: str) -> None:
    """Whatever is written as a literal is read as that text and nothing else."""
    (statement,) = parse(f"$x = {literal(text)}").body

    assert Assignment("x", Literal(text)) == statement


@pytest.mark.parametrize("text", ["a\nb", "a\r", "\x00", "\x1b[0m", "a\u2028b", "\x85"])
def test_control_characters(text: str) -> None:
    """They have no place in a script that is pasted."""
    with pytest.raises(ValueError, match="without control characters"):
        literal(text)


def test_odata_and_comments() -> None:
    """OData doubles the quote; a comment stays on its line."""
    assert "'o''brien'" == odata("o'brien")
    assert "a Remove-Mailbox b" == comment("a\nRemove-Mailbox\r\tb\x00")
