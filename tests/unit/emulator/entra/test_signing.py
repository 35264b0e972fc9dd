"""Signing and reading back: what a reader of tokens refuses, and the names that stay the same."""

from __future__ import annotations

import jwt
import pytest

from fakes.clock import FakeClock
from relay365.emulator.entra.signing import BadTokenError, Claims, Signer, object_id
from relay365.emulator.folder import Identity

GRAPH = "https://graph.microsoft.com"


@pytest.fixture
def signer(identity: Identity, clock: FakeClock) -> Signer:
    return Signer(identity, clock)


def test_what_is_signed_is_read(signer: Signer) -> None:
    """Audience, application, user, roles, scopes and end come back as they went."""
    token = signer.access_token({"aud": GRAPH, "appid": "a", "upn": "u@x", "scp": "B A", "roles": ["R"]}, 60)

    assert Claims(GRAPH, "a", "u@x", frozenset({"R"}), frozenset({"A", "B"}), 1_000_060.0) == signer.read(
        token, (GRAPH,)
    )


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("audience", "another audience"), ("old", "expired"), ("tenant", "another tenant"),
        ("garbage", "cannot be read"), ("unsigned", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_not_read(signer: Signer, clock: FakeClock, case: str, words: str) -> None:
    """A token for somebody else, too old, of another tenant, damaged or unsigned is refused with its reason."""
    token = signer.access_token({"aud": GRAPH} | ({"tid": "else"} if case == "tenant" else {}), 60)
    audience = "https://outlook.office.com" if case == "audience" else GRAPH
    if case == "old":
        clock.pass_s(60.0)
    elif case == "garbage":
        token = token[:-8] + "AAAAAAAA"
    elif case == "unsigned":
        token = jwt.encode(jwt.decode(token, options={"verify_signature": False}), None, "none")

    with pytest.raises(BadTokenError, match=words):
        signer.read(token, (audience,))


def test_names_have_the_same_id_in_every_run(identity: Identity) -> None:
    """The object id of a user depends on tenant and name only, without case."""
    assert object_id(identity.tenant_id, "Scan@contoso.com") == object_id(
        identity.tenant_id, "scan@contoso.com"
    )
    assert object_id(identity.tenant_id, "a@x") != object_id(identity.tenant_id, "b@x")
