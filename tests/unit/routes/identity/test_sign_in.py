"""A person signs in with real MSAL: by code and proof key, by device code; a new sign-in replaces the old one whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fakes.identity import PERSON, TokenService, refusal
from relay365.routes.identity.entra import Application
from relay365.routes.identity.redirect import parameters_of
from relay365.routes.identity.sign_in import Begun, SignIn
from relay365.routes.identity.store import TokenStore

HERE = "http://localhost:5000"


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "tokens" / "a.bin")


def _begun(found: Begun | dict[str, Any]) -> Begun:
    assert isinstance(found, Begun), found
    return found


def test_the_address_asks_for_the_least_and_carries_the_challenge(
    application: Application, store: TokenStore
) -> None:
    """S256, our redirect address, the mailbox as hint, SMTP.Send and a refresh token; the answer comes as a form,
    or in the address where a person pastes it.
    """
    sign_in = SignIn(application, store)
    begun, pasted = (
        _begun(sign_in.by_browser(HERE, PERSON)),
        _begun(sign_in.by_browser(HERE, PERSON, pasted=True)),
    )
    asked = dict(parse_qsl(urlsplit(begun.address).query))

    assert ("response_mode=form_post", "response_mode=query") == tuple(
        part for one in (begun, pasted) for part in one.address.split("&") if part.startswith("response_mode")
    )
    assert ("code", "S256", HERE, PERSON) == tuple(
        asked[key] for key in ("response_type", "code_challenge_method", "redirect_uri", "login_hint")
    )
    assert {"https://outlook.office.com/SMTP.Send", "offline_access", "openid", "profile"} == set(
        asked["scope"].split()
    )


def test_a_code_with_its_verifier_is_kept(
    service: TokenService, application: Application, store: TokenStore
) -> None:
    """The service checks the verifier against the challenge; the refresh token is on disk."""
    sign_in = SignIn(application, store)
    begun = _begun(sign_in.by_browser(HERE, PERSON))
    answer = sign_in.finish(begun, parameters_of(service.sign_in(begun.address)))

    assert "person-1" == answer["access_token"]
    assert '"refresh-1"' in store.load()


def test_an_answer_to_another_question_is_refused(
    service: TokenService, application: Application, store: TokenStore
) -> None:
    """A code that somebody slips in has not our state, and nothing is asked with it or kept."""
    sign_in = SignIn(application, store)
    begun = _begun(sign_in.by_browser(HERE, PERSON))
    answer = sign_in.finish(begun, {"code": "stolen", "state": "guessed"})

    assert ("error" in answer, [], "") == (True, service.asked, store.load())


def test_no_is_an_answer(application: Application, store: TokenStore) -> None:
    """The person or a policy says no: the browser brings the error back."""
    sign_in = SignIn(application, store)
    begun = _begun(sign_in.by_browser(HERE, PERSON))
    said = {
        "error": "access_denied",
        "error_description": "AADSTS65004: declined",
        "state": begun.flow["state"],
    }

    assert "access_denied" == sign_in.finish(begun, said)["error"]


def test_a_device_code(service: TokenService, application: Application, store: TokenStore) -> None:
    """The code is for a person, and once it is typed the sign-in is kept."""
    sign_in = SignIn(application, store)
    begun = _begun(sign_in.by_device_code())
    service.typed = True
    answer = sign_in.wait(begun)

    assert ("F7GH-2K", "person-1") == (begun.user_code, answer["access_token"])
    assert '"refresh-1"' in store.load()


def test_a_device_code_that_the_tenant_blocks(
    service: TokenService, application: Application, store: TokenStore
) -> None:
    """Conditional Access refuses at the end; what was kept before stays."""
    with store.held():
        store.save("the old one")
    service.refuse.append(refusal("access_denied", 53003))
    sign_in = SignIn(application, store)

    assert "access_denied" == sign_in.wait(_begun(sign_in.by_device_code()))["error"]
    assert "the old one" == store.load()


def test_a_sign_in_that_cannot_begin(application: Application, store: TokenStore) -> None:
    """No token service: an answer, not an exception."""
    away = Application("https://localhost:1", "contoso.com", "7a1e0c52", application.scopes, application.way)

    found = SignIn(away, store).by_browser(HERE, "")
    assert isinstance(found, dict)
    assert "unreachable" == found["error"]


def test_a_sign_in_does_not_show_its_verifier(application: Application, store: TokenStore) -> None:
    """Whoever has verifier and code has the token."""
    begun = _begun(SignIn(application, store).by_browser(HERE, PERSON))

    assert begun.flow["code_verifier"] not in repr(begun)
