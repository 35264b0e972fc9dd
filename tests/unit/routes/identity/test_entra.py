"""Real MSAL asks a token service with each credential, and its refusals come back as values."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fakes.identity import Metadata, TokenService, refusal
from relay365.errors import ConfigError
from relay365.mail.outcome import Class
from relay365.routes.classify import outcome_of_token
from relay365.routes.identity.credential import Certificate, ClientSecret, Reference, Workload
from relay365.routes.identity.entra import Application, Entra, ManagedIdentity
from relay365.routes.identity.source import refusal_of
from relay365.routes.identity.transport import Way

SCOPE = "https://outlook.office365.com/.default"
PYTHON = re.compile(
    r"Error\b|Expecting|Traceback|object at 0x|\bdict\b|\blist\b|Exception|HTTPSConnectionPool"
)


@pytest.fixture
def application(application: Application) -> Application:
    return replace(application, scopes=(SCOPE,))


def _given(text: str) -> Reference:
    return Reference("route x: secret", text.encode)


def _entra(application: Application, secret: str = "Sec/ret+Kanarie") -> Entra:
    return Entra(application, ClientSecret(_given(secret)))


def test_a_client_secret(service: TokenService, application: Application) -> None:
    """The form is RFC 6749 4.4 with the secret in the body."""
    answer = _entra(application).ask()

    assert ("app", 3600) == (answer["access_token"], answer["expires_in"])
    form = service.asked[0]
    assert ("client_credentials", SCOPE, "Sec/ret+Kanarie") == (
        form["grant_type"], form["scope"], form["client_secret"],
    )  # fmt: skip


def test_each_question_is_a_new_token(service: TokenService, application: Application) -> None:
    """MSAL's own cache would give the old token until five minutes before its end."""
    entra = _entra(application)
    for _ in range(2):
        entra.ask()

    assert 2 == len(service.asked)


def test_a_certificate_signs_an_assertion(
    service: TokenService, application: Application, tmp_path: Path
) -> None:
    """PS256, addressed to the token endpoint, by the key of the certificate (RFC 7523 3)."""
    files = [tmp_path / "tls" / name for name in ("relay.pem", "relay.key")]
    certificate, key = (Reference(file.name, file.read_bytes, file) for file in files)
    Entra(application, Certificate(certificate, key)).ask()

    form = service.asked[0]
    public = load_pem_private_key(files[1].read_bytes(), None).public_key()
    audience = f"{service.authority}/contoso.com/oauth2/v2.0/token"
    claims = jwt.decode(form["client_assertion"], public, ["PS256"], audience=audience)  # type: ignore[arg-type]
    assert (application.client, application.client) == (claims["iss"], claims["sub"])
    assert "client_secret" not in form


def test_a_workload_token_is_the_assertion(
    service: TokenService, application: Application, tmp_path: Path
) -> None:
    """As it stands in the file at that moment."""
    file = tmp_path / "federated"
    entra = Entra(application, Workload(Reference("workload_token", file.read_bytes, file)))
    for text in ("first", "second"):
        file.write_text(text)
        entra.ask()

    assert ["first", "second"] == [form["client_assertion"] for form in service.asked]


def test_a_refusal_is_an_answer(service: TokenService, application: Application) -> None:
    """And the next question is really put: MSAL would repeat a 400 from memory for a minute."""
    service.refuse.append(refusal("unauthorized_client", 700016))
    entra = _entra(application)

    assert [("unauthorized_client", [700016]), (None, None)] == [
        (answer.get("error"), answer.get("error_codes")) for answer in (entra.ask(), entra.ask())
    ]


def test_an_outage_keeps_its_words(service: TokenService, application: Application) -> None:
    """MSAL raises on 503; number, status and Retry-After are still known."""
    service.refuse.append(refusal("temporarily_unavailable", 90033, 503, retry_after="7"))
    answer = _entra(application).ask()

    assert ("temporarily_unavailable", [90033], 503, 7.0) == tuple(
        answer[key] for key in ("error", "error_codes", "status", "retry_after")
    )


@pytest.mark.parametrize("where", ["https://localhost:1", "https://login.invalid"])
def test_a_service_that_cannot_be_reached(application: Application, where: str) -> None:
    """No connection and no name are the same: unreachable, for now."""
    assert "unreachable" == _entra(replace(application, authority=where)).ask()["error"]


def test_a_service_that_we_do_not_trust(application: Application) -> None:
    """The system's roots do not know this authority: no secret is sent."""
    answer = _entra(replace(application, way=Way())).ask()

    assert "unreachable" == answer["error"]
    assert "the certificate of localhost is not trusted, or TLS fails: " in answer["error_description"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>sign in</html>",
        b"",
        b'{"access_token": "ab',
        b"[1, 2]",
        b"null",
        b'{"access_token": 1, "expires_in": []}',
    ],
)
def test_a_malformed_answer_is_told_without_the_words_of_a_program(
    service: TokenService, application: Application, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever MSAL makes of it: our own error, transient, with a row, a cause and a cure; MSAL says nothing itself."""
    service.refuse.append((200, body, {}))
    outcome = outcome_of_token(refusal_of(_entra(application).ask()))

    assert ("token-malformed", Class.TRANSIENT) == (outcome.row, outcome.klass)
    assert outcome.reply_text.startswith("no token: localhost answered with ")
    assert [] == [one.getMessage() for one in caplog.records if one.name.startswith("msal")]
    assert not PYTHON.search(outcome.reply_text)


def test_a_discovery_that_is_a_page_is_told_as_well(service: TokenService, application: Application) -> None:
    """A proxy answers before the first question for a token: MSAL raises in another place."""
    service.documents = (403, b"<html>blocked</html>", {})
    outcome = outcome_of_token(refusal_of(_entra(application).ask()))

    assert "token-malformed" == outcome.row
    assert "a web page (HTTP 403)" in outcome.reply_text
    assert not PYTHON.search(outcome.reply_text)


def test_a_credential_that_cannot_be_read_is_said_and_not_asked_with(
    service: TokenService, application: Application
) -> None:
    """The file is gone since the start: the answer names it, and Entra hears nothing."""

    def gone() -> bytes:
        raise ConfigError("route x: secret", "a readable file", "/etc/x: No such file")

    answer = Entra(application, ClientSecret(Reference("route x: secret", gone))).ask()

    assert ("credential_unreadable", True) == (answer["error"], "/etc/x" in answer["error_description"])
    assert [] == service.asked


def test_nothing_shows_the_secret(service: TokenService, application: Application) -> None:
    """Not repr, and not an answer to a refused question."""
    service.refuse.append(refusal("invalid_client", 7000215, 401))
    entra = _entra(application)

    assert "Kanarie" not in f"{entra!r} {entra.application!r} {entra.ask()}"


@pytest.mark.parametrize(("identity", "more"), [("system", {}), ("6f0c9b1e", {"client_id": "6f0c9b1e"})])
def test_a_managed_identity_of_a_machine(
    identity: str, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metadata service is asked for the resource, system-assigned or by client id, and never through a proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    answer = (200, {"access_token": "mi", "expires_in": "86399", "token_type": "Bearer"}, {})
    with Metadata(answer).running() as metadata:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.address)
        found = ManagedIdentity(identity, SCOPE).ask()

    assert ("mi", 86399) == (found["access_token"], found["expires_in"])
    path, query, _ = metadata.asked[0]
    assert "/metadata/identity/oauth2/token" == path
    assert {"resource": "https://outlook.office365.com", "api-version": "2018-02-01", **more} == query


def test_a_managed_identity_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """App Service names address and secret in the environment; MSAL sends the secret as a header."""
    answer = (200, {"access_token": "mi", "expires_on": "4102444800", "token_type": "Bearer"}, {})
    with Metadata(answer).running() as metadata:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{metadata.address}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        found = ManagedIdentity("system", SCOPE).ask()

    assert "mi" == found["access_token"]
    assert ("/msi/token", "h") == (metadata.asked[0][0], metadata.asked[0][2])


def test_a_machine_without_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off Azure, or with no identity assigned: an answer that says so."""
    refused = (400, {"error": "invalid_request", "error_description": "Identity not found"}, {})
    with Metadata(refused).running() as metadata:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.address)
        found = ManagedIdentity("system", SCOPE).ask()
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
        alone = ManagedIdentity("system", SCOPE).ask()

    assert ("invalid_request", "unreachable") == (found["error"], alone["error"])
