"""Which way."""

from __future__ import annotations

from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.rules.routing import choose_lane


def test_the_first_lane_takes_all_mail() -> None:
    """Whatever envelope and submitter are, the first route of the file is chosen."""
    envelope = Envelope("", (ForwardPath("lena@fabrikam.com"),))

    assert "submission/scan@contoso.com" == choose_lane(
        ["submission/scan@contoso.com", "smarthost"], envelope, SubmitterFacts("lan", "::1")
    )
