"""A token is read for people, and whatever it is, reading it never fails."""

from __future__ import annotations

import pytest

from fakes.identity import jwt_of
from relay365.routes.identity.claims import Claims, read_claims


def test_an_application_token() -> None:
    """Audience without https://, and the roles as a list."""
    token = jwt_of(
        {"aud": "https://outlook.office365.com", "roles": ["SMTP.SendAsApp"], "app_displayname": "relay"}
    )

    assert Claims("outlook.office365.com", ("SMTP.SendAsApp",), "", "relay") == read_claims(token)


def test_a_token_of_a_person() -> None:
    """Scopes are one text, and the person has a name."""
    token = jwt_of(
        {"aud": "https://outlook.office.com/", "scp": "SMTP.Send openid", "upn": "scan@contoso.com"}
    )

    assert Claims("outlook.office.com", ("SMTP.Send", "openid"), "scan@contoso.com") == read_claims(token)


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.####.c", "a.WzFd.c", "a.gA.c", "a..c"])
def test_a_token_that_cannot_be_read_says_nothing(token: str) -> None:
    """Microsoft may send opaque tokens: no claims, no error."""
    assert Claims() == read_claims(token)
