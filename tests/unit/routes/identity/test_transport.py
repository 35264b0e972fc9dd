"""Our client for HTTPS: what it trusts, which way it goes, what it remembers."""

from __future__ import annotations

import pytest
import requests

from fakes.identity import TokenService, refusal
from relay365.routes.identity.transport import Transport, Way

FORM = {"grant_type": "client_credentials"}


def _after(service: TokenService, *answers: tuple[int, dict[str, str], dict[str, str]]) -> Transport:
    service.refuse += list(answers)
    transport = Transport(Way(service.ca_file))
    transport.post(f"{service.authority}/contoso.com/oauth2/v2.0/token", data=FORM)
    transport.close()
    return transport


def test_an_answer_of_200_is_no_refusal(service: TokenService) -> None:
    """Neither is the silence before the first."""
    assert [None, None] == [Transport(Way()).refusal(), _after(service).refusal()]


def test_an_oauth_error_is_kept_with_its_status(service: TokenService) -> None:
    """MSAL raises on 503 and drops the body: AADSTS and Retry-After are in it."""
    transport = _after(service, refusal("temporarily_unavailable", 90033, 503, retry_after="7"))

    found = transport.refusal() or {}
    assert ("temporarily_unavailable", [90033], 503) == (
        found["error"],
        found["error_codes"],
        found["status"],
    )
    assert 7.0 == transport.retry_after_s()


def test_a_status_of_500_without_a_body_is_an_error_of_the_server(service: TokenService) -> None:
    """A proxy's 502 page has no `error`; a 404 of one is not the token service being unwell."""
    assert "server_error" == (_after(service, (502, {}, {})).refusal() or {})["error"]
    assert None is _after(service, (404, {}, {})).refusal()


@pytest.mark.parametrize(("said", "wait_s"), [("", 0.0), ("soon", 0.0), ("99999999", 3600.0)])
def test_retry_after_is_bounded(service: TokenService, said: str, wait_s: float) -> None:
    """A service that says "next year" is asked again in an hour."""
    assert wait_s == _after(service, refusal("server_error", 0, 503, retry_after=said)).retry_after_s()


def test_no_environment_variable_decides_whom_we_trust(
    service: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE and HTTPS_PROXY are ignored: both would change where a secret goes."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", service.ca_file)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    transport = Transport(Way())
    with pytest.raises(requests.exceptions.SSLError):
        transport.get(f"{service.authority}/")
    transport.close()


def test_the_proxy_of_the_file_is_the_way(service: TokenService) -> None:
    """With `proxy` nothing goes around it: one that does not answer is an error."""
    transport = Transport(Way(service.ca_file, "http://127.0.0.1:1"))
    with pytest.raises(requests.exceptions.ProxyError):
        transport.get(f"{service.authority}/")
    transport.close()
