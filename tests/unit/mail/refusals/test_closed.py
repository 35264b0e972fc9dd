"""The closed list is found in by mark and by text."""

from __future__ import annotations

import pytest

from relay365.mail.refusals import entering, keeping, speaking
from relay365.mail.refusals.closed import BY_MARK, REFUSALS, refusal_in
from relay365.mail.refusals.refusal import Refusal


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        (entering.SENDER_UNKNOWN.said("R3"), entering.SENDER_UNKNOWN),
        (entering.EMPTY_SENDER.said("R3"), entering.EMPTY_SENDER),
        (entering.FROM_DOMAIN.said("R3"), entering.FROM_DOMAIN),
        (entering.ADDRESS_UNKNOWN.said("R0"), entering.ADDRESS_UNKNOWN),
        (entering.RECIPIENT_ROUTED.said("R0"), entering.RECIPIENT_ROUTED),
        (keeping.TOO_BIG.said("R1", limit="35 MB"), keeping.TOO_BIG),
        (speaking.UNKNOWN_PARAMETER.said(), speaking.UNKNOWN_PARAMETER),
        (speaking.NO_PARAMETER.said(word="BY"), speaking.NO_PARAMETER),
        (speaking.NEEDS_HELLO.said(), speaking.NEEDS_HELLO),
    ],
    ids=str,
)
def test_a_text_is_found_by_its_longest_words(said: object, refusal: Refusal) -> None:
    """Of two whose words are in it, the one that says more."""
    assert refusal is refusal_in(str(said))


def test_what_is_none_of_ours_is_not_found() -> None:
    """Microsoft's words are in the catalogue."""
    assert refusal_in("550 5.7.64 TenantAttribution; Relay Access Denied SMTP") is None


def test_each_mark_leads_to_its_refusal() -> None:
    """Those that a rule's mark always ends are found by their words."""
    assert [one for one in REFUSALS if one.mark] == list(BY_MARK.values())
    assert keeping.TOO_BIG is BY_MARK["A70"]
