"""Whether there is a token."""

from __future__ import annotations

from typing import Any

import jwt

from relay365.setup.tries.signing import try_token


class Directory:
    """Answers as MSAL does."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer

    def ask(self) -> dict[str, Any]:
        return self.answer


def _token(**claims: Any) -> str:
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def test_a_token_and_its_roles() -> None:
    """What is in it, and never the token."""
    token = _token(roles=["SMTP.SendAsApp"])
    answer, found = try_token(Directory(access_token=token))

    assert (True, token) == (answer.good, found)
    assert "SMTP.SendAsApp" in answer.text
    assert token not in answer.text


def test_a_token_without_roles_is_good() -> None:
    """With RBAC for Applications there is none."""
    answer, _ = try_token(Directory(access_token=_token(upn="scan@contoso.com")))

    assert answer.good
    assert "right with RBAC for Applications" in answer.text
    assert "as scan@contoso.com" in answer.text


def test_refusals() -> None:
    """By the catalogue, or nobody was there."""
    refused, token = try_token(
        Directory(error="invalid_client", error_codes=[7000222], error_description="AADSTS7000222: expired")
    )
    away, _ = try_token(Directory(error="unreachable", error_description="ConnectTimeout"))

    assert (False, "") == (refused.good, token)
    assert refused.row
    assert not away.is_known
