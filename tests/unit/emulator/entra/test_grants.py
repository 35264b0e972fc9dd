"""Codes, device flows and refresh tokens by the clock."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.grants import CODE_LIFE_S, Consent, Grants
from relay365.emulator.entra.refusals import Refusal

WHO = Consent("scan@contoso.com", "Mail.Send offline_access")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
HERE = "http://localhost:1"


@pytest.fixture
def grants_of(directory_of: Callable[..., Directory], clock: FakeClock) -> Callable[..., Grants]:
    return lambda **application: Grants(directory_of(application=application), clock)


@pytest.mark.parametrize(
    ("redirect", "verifier", "passed_s", "number"),
    [
        (HERE, VERIFIER, 0.0, 0),
        ("http://localhost:2", VERIFIER, 0.0, 500112),
        (HERE, "w" * 43, 0.0, 501481),
        (HERE, "", 0.0, 501481),
        (HERE, VERIFIER, CODE_LIFE_S, 70008),
    ],
)
def test_what_a_code_wants(
    grants_of: Callable[..., Grants],
    clock: FakeClock,
    redirect: str,
    verifier: str,
    passed_s: float,
    number: int,
) -> None:
    """A code wants its redirect address, the verifier of its S256 challenge, and to be redeemed in time."""
    grants = grants_of()
    code = grants.code(WHO, HERE, CHALLENGE, "S256")
    clock.pass_s(passed_s)

    if number:
        with pytest.raises(Refusal, match=f"^AADSTS{number}$"):
            grants.redeem_code(code, redirect, verifier)
    else:
        assert WHO == grants.redeem_code(code, redirect, verifier)


def test_a_code_is_redeemed_once(grants_of: Callable[..., Grants]) -> None:
    """The second use of a code is AADSTS54005, an unknown one AADSTS70000; without a challenge no verifier is asked."""
    grants = grants_of()
    code = grants.code(WHO, HERE, "", "")

    assert WHO == grants.redeem_code(code, HERE, "")
    for name, number in ((code, 54005), ("else", 70000)):
        with pytest.raises(Refusal, match=f"^AADSTS{number}$"):
            grants.redeem_code(name, HERE, "")


def test_a_plain_challenge(grants_of: Callable[..., Grants]) -> None:
    """A challenge without a method is the verifier itself (RFC 7636 4.3)."""
    grants = grants_of()

    assert WHO == grants.redeem_code(grants.code(WHO, HERE, VERIFIER, ""), HERE, VERIFIER)


def test_a_device_flow(grants_of: Callable[..., Grants], clock: FakeClock) -> None:
    """A flow is pending, then approved once; the code is read without case or dash; later it is over."""
    grants = grants_of(device_life_s=60)
    first, second = grants.begin_device("Mail.Send"), grants.begin_device("Mail.Send")
    with pytest.raises(Refusal, match=r"^AADSTS70016$"):
        grants.redeem_device(first.secret)

    typed = f" {first.user_code[:4].lower()}-{first.user_code[4:].lower()} "
    assert [True, False] == [grants.decide(typed, "scan@contoso.com") for _ in range(2)]
    assert ["approved", "pending"] == [one["state"] for one in grants.devices()]
    assert Consent("scan@contoso.com", "Mail.Send") == grants.redeem_device(first.secret)
    with pytest.raises(Refusal, match=r"^AADSTS70018$"):
        grants.redeem_device(first.secret)
    clock.pass_s(60.0)
    assert not grants.decide(second.user_code, "scan@contoso.com")
    with pytest.raises(Refusal, match=r"^AADSTS70019$"):
        grants.redeem_device(second.secret)


def test_a_declined_device_flow(grants_of: Callable[..., Grants]) -> None:
    """Who declines sends authorization_declined to the device (RFC 8628 has access_denied, Entra its own word)."""
    grants = grants_of()
    device = grants.begin_device("Mail.Send")
    grants.decide(device.user_code, "")

    with pytest.raises(Refusal) as caught:
        grants.redeem_device(device.secret)
    assert "authorization_declined" == caught.value.body("", "", 0.0)["error"]


def test_a_refresh_token_outlives_the_emulator(grants_of: Callable[..., Grants]) -> None:
    """Another run with the same secret still takes it, and it says nothing in clear; a damaged one is refused."""
    token = grants_of().refresh_token(WHO)

    assert WHO == grants_of().redeem_refresh(token)
    assert "contoso" not in token
    with pytest.raises(Refusal, match=r"^AADSTS70000$"):
        grants_of().redeem_refresh(token[:-6] + "AAAAAA")


def test_a_refresh_token_ends(grants_of: Callable[..., Grants], clock: FakeClock) -> None:
    """Ninety days without use end it, a revocation does at once, and a later sign-in is good again."""
    grants = grants_of()
    token = grants.refresh_token(WHO)
    clock.pass_s(89 * 86_400.0)
    assert WHO == grants.redeem_refresh(token)
    clock.pass_s(86_400.0)
    with pytest.raises(Refusal, match=r"^AADSTS700082$"):
        grants.redeem_refresh(token)
    token = grants.refresh_token(WHO)
    grants.revoke("SCAN@contoso.com")
    with pytest.raises(Refusal, match=r"^AADSTS50173$"):
        grants.redeem_refresh(token)
    clock.pass_s(1.0)
    assert WHO == grants.redeem_refresh(grants.refresh_token(WHO))


def test_older_refresh_tokens_live_unless_told_otherwise(grants_of: Callable[..., Grants]) -> None:
    """Entra lets a used refresh token live; with refresh_once the second use is refused."""
    for strict in (False, True):
        grants = grants_of(refresh_once=strict)
        token = grants.refresh_token(WHO)
        grants.redeem_refresh(token)
        if strict:
            with pytest.raises(Refusal, match=r"^AADSTS70000$"):
                grants.redeem_refresh(token)
        else:
            assert WHO == grants.redeem_refresh(token)
