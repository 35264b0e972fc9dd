"""The zoo as data: where a session is found, and what it says about itself. tests/devices plays them all."""

from __future__ import annotations

import pytest

from relay365.trial.zoo.cages import find, specimens


def test_the_zoo_is_in_the_order_of_its_rows() -> None:
    """Names are sorted and each stands once; a session and its refusal stand side by side."""
    names = [one.name for one in specimens()]

    assert sorted(set(names)) == names
    assert names.index("b01-ups-empty-helo") + 1 == names.index("b01-ups-empty-helo-off")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("b08-xerox-auth-login", "b08-xerox-auth-login"), ("MegaRAID", "b20-megaraid-no-brackets"),
        ("b20-megaraid-no-brackets-off", "b20-megaraid-no-brackets-off"), ("xerox", None), ("no such", None),
    ],
)  # fmt: skip
def test_a_session_is_found_by_a_part_that_only_one_has(asked: str, found: str | None) -> None:
    """In any case; sessions that show a refusal are found by their whole name only."""
    specimen = find(asked)

    assert found == (specimen.name if specimen else None)


def test_a_session_says_what_it_is() -> None:
    """Row, device, tolerance and advice come from its settings."""
    one = find("b29-fax-dot-with-bare-lf")
    assert one is not None

    assert ("B29", "fax servers, old Unix scripts", "bare_lf_ends_data", "") == (
        one.row, one.device, one.needs, one.without,
    )  # fmt: skip
    assert "bare_lf_ends_data = true" in one.do
