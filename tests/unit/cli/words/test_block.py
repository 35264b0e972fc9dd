"""Blocks of TOML read back as what they were made of."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.cli.words.block import device_block, read_value

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_VALUES = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), _TEXT, st.lists(_TEXT, max_size=3))


@given(st.dictionaries(_TEXT, st.one_of(_VALUES, st.dictionaries(_TEXT, _VALUES, max_size=3)), max_size=4))
def test_a_block_is_what_it_was_made_of(table: dict[str, Any]) -> None:
    """Whatever is in names and values: quotes, line ends, control characters."""
    assert [table] == tomllib.loads(device_block(table))["device"]


def test_a_block_reads_as_a_person_would_write_it() -> None:
    """One line for each key, tables in it inline, nothing for what is not set."""
    table = {
        "name": "ups",
        "place": None,
        "match": {"address": ["192.168.10.90"]},
        "starttls": False,
        "per_minute": 5,
    }

    assert (
        '[[device]]\nname = "ups"\nmatch = { address = ["192.168.10.90"] }\nstarttls = false\nper_minute = 5\n'
        == device_block(table)
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("10", 10),
        ('["@a.test"]', ["@a.test"]),
        ("25M", "25M"),
        ("ground floor", "ground floor"),
        ('"x"', "x"),
    ],
)
def test_a_value_is_toml_or_plain_words(text: str, value: object) -> None:
    """So that nobody has to quote quotes in a shell."""
    assert value == read_value(text)
