"""Credentials that are no certificate: the token of a federated workload. Certificates are tried through the tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from fakes.clock import FakeClock
from relay365.emulator.entra.credentials import ASSERTION_TYPE, WORKLOAD_LIFE_S, Credentials
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.house.parts import Parts


@pytest.fixture
def credentials(parts_of: Callable[..., Parts]) -> Credentials:
    return parts_of().tokens.credentials


def _form(assertion: str) -> dict[str, str]:
    return {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}


def test_the_trusted_workload(credentials: Credentials, clock: FakeClock) -> None:
    """The cluster's token is a credential until its time is over."""
    assertion = credentials.workload_token()

    assert "2" == credentials.check(_form(assertion), "contoso.com")
    clock.pass_s(WORKLOAD_LIFE_S + 301.0)
    with pytest.raises(Refusal, match=r"^AADSTS700024$"):
        credentials.check(_form(assertion), "contoso.com")


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"iss": "https://other.example"}, 700211),
        ({"sub": "system:serviceaccount:mail:else"}, 700213),
        ({"aud": "https://else.example"}, 700212),
        ({}, 700027),
    ],
)
def test_another_workload(
    credentials: Credentials, identity: Any, changes: dict[str, str], number: int
) -> None:
    """Issuer, subject and audience must match the record exactly, and the signature the issuer's key."""
    claims = jwt.decode(credentials.workload_token(), options={"verify_signature": False})
    key = identity.signing.key if changes else identity.application.key
    assertion = jwt.encode(claims | changes, key, "RS256")

    with pytest.raises(Refusal, match=f"^AADSTS{number}$"):
        credentials.check(_form(assertion), "contoso.com")


def test_the_type_of_an_assertion_is_named(credentials: Credentials) -> None:
    """An assertion without its type is refused as a missing parameter (RFC 7521 4.2)."""
    with pytest.raises(Refusal, match=r"^AADSTS900144$"):
        credentials.check({"client_assertion": credentials.workload_token()}, "contoso.com")


def test_an_assertion_is_judged_by_the_clock_of_the_endpoint(parts_of: Callable[..., Parts]) -> None:
    """Good by the right clock, over by one that is too far ahead."""
    parts = parts_of()
    assertion = parts.tokens.credentials.workload_token()
    parts.tokens.signer.offset_s = WORKLOAD_LIFE_S + 301.0

    with pytest.raises(Refusal, match=r"^AADSTS700024$"):
        parts.tokens.credentials.check(_form(assertion), "contoso.com")
