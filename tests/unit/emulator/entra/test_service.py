"""The HTTP face of the token service: documents, statuses, headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.scopes import RESOURCES
from relay365.emulator.entra.service import TokenService
from relay365.emulator.entra.signing import BadTokenError
from relay365.emulator.entra.tokens import Tokens
from relay365.emulator.moods import Moods
from relay365.emulator.record import Tally
from unit.emulator.conftest import ask

BASE = "https://127.0.0.1:4433"


class Web:
    """The service behind its ASGI interface."""

    def __init__(self, directory: Directory, clock: FakeClock) -> None:
        self.moods, self.tally = Moods(clock), Tally()
        tokens = Tokens(directory, clock)
        tokens.base = BASE
        self.signer = tokens.signer
        self._app = TokenService(directory, tokens, self.moods, self.tally, clock).app()

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """One request; gives (status, JSON, headers)."""
        return ask(self._app, method, path, body, headers)


@pytest.fixture
def web_of(directory_of: Callable[..., Directory], clock: FakeClock) -> Callable[..., Web]:
    return lambda **settings: Web(directory_of(**settings), clock)


def _form(**changes: str) -> bytes:
    form = {
        "grant_type": "client_credentials", "client_id": "22222222-0000-4000-8000-000000000000",
        "client_secret": "the right secret", "scope": "https://outlook.office365.com/.default", **changes,
    }  # fmt: skip
    return urlencode(form).encode()


def test_the_discovery_document_leads_to_the_token_endpoint(web_of: Callable[..., Web]) -> None:
    """The document of the tenant names its endpoints under the asked name, and an issuer on the same host."""
    status, document, _ = web_of().ask("GET", "/contoso.com/v2.0/.well-known/openid-configuration")

    assert (200, f"{BASE}/contoso.com/oauth2/v2.0/token") == (status, document["token_endpoint"])
    assert document["issuer"].startswith(BASE)
    assert 200 == web_of().ask("GET", document["jwks_uri"].removeprefix(BASE))[0]


def test_an_unknown_tenant_has_no_document(web_of: Callable[..., Web]) -> None:
    """The document of an unknown tenant is AADSTS90002 with 400."""
    status, body, _ = web_of().ask("GET", "/fabrikam.com/v2.0/.well-known/openid-configuration")

    assert (400, [90002]) == (status, body["error_codes"])


def test_instance_discovery(web_of: Callable[..., Web]) -> None:
    """Instance discovery names this host and no other."""
    _, document, _ = web_of().ask("GET", "/common/discovery/instance")

    host = "127.0.0.1:4433"
    assert [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}] == document["metadata"]
    assert document["tenant_discovery_endpoint"].startswith(BASE)


def test_a_token_is_not_to_be_cached(web_of: Callable[..., Web]) -> None:
    """The answer has type, life and token, and forbids caching (RFC 6749 5.1)."""
    web = web_of()
    status, answer, headers = web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())

    assert (200, "Bearer", 4500, 4500) == (
        status, answer["token_type"], answer["expires_in"], answer["ext_expires_in"],
    )  # fmt: skip
    assert "no-store" in headers["cache-control"]
    assert (1, 1, {}) == (web.tally.token_requests, web.tally.tokens_granted, dict(web.tally.token_refusals))


def test_a_refusal_repeats_the_correlation_id(web_of: Callable[..., Web]) -> None:
    """The client's own request id is the correlation id of the refusal, and the refusal is counted."""
    web = web_of()
    status, body, _ = web.ask(
        "POST", "/contoso.com/oauth2/v2.0/token", _form(client_secret="no"), {"client-request-id": "mine"}
    )

    assert (401, "mine") == (status, body["correlation_id"])
    assert {"AADSTS7000215": 1} == dict(web.tally.token_refusals)


def test_the_loop_names_a_pause(web_of: Callable[..., Web]) -> None:
    """Too many requests are 429 with Retry-After: 60 and 50196."""
    web = web_of(application={"requests_per_minute": 1})
    web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())
    status, body, headers = web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())

    assert (429, [50196], "60") == (status, body["error_codes"], headers["retry-after"])


@pytest.mark.parametrize(("status", "number"), [(429, 90055), (503, 90033)])
def test_an_outage(web_of: Callable[..., Web], status: int, number: int) -> None:
    """An outage has its status, its pause where there is one, and a temporary error."""
    web = web_of()
    web.moods.add({"name": "token-outage", "status": status, "retry_after": 0, "count": 1})
    answer = web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())

    assert (status, "temporarily_unavailable", [number]) == (
        answer[0], answer[1]["error"], answer[1]["error_codes"],
    )  # fmt: skip
    assert "retry-after" not in answer[2]
    assert 200 == web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())[0]


def test_a_form_that_is_too_large(web_of: Callable[..., Web]) -> None:
    """A body that no honest client sends is refused before it is read."""
    status, body, _ = web_of().ask("POST", "/contoso.com/oauth2/v2.0/token", b"a=" + b"x" * 70_000)

    assert (400, [900144]) == (status, body["error_codes"])


def test_only_post(web_of: Callable[..., Web]) -> None:
    """The token endpoint takes POST only."""
    assert 405 == web_of().ask("GET", "/contoso.com/oauth2/v2.0/token")[0]


@pytest.mark.parametrize(
    ("how", "expires_in"),
    [("no-expiry", None), ("negative-expiry", -1), ("word-expiry", "soon"), ("long-expiry", 315_360_000)],
)
def test_a_wrong_life(web_of: Callable[..., Web], how: str, expires_in: object) -> None:
    """The mood token-answer claims a wrong life; the token itself is a good one."""
    web = web_of()
    web.moods.add({"name": "token-answer", "how": how, "count": 1})
    status, answer, _ = web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())

    assert (200, expires_in) == (status, answer.get("expires_in"))
    assert 3 == len(answer["access_token"].split("."))
    assert 4500 == web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())[1]["expires_in"]


def test_a_page_in_place_of_a_token(web_of: Callable[..., Web]) -> None:
    """The mood token-answer gives 200 with HTML."""
    web = web_of()
    web.moods.add({"name": "token-answer", "count": 1})
    status, body, headers = web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())

    assert (200, True) == (status, headers["content-type"].startswith("text/html"))
    assert b"<html>" in body


def test_the_cluster_publishes_its_issuer(web_of: Callable[..., Web]) -> None:
    """The discovery document of the trusted cluster names the issuer of its tokens and where its keys are."""
    status, document, _ = web_of().ask("GET", "/workload/.well-known/openid-configuration")

    assert (200, f"{BASE}/workload") == (status, document["issuer"])
    assert 200 == web_of().ask("GET", document["jwks_uri"].removeprefix(BASE))[0]


@pytest.mark.parametrize(("how", "words"), [("ahead", "not valid yet"), ("behind", "expired")])
def test_a_token_of_a_wrong_clock(web_of: Callable[..., Web], how: str, words: str) -> None:
    """It is dated by that clock, and read by the right one; the next one is good again."""
    web = web_of()
    web.moods.add({"name": "token-clock", "how": how, "seconds": 7200, "count": 1})
    tokens = [web.ask("POST", "/contoso.com/oauth2/v2.0/token", _form())[1]["access_token"] for _ in range(2)]

    with pytest.raises(BadTokenError, match=words):
        web.signer.read(tokens[0], RESOURCES)
    assert web.signer.read(tokens[1], RESOURCES).client_id
