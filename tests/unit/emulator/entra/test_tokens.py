"""The rules of the token endpoint, each with the number that breaking it gives."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes

from fakes.clock import FakeClock
from relay365.emulator.certificates import new_self_signed
from relay365.emulator.directory import Directory
from relay365.emulator.entra.credentials import ASSERTION_TYPE
from relay365.emulator.entra.grants import Consent
from relay365.emulator.entra.refusals import Refusal
from relay365.emulator.entra.tokens import Granted, Tokens

SCOPE = "https://outlook.office365.com/.default"
BASE = "https://127.0.0.1:4433"
Make = Callable[..., Directory]


@pytest.fixture
def tokens_of(directory_of: Make, clock: FakeClock) -> Callable[..., Tokens]:
    """Makes token rules for an application with these settings."""

    def make(**application: Any) -> Tokens:
        tokens = Tokens(directory_of(application=application), clock)
        tokens.base = BASE
        return tokens

    return make


def _form(directory: Directory, **changes: str | None) -> dict[str, str]:
    form = {
        "grant_type": "client_credentials", "client_id": directory.identity.client_id,
        "client_secret": directory.identity.secret, "scope": SCOPE, **changes,
    }  # fmt: skip
    return {key: value for key, value in form.items() if value is not None}


def _number(tokens: Tokens, form: dict[str, str], tenant: str = "contoso.com") -> int:
    with pytest.raises(Refusal) as caught:
        tokens.grant(tenant, form)
    return caught.value.number


def _thumbprint(certificate: Any, algorithm: Any, *, padded: bool = False) -> str:
    text = base64.urlsafe_b64encode(certificate.fingerprint(algorithm)).decode()
    return text if padded else text.rstrip("=")


def _assertion(
    directory: Directory,
    *,
    algorithm: str = "PS256",
    header: dict[str, str] | None = None,
    key: Any = None,
    **claims: Any,
) -> dict[str, str]:  # fmt: skip
    """A form with a good assertion, or one with other claims, header, algorithm or key."""
    identity = directory.identity
    right = {
        "aud": f"{BASE}/contoso.com/oauth2/v2.0/token", "iss": identity.client_id, "sub": identity.client_id,
        "jti": "one", "nbf": 1_000_000, "exp": 1_000_600,
    }  # fmt: skip
    named = {"x5t#S256": _thumbprint(identity.application.certificate, hashes.SHA256())}
    token = jwt.encode(
        right | claims,
        key or identity.application.key,
        algorithm,
        headers=named if header is None else header,
    )
    return _form(directory, client_secret=None, client_assertion=token, client_assertion_type=ASSERTION_TYPE)


def test_a_token_has_the_claims_that_exchange_asks_for(
    tokens_of: Callable[..., Tokens], directory_of: Make, clock: FakeClock
) -> None:
    """Audience, role, tenant, application and end stand in the token; its life lies between 60 and 90 minutes."""
    clock.rolled = 0.25
    tokens, directory = tokens_of(), directory_of()

    granted = tokens.grant("contoso.com", _form(directory))

    claims = jwt.decode(granted.token, options={"verify_signature": False})
    assert (4050, 1_004_050) == (granted.life_s, claims["exp"])
    assert ("https://outlook.office365.com", ["SMTP.SendAsApp", "Mail.Send"]) == (
        claims["aud"],
        claims["roles"],
    )
    assert (directory.identity.tenant_id, directory.identity.client_id) == (claims["tid"], claims["appid"])
    assert "" == tokens.judge(granted.token)


@pytest.mark.parametrize(
    ("changes", "tenant", "number"),
    [
        ({}, "fabrikam.com", 90002),
        ({"grant_type": None}, "contoso.com", 900144),
        ({"grant_type": "password"}, "contoso.com", 70003),
        ({"client_id": "44444444-0000-4000-8000-000000000000"}, "contoso.com", 700016),
        ({"client_secret": "the wrong secret"}, "contoso.com", 7000215),
        ({"client_secret": None}, "contoso.com", 7000218),
        ({"scope": "https://outlook.office365.com/SMTP.Send"}, "contoso.com", 70011),
        ({"scope": f"{SCOPE} offline_access"}, "contoso.com", 70011),
        ({"scope": "https://unknown.example/.default"}, "contoso.com", 500011),
    ],
)
def test_what_is_refused(
    tokens_of: Callable[..., Tokens], directory_of: Make, changes: dict[str, str], tenant: str, number: int
) -> None:
    """Each fault of a request gives its AADSTS number."""
    assert number == _number(tokens_of(), _form(directory_of(), **changes), tenant)


@pytest.mark.parametrize(
    ("application", "number"), [({"secret_expired": True}, 7000222), ({"enabled": False}, 7000112)]
)
def test_switches_of_the_application(
    tokens_of: Callable[..., Tokens], directory_of: Make, application: dict[str, Any], number: int
) -> None:
    """An expired secret and a disabled application have numbers of their own."""
    assert number == _number(tokens_of(**application), _form(directory_of()))


@pytest.mark.parametrize(
    "resource", ["https://outlook.office365.com", "https://outlook.office.com", "https://graph.microsoft.com"]
)
def test_the_audience_is_the_resource(
    tokens_of: Callable[..., Tokens], directory_of: Make, resource: str
) -> None:
    """The token is for the resource of the scope, and Exchange takes those of Outlook only."""
    tokens = tokens_of()
    granted = tokens.grant("contoso.com", _form(directory_of(), scope=f"{resource}/.default"))

    assert resource == jwt.decode(granted.token, options={"verify_signature": False})["aud"]
    assert ("outlook" in resource) == (tokens.judge(granted.token) == "")


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", ["x5t#S256", "x5t"])
def test_a_good_assertion(
    tokens_of: Callable[..., Tokens], directory_of: Make, algorithm: str, padded: bool, name: str
) -> None:
    """Both algorithms and both thumbprints are taken, with padding and without."""
    directory = directory_of()
    digest = hashes.SHA256() if name == "x5t#S256" else hashes.SHA1()
    named = {name: _thumbprint(directory.identity.application.certificate, digest, padded=padded)}

    granted = tokens_of().grant("contoso.com", _assertion(directory, algorithm=algorithm, header=named))

    assert "2" == jwt.decode(granted.token, options={"verify_signature": False})["appidacr"]


@pytest.mark.parametrize(
    ("claims", "number"),
    [
        ({"iss": "else"}, 700021),
        ({"sub": "else"}, 700021),
        ({"aud": f"{BASE}/fabrikam.com/oauth2/v2.0/token"}, 700023),
        ({"aud": "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"}, 700023),
        ({"aud": ["a", "list"]}, 700023),
        ({"exp": 999_699}, 700024),
        ({"nbf": 1_000_301}, 700024),
        ({"exp": "soon"}, 700024),
    ],
)
def test_an_assertion_with_a_wrong_claim(
    tokens_of: Callable[..., Tokens], directory_of: Make, claims: dict[str, Any], number: int
) -> None:
    """Issuer, subject, audience and time are checked."""
    assert number == _number(tokens_of(), _assertion(directory_of(), **claims))


def test_a_further_certificate(tokens_of: Callable[..., Tokens], directory_of: Make) -> None:
    """One that was uploaded besides is as good as the first, and the first stays good; anything but PEM is refused."""
    directory, other = directory_of(), new_self_signed("other", 1_000_000.0)
    named = {"x5t#S256": _thumbprint(other.certificate, hashes.SHA256())}
    tokens = tokens_of(certificates=(other.pem()[0].decode("ascii"),))

    assert tokens.grant("contoso.com", _assertion(directory, header=named, key=other.key)).token
    assert tokens.grant("contoso.com", _assertion(directory)).token
    with pytest.raises(ValueError, match="certificates in PEM"):
        directory.change_application({"certificates": ["MIIC"]})


def test_an_assertion_of_another_key(tokens_of: Callable[..., Tokens], directory_of: Make) -> None:
    """A certificate that is not registered, a signature of another key, no thumbprint and no JWT are all 700027."""
    directory, other = directory_of(), new_self_signed("other", 1_000_000.0)
    unknown = {"x5t#S256": _thumbprint(other.certificate, hashes.SHA256())}
    forms = [
        _assertion(directory, header=unknown, key=other.key),
        _assertion(directory, key=other.key),
        _assertion(directory, header={}),
        _assertion(directory) | {"client_assertion": "no.jwt.here"},
    ]

    assert [700027] * 4 == [_number(tokens_of(), form) for form in forms]


def test_an_assertion_that_is_not_rsa_is_refused(
    tokens_of: Callable[..., Tokens], directory_of: Make
) -> None:
    """An assertion signed with a shared key, or not at all, cannot pass for one of the certificate."""
    directory = directory_of()
    forms = [_assertion(directory, algorithm="HS256", key="x" * 32), _assertion(directory)]
    head, claims, _ = forms[1]["client_assertion"].split(".")
    forms[1]["client_assertion"] = f"{head}.{claims}."

    assert [700027, 700027] == [_number(tokens_of(), form) for form in forms]


def test_using_an_assertion_twice(tokens_of: Callable[..., Tokens], directory_of: Make) -> None:
    """An assertion may come again, as MSAL does it, unless the scenario wants each used once."""
    form = _assertion(directory_of())
    kind, strict = tokens_of(), tokens_of(single_use_assertions=True)

    assert [True, True] == [bool(kind.grant("contoso.com", form).token) for _ in range(2)]
    assert strict.grant("contoso.com", form).token
    assert 700027 == _number(strict, form)


def test_the_loop(tokens_of: Callable[..., Tokens], directory_of: Make, clock: FakeClock) -> None:
    """Too many requests in a minute are a loop, 50196; a minute later they are not."""
    tokens, form = tokens_of(requests_per_minute=2), _form(directory_of())
    tokens.grant("contoso.com", form)
    tokens.grant("contoso.com", form)

    assert 50196 == _number(tokens, form)
    clock.pass_s(60.0)
    assert tokens.grant("contoso.com", form).token


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("expired", "the token has expired"),
        ("role", "the token has no role SMTP.SendAsApp"),
        ("tenant", "the token is from another tenant"),
        ("garbage", "the token cannot be read"),
        ("none", "the token cannot be read"),
    ],
)
def test_what_exchange_does_not_take(
    tokens_of: Callable[..., Tokens], directory_of: Make, clock: FakeClock, case: str, reason: str
) -> None:
    """Expired, without role, of another tenant, unreadable and unsigned tokens are all refused with their reason."""
    directory = directory_of(application={"roles": ("Mail.Send",) if case == "role" else ("SMTP.SendAsApp",)})
    tokens = Tokens(directory, clock)
    token = tokens.grant("contoso.com", _form(directory)).token
    claims = jwt.decode(token, options={"verify_signature": False})
    if case == "expired":
        clock.pass_s(4500.0)
    elif case == "tenant":
        token = jwt.encode(claims | {"tid": "else"}, directory.identity.signing.key, "RS256")
    elif case == "garbage":
        token = token[:-8] + "AAAAAAAA"
    elif case == "none":
        token = jwt.encode(claims, None, "none")

    assert tokens.judge(token).startswith(reason)


def test_rbac_needs_no_role(directory_of: Make, clock: FakeClock) -> None:
    """With RBAC for Applications a token without the role is good."""
    directory = directory_of(application={"roles": (), "rbac": True})
    tokens = Tokens(directory, clock)

    assert "" == tokens.judge(tokens.grant("contoso.com", _form(directory)).token)


def test_the_published_key_verifies_tokens(tokens_of: Callable[..., Tokens], directory_of: Make) -> None:
    """The key set holds the key that the token names, and it verifies the token."""
    tokens = tokens_of()
    token = tokens.grant("contoso.com", _form(directory_of())).token
    (key,) = tokens.signer.keys()["keys"]

    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    assert jwt.decode(
        token, jwt.PyJWK(key, "RS256"), ["RS256"], audience="https://outlook.office365.com",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )  # fmt: skip


def _by_code(tokens: Tokens, directory: Directory, user: str, consented: str, **changes: str) -> Granted:
    """The token of a user's sign-in."""
    code = tokens.grants.code(Consent(user, consented, "the-nonce"), "http://localhost", "", "")
    form = {
        "grant_type": "authorization_code", "client_id": directory.identity.client_id, "code": code,
        "redirect_uri": "http://localhost", "client_info": "1", **changes,
    }  # fmt: skip
    return tokens.grant("contoso.com", form)


@pytest.mark.parametrize(
    ("user", "mailbox", "scope", "reason"),
    [
        ("scan@contoso.com", "SCAN@contoso.com", "SMTP.Send", ""),
        ("scan@contoso.com", "", "SMTP.Send", ""),
        ("erp@contoso.com", "scan@contoso.com", "SMTP.Send", ""),
        ("scan@contoso.com", "erp@contoso.com", "SMTP.Send", "the user has no rights on the mailbox"),
        ("scan@contoso.com", "scan@contoso.com", "IMAP.AccessAsUser.All", "the token has no scope SMTP.Send"),
    ],
)
def test_a_users_token_for_smtp(
    directory_of: Make, clock: FakeClock, user: str, mailbox: str, scope: str, reason: str
) -> None:
    """A user's token wants SMTP.Send, and is good for the own mailbox and for those the user is a member of."""
    delegated = (scope,)
    directory = directory_of(application={"delegated": delegated}, members=("erp@contoso.com",))
    tokens = Tokens(directory, clock)

    granted = _by_code(tokens, directory, user, f"https://outlook.office.com/{scope}")

    assert reason == tokens.judge(granted.token, mailbox)


def test_what_comes_with_a_users_token(directory_of: Make, clock: FakeClock) -> None:
    """Refresh token by offline_access, ID token by openid with its nonce, client_info, and the whole scope."""
    directory = directory_of()
    tokens = Tokens(directory, clock)
    bare = _by_code(tokens, directory, "scan@contoso.com", "Mail.Send")
    whole = _by_code(tokens, directory, "scan@contoso.com", "Mail.Send openid offline_access")

    assert ("", "") == (bare.refresh_token, bare.id_token)
    claims = jwt.decode(whole.id_token, options={"verify_signature": False})
    assert ("the-nonce", directory.identity.client_id) == (claims["nonce"], claims["aud"])
    assert {"https://graph.microsoft.com/Mail.Send", "openid"} <= set(whole.scope.split())
    assert whole.client_info
    assert whole.token not in repr(whole)


def test_a_refresh_token_leads_to_another_resource(directory_of: Make, clock: FakeClock) -> None:
    """One sign-in gives tokens for SMTP and for Graph, each time with a new refresh token."""
    directory = directory_of()
    tokens = Tokens(directory, clock)
    first = _by_code(tokens, directory, "scan@contoso.com", "Mail.Send offline_access")
    form = {
        "grant_type": "refresh_token", "client_id": directory.identity.client_id,
        "refresh_token": first.refresh_token, "scope": "https://outlook.office.com/SMTP.Send",
    }  # fmt: skip

    second = tokens.grant("contoso.com", form)

    assert "" == tokens.judge(second.token, "scan@contoso.com")
    assert second.refresh_token not in ("", first.refresh_token)


@pytest.mark.parametrize(
    ("application", "changes", "number"),
    [
        ({}, {"client_secret": "the right secret"}, 700025),
        ({"redirect_platform": "web"}, {}, 7000218),
        ({"enabled": False}, {}, 7000112),
        ({}, {"code": ""}, 900144),
        ({}, {"redirect_uri": "http://localhost/else"}, 500112),
        ({}, {"scope": "https://outlook.office.com/IMAP.AccessAsUser.All"}, 65001),
    ],
)
def test_what_a_code_is_refused_for(
    directory_of: Make, clock: FakeClock, application: dict[str, Any], changes: dict[str, str], number: int
) -> None:
    """The platform decides about the credential; parameters, redirect and consent are checked."""
    directory = directory_of(application=application)

    with pytest.raises(Refusal, match=rf"^AADSTS{number}$"):
        _by_code(Tokens(directory, clock), directory, "scan@contoso.com", "Mail.Send", **changes)


def test_a_user_who_left_the_directory(directory_of: Make, clock: FakeClock) -> None:
    """A grant of somebody who is no user any more is AADSTS50034."""
    directory = directory_of()

    with pytest.raises(Refusal, match=r"^AADSTS50034$"):
        _by_code(Tokens(directory, clock), directory, "gone@contoso.com", "Mail.Send")


def test_without_public_clients_a_refresh_needs_the_credential(directory_of: Make, clock: FakeClock) -> None:
    """Where public client flows are off, a refresh wants the secret, and a wrong one is refused everywhere."""
    directory = directory_of(application={"public_client": False})
    tokens = Tokens(directory, clock)
    form = {
        "grant_type": "refresh_token", "client_id": directory.identity.client_id,
        "refresh_token": tokens.grants.refresh_token(Consent("scan@contoso.com", "Mail.Send")),
    }  # fmt: skip

    assert [7000218, 7000215] == [_number(tokens, one) for one in (form, {**form, "client_secret": "wrong"})]
    assert tokens.grant("contoso.com", {**form, "client_secret": directory.identity.secret}).token


def test_polling_is_no_loop(directory_of: Make, clock: FakeClock) -> None:
    """A device that polls does not run into 50196, which is about requests that could have been cached."""
    directory = directory_of(application={"requests_per_minute": 1})
    tokens = Tokens(directory, clock)
    device = tokens.grants.begin_device("Mail.Send")
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": directory.identity.client_id,
        "device_code": device.secret,
    }  # fmt: skip

    assert [70016] * 3 == [_number(tokens, form) for _ in range(3)]
