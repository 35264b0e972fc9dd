"""What is written as TOML, tomllib reads back as the same value."""

from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.toml import as_toml, toml_line

_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_PLAIN = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), _TEXT, st.dates(), st.times(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
)  # fmt: skip
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(_TEXT)
def test_every_text_comes_back(text: str) -> None:
    """As a value and as a key; it stands on one line, and shows all that is in it."""
    written = toml_line(text, text)

    assert {text: text} == tomllib.loads(written)
    assert written.isprintable()


@given(_VALUES)
def test_every_value_comes_back(value: Any) -> None:
    """Of every kind that TOML has, one in another; the kind stays, too."""
    found = tomllib.loads(toml_line("x", value))["x"]

    assert value == found
    assert type(value) is type(found)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", '"plain"'),
        ("Käse 紙", '"Käse 紙"'),
        ("C:\\mail\\root", "'C:\\mail\\root'"),
        ("it's \\ both", '"it\'s \\\\ both"'),
        ('a "quoted" word', '"a \\"quoted\\" word"'),
        ("tab\tnul\0del\x7f", '"tab\\tnul\\u0000del\\u007f"'),
        ("no\u00a0break \U000e0001", '"no\\u00a0break \\U000e0001"'),
        (True, "true"),
        (7, "7"),
        (600.0, "600.0"),
        (math.inf, "inf"),
        (date(2026, 12, 7), "2026-12-07"),
        (time(7, 30), "07:30:00"),
        (datetime(2026, 12, 7, 7, 30, tzinfo=UTC), "2026-12-07T07:30:00+00:00"),
        (["a", ["b"]], '["a", ["b"]]'),
        (("a", "b"), '["a", "b"]'),
        ({"file": "x", "a b": [1]}, '{ file = "x", "a b" = [1] }'),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_it_is_written_as_a_person_would(value: object, written: str) -> None:
    """A path of Windows without doubled strokes, tables inline, nothing escaped that can be read."""
    assert written == as_toml(value)


def test_what_toml_has_no_kind_for_is_a_text() -> None:
    """A network, for one."""
    from ipaddress import ip_network

    assert '"192.168.10.0/24"' == as_toml(ip_network("192.168.10.0/24"))
