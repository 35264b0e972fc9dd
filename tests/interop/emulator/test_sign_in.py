"""Every way to sign in, walked by MSAL, which is Microsoft's own: codes with PKCE, device code, refresh, workload and
managed identity.
"""

from __future__ import annotations

import base64
import html
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import msal
import pytest
import requests

from interop.emulator.conftest import DEADLINE_S, Emulator

SMTP = ["https://outlook.office.com/SMTP.Send"]
APP_SMTP = ["https://outlook.office365.com/.default"]


@pytest.fixture
def web(emulator: Emulator) -> Any:
    """A browser without a screen: follows no redirect by itself."""
    with _session(emulator) as session:
        yield session


@pytest.fixture
def application(emulator: Emulator) -> Any:
    """Sets the application's settings for one test."""
    before = emulator.call("GET", "/application")[1]
    yield lambda **changes: emulator.call("PATCH", "/application", changes)
    emulator.call("PATCH", "/application", before)


def _session(emulator: Emulator) -> requests.Session:
    """A session that trusts the emulator's authority, whatever the environment says."""
    session = requests.Session()
    session.trust_env, session.verify = False, emulator.facts["ca_file"]
    return session


def _public(emulator: Emulator) -> msal.PublicClientApplication:
    return msal.PublicClientApplication(
        emulator.facts["client_id"], authority=f"{emulator.facts['authority']}/{emulator.facts['tenant']}",
        instance_discovery=False, http_client=_session(emulator),
    )  # fmt: skip


def _fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def _flow(app: Any) -> dict[str, Any]:
    flow: dict[str, Any] = app.initiate_auth_code_flow(
        SMTP, redirect_uri="http://localhost:50123", login_hint="scan@contoso.com", response_mode="form_post"
    )
    return flow


def _sign_in(web: requests.Session, address: str, user: str, answer: str = "accept") -> dict[str, str]:
    """Fill in the form at an address; gives what goes back to the redirect address, by query or by form."""
    page = web.get(address, timeout=DEADLINE_S)
    assert 200 == page.status_code, page.text
    fields = {**_fields(page.text), "user": user, "answer": answer}
    said = web.post(address.partition("?")[0], fields, allow_redirects=False, timeout=DEADLINE_S)
    if 302 == said.status_code:
        return dict(parse_qsl(urlsplit(said.headers["location"]).query))
    assert 'action="http://localhost:50123"' in said.text, said.text
    return _fields(said.text)


def _claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_authorization_code_with_pkce_and_refresh(emulator: Emulator, web: requests.Session) -> None:
    """MSAL gets a delegated token by the form, finds its account, and renews it with the refresh token."""
    app = _public(emulator)
    flow = _flow(app)

    got = app.acquire_token_by_auth_code_flow(flow, _sign_in(web, flow["auth_uri"], "scan@contoso.com"))

    assert ("SMTP.Send", "scan@contoso.com") == (
        _claims(got["access_token"])["scp"],
        got["id_token_claims"]["preferred_username"],
    )
    (account,) = app.get_accounts()
    again = app.acquire_token_silent_with_error(SMTP, account, force_refresh=True)
    assert again["access_token"] != got["access_token"]
    assert "scan@contoso.com" == _claims(again["access_token"])["upn"]


def test_a_code_is_good_once_and_only_for_its_verifier(emulator: Emulator, web: requests.Session) -> None:
    """The same answer cannot be redeemed twice, and a flow with another verifier is refused."""
    app = _public(emulator)
    first, second = (_flow(app) for _ in range(2))
    answer = _sign_in(web, first["auth_uri"], "scan@contoso.com")

    stolen = app.acquire_token_by_auth_code_flow({**first, "code_verifier": second["code_verifier"]}, answer)
    good = app.acquire_token_by_auth_code_flow(first, answer)
    twice = app.acquire_token_by_auth_code_flow(first, answer)

    assert [501481] == stolen["error_codes"]
    assert "access_token" in good
    assert [54005] == twice["error_codes"]


def test_the_interactive_flow_with_a_loopback_redirect(
    emulator: Emulator, web: requests.Session, application: Any
) -> None:
    """MSAL's own local server gets the code when the scenario lets a hinted user in without the form."""
    application(instant_sign_in=True)
    threads: list[threading.Thread] = []

    def follow(address: str) -> None:
        page = web.get(address, timeout=DEADLINE_S)
        target = re.search(r'action="([^"]+)"', page.text)
        if target is not None:
            web.post(html.unescape(target[1]), _fields(page.text), timeout=DEADLINE_S)

    def browse(address: str) -> None:
        threads.append(threading.Thread(target=follow, args=(address,)))
        threads[-1].start()

    got = _public(emulator).acquire_token_interactive(
        SMTP, login_hint="erp@contoso.com", auth_uri_callback=browse, timeout=DEADLINE_S
    )
    threads[0].join(DEADLINE_S)

    assert "erp@contoso.com" == _claims(got["access_token"])["upn"]


def test_an_unregistered_redirect_is_not_followed(emulator: Emulator, web: requests.Session) -> None:
    """A redirect address that is not registered gets a page with AADSTS50011, and no redirect."""
    flow = _public(emulator).initiate_auth_code_flow(
        SMTP, redirect_uri="https://evil.example/", response_mode="form_post"
    )

    page = web.get(flow["auth_uri"], allow_redirects=False, timeout=DEADLINE_S)

    assert 400 == page.status_code
    assert "AADSTS50011" in page.text


def test_a_cancelled_sign_in_goes_back_with_the_reason(emulator: Emulator, web: requests.Session) -> None:
    """Cancel sends access_denied and the state back to the redirect address."""
    app = _public(emulator)
    flow = _flow(app)

    got = app.acquire_token_by_auth_code_flow(flow, _sign_in(web, flow["auth_uri"], "", "cancel"))

    assert "access_denied" == got["error"]


def test_a_confidential_client_redeems_a_code_with_its_secret(
    emulator: Emulator, web: requests.Session, application: Any
) -> None:
    """On the web platform a code needs the secret; on the desktop platform the secret is one too many."""
    application(redirect_platform="web")
    app = msal.ConfidentialClientApplication(
        emulator.facts["client_id"], client_credential=emulator.facts["client_secret"],
        authority=f"{emulator.facts['authority']}/{emulator.facts['tenant']}", instance_discovery=False,
        http_client=_session(emulator),
    )  # fmt: skip
    flows = [_flow(app) for _ in range(2)]
    answers = [_sign_in(web, flow["auth_uri"], "scan@contoso.com") for flow in flows]

    assert "access_token" in app.acquire_token_by_auth_code_flow(flows[0], answers[0])
    application(redirect_platform="desktop")
    assert [700025] == app.acquire_token_by_auth_code_flow(flows[1], answers[1])["error_codes"]


def test_device_code_approved_at_its_page(
    emulator: Emulator, web: requests.Session, application: Any
) -> None:
    """MSAL's device flow waits for the page, and gets a token once somebody has entered the code."""
    application(device_interval_s=1)
    app = _public(emulator)
    flow = app.initiate_device_flow(SMTP)
    assert (
        "authorization_pending"
        == app.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)["error"]
    )
    page = web.post(
        flow["verification_uri"], {"code": flow["user_code"].lower(), "user": "scan@contoso.com", "answer": "accept"},
        timeout=DEADLINE_S,
    )  # fmt: skip

    got = app.acquire_token_by_device_flow(flow)

    assert 200 == page.status_code
    assert ("scan@contoso.com", "SMTP.Send") == tuple(
        _claims(got["access_token"])[key] for key in ("upn", "scp")
    )


def test_device_code_by_the_control_api(emulator: Emulator, application: Any) -> None:
    """The control API lists waiting codes, approves and declines them; a code that is over says expired_token."""
    app = _public(emulator)
    flows = [app.initiate_device_flow(SMTP) for _ in range(2)]
    waiting = {
        one["user_code"] for one in emulator.call("GET", "/device-codes")[1] if "pending" == one["state"]
    }

    assert {flow["user_code"] for flow in flows} <= waiting
    assert (
        204 == emulator.call("POST", f"/device-codes/{flows[0]['user_code']}", {"user": "erp@contoso.com"})[0]
    )
    assert 204 == emulator.call("POST", f"/device-codes/{flows[1]['user_code']}", {"declined": True})[0]
    assert "access_token" in app.acquire_token_by_device_flow(flows[0])
    assert "authorization_declined" == app.acquire_token_by_device_flow(flows[1])["error"]
    application(device_life_s=0.001)
    over = app.initiate_device_flow(SMTP)
    assert (["expired_token", [70019]]) == [
        app.acquire_token_by_device_flow({**over, "expires_at": 2**40}).get(key)
        for key in ("error", "error_codes")
    ]


def test_a_revoked_sign_in_asks_again(emulator: Emulator, web: requests.Session, application: Any) -> None:
    """After a revocation the refresh token is AADSTS50173, after its idle time AADSTS700082: invalid_grant both."""
    app = _public(emulator)
    flow = _flow(app)
    got = app.acquire_token_by_auth_code_flow(flow, _sign_in(web, flow["auth_uri"], "alerts@contoso.com"))

    emulator.call("DELETE", "/mailboxes/alerts@contoso.com/sign-ins")
    revoked = app.acquire_token_by_refresh_token(got["refresh_token"], SMTP)
    flow = _flow(app)
    got = app.acquire_token_by_auth_code_flow(flow, _sign_in(web, flow["auth_uri"], "alerts@contoso.com"))
    application(refresh_idle_s=0.001)
    idle = app.acquire_token_by_refresh_token(got["refresh_token"], SMTP)

    assert [("invalid_grant", [50173]), ("invalid_grant", [700082])] == [
        (one["error"], one["error_codes"]) for one in (revoked, idle)
    ]


def test_without_offline_access_there_is_no_refresh_token(emulator: Emulator, web: requests.Session) -> None:
    """A refresh token comes only where offline_access was asked for."""
    app = _public(emulator)
    address = (
        f"{emulator.facts['authority']}/{emulator.facts['tenant']}/oauth2/v2.0/authorize?client_id="
        f"{emulator.facts['client_id']}&response_type=code&redirect_uri=http://localhost:1&scope={SMTP[0]}"
    )
    code = _sign_in(web, address, "scan@contoso.com")["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": app.client_id,
        "code": code,
        "redirect_uri": "http://localhost:1",
    }

    status, body, _ = emulator.token_request(form)

    assert (200, SMTP[0], False) == (status, body["scope"], "refresh_token" in body)


def test_a_workload_identity(emulator: Emulator) -> None:
    """The token of a trusted cluster is a credential; MSAL sends it as client assertion."""
    assertion = Path(emulator.facts["workload_token_file"]).read_text("ascii")
    app = msal.ConfidentialClientApplication(
        emulator.facts["client_id"], client_credential={"client_assertion": lambda: assertion},
        authority=f"{emulator.facts['authority']}/{emulator.facts['tenant']}", instance_discovery=False,
        http_client=_session(emulator),
    )  # fmt: skip

    got = app.acquire_token_for_client(APP_SMTP)

    assert "SMTP.SendAsApp" in _claims(got["access_token"])["roles"]


@pytest.mark.parametrize("kind", ["imds", "app-service"])
def test_managed_identity(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """MSAL's managed identity client gets a token of a day from both endpoints."""
    facts = emulator.facts["managed_identity"]
    if kind == "imds":
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", facts["imds"])
    else:
        monkeypatch.setenv("IDENTITY_ENDPOINT", facts["endpoint"])
        monkeypatch.setenv("IDENTITY_HEADER", facts["header"])
    with requests.Session() as session:
        client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=session)

        got = client.acquire_token_for_client(resource="https://outlook.office365.com")

    assert facts["client_id"] == _claims(got["access_token"])["appid"]
    assert 86_000 < got["expires_in"] <= 86_400


def test_managed_identity_wants_its_header(emulator: Emulator) -> None:
    """Without the header that a redirected request cannot have, both endpoints refuse."""
    facts = emulator.facts["managed_identity"]
    query = "?api-version=2018-02-01&resource=https://outlook.office365.com"

    bare = requests.get(f"{facts['imds']}/metadata/identity/oauth2/token{query}", timeout=DEADLINE_S)
    wrong = requests.get(
        f"{facts['endpoint']}{query}", headers={"X-IDENTITY-HEADER": "no"}, timeout=DEADLINE_S
    )

    assert [(400, "invalid_request"), (401, None)] == [
        (one.status_code, one.json().get("error")) for one in (bare, wrong)
    ]


def test_a_delegated_token_submits_for_a_shared_mailbox(
    emulator: Emulator, web: requests.Session, wire: Any
) -> None:
    """The token of a member signs in to SMTP as the shared mailbox; as a mailbox of somebody else it gets 535."""
    emulator.call("PATCH", "/mailboxes/scan@contoso.com", {"members": ["erp@contoso.com"]})
    app = _public(emulator)
    flow = _flow(app)
    got = app.acquire_token_by_auth_code_flow(flow, _sign_in(web, flow["auth_uri"], "erp@contoso.com"))
    replies = []
    for mailbox in ("scan@contoso.com", "erp@contoso.com", "alerts@contoso.com"):
        link = wire()
        link.say("EHLO wire.test")
        link.start_tls(emulator.tls())
        link.say("EHLO wire.test")
        blob = f"user={mailbox}\x01auth=Bearer {got['access_token']}\x01\x01".encode()
        replies.append(link.say(f"AUTH XOAUTH2 {base64.b64encode(blob).decode()}")[:9])
    emulator.call("PATCH", "/mailboxes/scan@contoso.com", {"members": []})

    assert ["235 2.7.0", "235 2.7.0", "535 5.7.3"] == [one.strip() for one in replies]
