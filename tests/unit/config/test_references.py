"""A secret is named, never written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from relay365.config.references import SecretRef


def test_a_reference_shows_where_not_what() -> None:
    """For messages and for `config show`."""
    assert '{ env = "SECRET" }' == str(SecretRef(env="SECRET"))


@pytest.mark.parametrize("ways", [{}, {"file": "a", "env": "B"}])
def test_a_reference_is_exactly_one(ways: dict[str, str]) -> None:
    """None would be no secret, two would be a riddle."""
    with pytest.raises(ValidationError):
        SecretRef(**ways)
