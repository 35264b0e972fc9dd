"""/authorize, /devicecode and /device behind their ASGI interface; MSAL walks them in the interoperability tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from starlette.applications import Starlette

from relay365.emulator.entra.sign_in import SignIn
from relay365.emulator.house.parts import Parts
from unit.emulator.conftest import ask

CLIENT = "22222222-0000-4000-8000-000000000000"
HERE = "http://localhost:8400/"
GOOD = {
    "client_id": CLIENT, "response_type": "code", "redirect_uri": HERE, "scope": "openid Mail.Send", "state": "s t",
}  # fmt: skip


@pytest.fixture
def site_of(parts_of: Callable[..., Parts]) -> Callable[..., Any]:
    """Makes a function (method, path, fields) that asks; fields stand in the query of a GET, in the body of a POST."""

    def make(**application: Any) -> Any:
        parts = parts_of(application=application)
        app = Starlette(routes=SignIn(parts.directory, parts.tokens, parts.clock).routes())

        def asked(method: str, path: str, fields: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
            words = urlencode(fields)
            return ask(app, method, f"{path}?{words}" if method == "GET" else path, words.encode())

        return asked

    return make


def _back(headers: dict[str, str], mark: str = "query") -> dict[str, list[str]]:
    return parse_qs(getattr(urlsplit(headers["location"]), mark))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_request"),
        ({"scope": "Mail.Nothing"}, "invalid_scope"),
        ({"scope": "https://outlook.office.com/IMAP.AccessAsUser.All"}, "invalid_grant"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_what_goes_back_as_an_error(site_of: Callable[..., Any], changes: dict[str, str], error: str) -> None:
    """A fault of the request goes back to the registered address with its error, a description and the state."""
    status, _, headers = site_of()("GET", "/contoso.com/oauth2/v2.0/authorize", GOOD | changes)

    back = _back(headers)
    assert (302, [error], ["s t"]) == (status, back["error"], back["state"])
    assert back["error_description"][0].startswith("AADSTS")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redirect_uri": "https://evil.example/"}, b"AADSTS50011"),
        ({"redirect_uri": "http://localhost.evil.example/"}, b"AADSTS50011"),
        ({"redirect_uri": ""}, b"AADSTS900144"),
        ({"client_id": "else"}, b"AADSTS700016"),
    ],
)
def test_what_is_only_said(site_of: Callable[..., Any], changes: dict[str, str], words: bytes) -> None:
    """Where the address cannot be trusted nothing goes to it: a page says the fault."""
    status, page, headers = site_of()("GET", "/contoso.com/oauth2/v2.0/authorize", GOOD | changes)

    assert (400, False) == (status, "location" in headers)
    assert words in page


def test_the_form_asks_and_its_answer_redirects(site_of: Callable[..., Any]) -> None:
    """The form repeats the request; accepting it redirects with a code, in the asked mode; strangers are refused."""
    asked = site_of()
    where = "/contoso.com/oauth2/v2.0/authorize"
    status, page, _ = asked("GET", where, GOOD)
    assert 200 == status
    assert b'name="state" value="s t"' in page

    accepted = asked("POST", where, GOOD | {"user": "scan@contoso.com", "response_mode": "fragment"})
    stranger = asked("POST", where, GOOD | {"user": "nobody@contoso.com"})

    assert {"code", "state", "session_state"} == set(_back(accepted[2], "fragment"))
    assert ["invalid_grant"] == _back(stranger[2])["error"]


def test_a_hinted_user_is_let_in_when_the_scenario_says_so(site_of: Callable[..., Any]) -> None:
    """With instant_sign_in a request with login_hint redirects at once; without the hint it shows its form."""
    asked = site_of(instant_sign_in=True)
    where = "/contoso.com/oauth2/v2.0/authorize"

    assert "code" in _back(asked("GET", where, GOOD | {"login_hint": "scan@contoso.com"})[2])
    assert 200 == asked("GET", where, GOOD)[0]


def test_a_device_code_is_approved_at_its_page(site_of: Callable[..., Any]) -> None:
    """The device hears code, address, life and pause; the page takes the code once, of a user whom it knows."""
    asked = site_of(device_interval_s=7, device_life_s=300)
    status, flow, _ = asked(
        "POST", "/contoso.com/oauth2/v2.0/devicecode", {"client_id": CLIENT, "scope": "Mail.Send"}
    )

    assert (200, 7, 300, "https://authority.test/device") == (
        status, flow["interval"], flow["expires_in"], flow["verification_uri"],
    )  # fmt: skip
    assert flow["user_code"] in flow["message"]
    typed = {"code": flow["user_code"], "user": "scan@contoso.com", "answer": "accept"}
    assert b'value="ABC"' in asked("GET", "/device", {"code": "ABC"})[1]
    assert [400, 200, 400] == [
        asked("POST", "/device", one)[0] for one in (typed | {"user": "nobody"}, typed, typed)
    ]


def test_a_device_code_wants_client_and_scope(site_of: Callable[..., Any]) -> None:
    """Without a client or a scope, and for what nobody consented to, there is no code."""
    asked, where = site_of(), "/contoso.com/oauth2/v2.0/devicecode"
    forms = [
        {"scope": "Mail.Send"}, {"client_id": CLIENT}, {"client_id": CLIENT, "scope": "Mail.Send.Shared"},
    ]  # fmt: skip

    assert [[900144], [900144], [65001]] == [asked("POST", where, form)[1]["error_codes"] for form in forms]
