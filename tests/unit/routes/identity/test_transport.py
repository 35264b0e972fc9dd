"""Our client for HTTPS: what it trusts, which way it goes, what it remembers."""

from __future__ import annotations

import errno
import ssl

import pytest
import requests

from fakes.identity import TokenService, refusal
from relay365.routes.identity.transport import MALFORMED, Transport, Way

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


PAGE = b"<!doctype html><html><h1>Sign in to the proxy</h1></html>"


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (200, PAGE, "a web page (HTTP 200)"),
        (403, b"\r\n <html>", "a web page (HTTP 403)"),
        (200, b"", "nothing (HTTP 200)"),
        (200, b'{"access_token": "ab', "JSON that breaks off (HTTP 200)"),
        (200, b"OK", "text that is no JSON (HTTP 200)"),
        (200, b"[1, 2]", "JSON that holds no answer (HTTP 200)"),
        (200, b"null", "JSON that holds no answer (HTTP 200)"),
        (404, b'{"fault": 1}', "JSON that holds no answer (HTTP 404)"),
        (200, b'{"access_token": "a", "expires_in": "soon"}', "a token whose time is no number (HTTP 200)"),
    ],
)
def test_what_is_no_answer_is_said_in_plain_words(
    service: TokenService, status: int, body: bytes, what: str
) -> None:
    """What it is, from whom, and with which status; nothing of it is repeated, and nothing of how we read it."""
    transport = _after(service, (status, body, {}))
    words = f"localhost answered with {what}, which is no answer of a token service"

    assert {"error": MALFORMED, "error_description": words} == transport.malformed()
    assert None is transport.refusal()


@pytest.mark.parametrize(
    "body",
    [
        {"error": "invalid_client"},
        {"access_token": "a"},
        {"access_token": "a", "expires_in": -1},
        {"token_endpoint": "x"},
    ],
)
def test_what_may_be_an_answer_is_not_called_malformed(
    service: TokenService, body: dict[str, object]
) -> None:
    """A refusal, a token and the document of discovery; nor is the silence before the first."""
    assert [None, None] == [_after(service, (200, body, {})).malformed(), Transport(Way()).malformed()]


def _silence(error: Exception) -> tuple[str, str]:
    found = Transport(Way()).silence(error)
    return found["error"], found["error_description"]


def test_silence_has_a_name_and_plain_words() -> None:
    """Each way of no answer, as requests raises it; a class name of Python stands in none of them."""
    refused = requests.ConnectionError("HTTPSConnectionPool(host='x', port=443): Max retries exceeded")
    refused.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    expired = requests.exceptions.SSLError("x")
    expired.__cause__ = _verification("certificate has expired")
    cut = requests.exceptions.ChunkedEncodingError("Connection broken: IncompleteRead(5 bytes read)")

    assert [
        ("unreachable", "the token service cannot be reached: Connection refused"),
        (
            "unreachable",
            "the certificate of the token service is not trusted, or TLS fails: certificate has expired",
        ),
        (MALFORMED, "the answer of the token service broke off, which is no answer of a token service"),
        ("timeout", "the token service gave no answer within 30 s"),
        ("timeout", "the token service cannot be reached within 30 s"),
        ("unreachable", "the proxy of the route does not lead to the token service"),
        ("unreachable", "no token could be asked for: the key does not fit"),
    ] == [
        _silence(error)
        for error in (
            refused,
            expired,
            cut,
            requests.ReadTimeout("x"),
            requests.ConnectTimeout("x"),
            requests.exceptions.ProxyError("x"),
            ValueError("the key does not fit"),
        )
    ]


def _verification(words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {words} (_ssl.c:1016)")
    error.verify_message = words
    return error


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
