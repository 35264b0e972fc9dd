"""$name, conditions and comparisons as postconf(5) has them."""

from __future__ import annotations

import pytest

from relay365.moving.postfix.files.expanding import ExpandError, enclosed, expand

VALUES = {
    "host": "mail.contoso.com", "empty": "", "twice": "$host $host", "loop": "x$loop", "level": "3.6", "n": "12",
    "one": "$two", "two": "end",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$host", "mail.contoso.com"),
        ("a.$host.b", "a.mail.contoso.com.b"),
        ("${host}x", "mail.contoso.comx"),
        ("$(host)", "mail.contoso.com"),
        ("$twice", "mail.contoso.com mail.contoso.com"),
        ("$one", "end"),
        ("$$host", "$host"),
        ("${host?yes}", "yes"),
        ("${empty?yes}", ""),
        ("${empty:no}", "no"),
        ("${unknown:no}", "no"),
        ("${host?{yes}:{no}}", "yes"),
        ("${empty?{yes}:{no}}", "no"),
        ("${host?[$host]:25}", "[mail.contoso.com]:25"),
        ("${{$level} <level {3.10} ? {old} : {new}}", "old"),
        ("${{$level} >=level {3.6} ? {new} : {old}}", "new"),
        ("${{$n} > {9} ? {more} : {less}}", "more"),
        ("${{a} == {b} ? {same} : {other}}", "other"),
        ("${{a} != {b} ? {other}}", "other"),
        ("50$", "50$"),
    ],
)
def test_a_value_is_expanded(text: str, expected: str) -> None:
    """Each form gives what Postfix gives; 12 is more than 9, and level 3.6 is less than 3.10."""
    assert expected == expand(text, VALUES.get)


@pytest.mark.parametrize(
    "text", ["$loop", "$unknown", "${host", "${?x}", "$-x", "${{a} ~ {b} ? {c}}", "${{a} == {b}}"]
)
def test_what_cannot_be_expanded_says_so(text: str) -> None:
    """A name without a value, a bracket without its partner, a parameter that names itself."""
    with pytest.raises(ExpandError):
        expand(text, VALUES.get)


def test_brackets_are_counted() -> None:
    """The partner of a brace is the one that closes it, not the first one."""
    assert ("a {b} c", 9) == enclosed("{a {b} c} d", 0)
