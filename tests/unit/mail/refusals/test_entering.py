"""Refusals at the door: what a rule decides bears the rule's mark, what else decides its own."""

from __future__ import annotations

from relay365.mail.refusals import entering


def test_what_a_rule_refuses_has_no_mark_of_its_own() -> None:
    """So that nobody can forget the rule."""
    by_rule = [one for one in entering.REFUSALS if not one.mark]

    assert 10 == len(by_rule)
    assert all("{place}" in one.do or "rule" in one.why or one.status == "5.7.1" for one in by_rule)


def test_from_and_sender_are_healed_alike() -> None:
    """The same key of [sender] refuses both."""
    assert entering.SENDER_DOMAIN.do == entering.FROM_DOMAIN.do
    assert entering.SENDER_DOMAIN.words != entering.FROM_DOMAIN.words
