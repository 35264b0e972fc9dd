"""The verdict about a peer: what holds when no rule has spoken."""

from __future__ import annotations

from relay365.mail.tolerance import DEFAULT
from relay365.rules.client import NOBODY


def test_nobody_has_no_rule_and_the_usual_tolerances() -> None:
    """No mark, no device, nothing that has a price."""
    assert ("", "", DEFAULT, False) == (NOBODY.mark, NOBODY.device, NOBODY.tolerances, NOBODY.auth_in_clear)
