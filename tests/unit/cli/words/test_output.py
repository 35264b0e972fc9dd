"""What all commands share."""

from __future__ import annotations

import json

import pytest

from relay365.cli.words.output import age, instant, printable, size, write_json, write_table


def test_a_table_is_aligned_and_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as their widest cell, line ends are bare, controls are made visible."""
    write_table(("ID", "FROM"), [("4TQ921", "a\x1b[2J"), ("X", "long text")])

    assert "ID      FROM\n4TQ921  a?[2J\nX       long text\n" == capsys.readouterr().out


def test_json_is_ascii_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Right for every terminal: line ends, umlauts and lone surrogates are escapes."""
    value = {"a": "x\ny", "b": "ö\ud800"}
    write_json(value)
    said = capsys.readouterr().out

    assert said.isascii()
    assert 1 == said.count("\n")
    assert value == json.loads(said)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 m"), (7199, "1 h"), (86_400, "1 d"), (1e6, "11 d")],
)
def test_an_age_has_one_unit(seconds: float, words: str) -> None:
    """The largest that says something."""
    assert words == age(seconds)


@pytest.mark.parametrize(
    ("octets", "words"), [(0, "0 B"), (1023, "1023 B"), (2048, "2 KB"), (18_874_368, "18.0 MB")]
)
def test_a_size_is_for_people(octets: int, words: str) -> None:
    """B, KB, MB."""
    assert words == size(octets)


def test_an_instant_is_in_utc_or_nothing() -> None:
    """RFC 3339 with milliseconds; 0 and None are never."""
    assert ["1970-01-01T00:00:01.500Z", None, None] == [instant(1.5), instant(0.0), instant(None)]


def test_text_from_outside_is_made_fit() -> None:
    """Controls and line separators become question marks, letters of all scripts stay."""
    assert "a?b?c?ö漢" == printable("a\nb\x1bc\u2028ö漢")
