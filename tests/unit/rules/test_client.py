"""The verdict about a peer: what holds when no rule has spoken."""

from __future__ import annotations

from dataclasses import replace

from relay365.mail.tolerance import DEFAULT
from relay365.rules.client import NOBODY, Client, unproved


def test_nobody_has_no_rule_and_the_usual_tolerances() -> None:
    """No mark, no device, nothing that has a price."""
    assert ("", "", DEFAULT, False) == (NOBODY.mark, NOBODY.device, NOBODY.tolerances, NOBODY.auth_in_clear)


def test_a_login_that_proves_nothing_is_taken_by_name() -> None:
    """An empty one by its own tolerance first; nothing where a login is needed, or none is offered."""
    both = Client(login="optional", tolerances=frozenset({"empty_login", "any_password"}))
    strict = replace(both, tolerances=frozenset())

    assert ["empty_login", "any_password"] == [unproved(both, is_empty=one) for one in (True, False)]
    assert ["any_password", ""] == [
        unproved(replace(both, tolerances=frozenset({one})), is_empty=name)
        for one, name in (("any_password", True), ("empty_login", False))
    ]
    assert {""} == {unproved(replace(both, login=one), is_empty=True) for one in ("required", "never")}
    assert "" == unproved(strict, is_empty=True)
