"""Spool ids: there and back, sorted like their numbers, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.spool.ids import ALPHABET, seq_of, spool_id_of

NUMBERS = st.integers(0, (1 << 63) - 1)


@pytest.mark.parametrize(
    ("seq", "spool_id"),
    [
        (0, "222222"), (1, "222223"), (32, "222232"), (1023, "2222ZZ"), (1024, "222322"), (32**6 - 1, "ZZZZZZ"),
        (32**6, "3222222"), ((1 << 63) - 1, "9ZZZZZZZZZZZZ"),
    ],
)  # fmt: skip
def test_a_number_has_one_id(seq: int, spool_id: str) -> None:
    """At least six letters, without 0 O 1 I."""
    assert spool_id == spool_id_of(seq)
    assert set(spool_id) <= set(ALPHABET)


@given(NUMBERS, NUMBERS)
def test_an_id_leads_back_to_its_number(seq: int, other: int) -> None:
    """In any case; of two ids of one width the smaller number sorts first."""
    one, two = spool_id_of(seq), spool_id_of(other)

    assert (seq, seq) == (seq_of(one), seq_of(f" {one.lower()} "))
    assert len(one) != len(two) or (one < two) == (seq < other)


@pytest.mark.parametrize("text", ["", "22222", "222220", "ZZZZZZZZZZZZZ", "22222222222222", "222-22"])
def test_what_is_no_id_is_none(text: str) -> None:
    """Too short, too long, a letter that no id has, or a number that no database holds."""
    assert seq_of(text) is None
