"""Software that others wrote gets tokens and submits: MSAL, smtplib, aiosmtplib, curl, msmtp."""

from __future__ import annotations

import asyncio
import email.message
import email.policy
import shutil
import smtplib
import subprocess
from pathlib import Path
from typing import Any

import aiosmtplib
import jwt
import msal
import pytest
import requests

SCOPE = "https://outlook.office365.com/.default"


def _msal(emulator: Any, credential: Any, tenant: str = "") -> Any:
    session = requests.Session()
    session.trust_env, session.verify = False, emulator.facts["ca_file"]
    return msal.ConfidentialClientApplication(
        emulator.facts["client_id"],
        client_credential=credential,
        authority=f"{emulator.facts['authority']}/{tenant or emulator.facts['tenant']}",
        instance_discovery=False,
        http_client=session,
    )


def _certificate(emulator: Any) -> dict[str, str]:
    files = {"private_key": "key_file", "public_certificate": "certificate_file"}
    return {name: Path(emulator.facts[file]).read_text() for name, file in files.items()}


def _message(emulator: Any, subject: str) -> email.message.EmailMessage:
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = emulator.mailbox["address"], "lena@fabrikam.example"
    message["Subject"], message["Message-ID"] = subject, f"<{subject}@foreign.test>"
    message.set_content(".a line with a dot\nand another\n")
    return message


@pytest.mark.parametrize("kind", ["secret", "certificate"])
@pytest.mark.parametrize("name", ["tenant", "tenant_id"])
def test_msal_gets_a_token(emulator: Any, kind: str, name: str) -> None:
    """Unpatched MSAL gets a token with secret and with certificate, for the tenant's domain and for its id."""
    credential = emulator.facts["client_secret"] if kind == "secret" else _certificate(emulator)

    answer = _msal(emulator, credential, emulator.facts[name]).acquire_token_for_client([SCOPE])

    assert "access_token" in answer, answer
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert ("https://outlook.office365.com", ["SMTP.SendAsApp", "Mail.Send"]) == (
        claims["aud"],
        claims["roles"],
    )
    assert 3600 <= answer["expires_in"] <= 5400


def test_msal_repeats_its_assertion(emulator: Any) -> None:
    """MSAL signs one assertion for nine minutes; the second request with it succeeds as at Entra."""
    client = _msal(emulator, _certificate(emulator))
    first = client.acquire_token_for_client([SCOPE])
    client.remove_tokens_for_client()

    second = client.acquire_token_for_client([SCOPE])

    assert "access_token" in first and "access_token" in second, second
    assert "identity_provider" == second["token_source"]


def test_msal_reads_a_refusal(emulator: Any) -> None:
    """A wrong secret is AADSTS7000215 with every key of Entra's body."""
    answer = _msal(emulator, "wrong").acquire_token_for_client([SCOPE])

    assert ("invalid_client", [7000215]) == (answer["error"], answer["error_codes"])
    assert answer["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")
    assert {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    } == set(answer)  # fmt: skip


def test_smtplib_submits(emulator: Any) -> None:
    """smtplib with auth("XOAUTH2") submits; what arrives is what was sent, octet for octet."""
    message = _message(emulator, "smtplib")
    token = emulator.token()

    with smtplib.SMTP(*emulator.address, timeout=30) as client:
        client.starttls(context=emulator.tls())
        client.ehlo()
        client.auth(
            "XOAUTH2", lambda _=None: f"user={emulator.mailbox['address']}\x01auth=Bearer {token}\x01\x01"
        )
        assert {} == client.send_message(message)

    (delivered,) = emulator.messages()
    assert (["lena@fabrikam.example"], "<smtplib@foreign.test>") == (
        delivered["recipients"], delivered["message_id"],
    )  # fmt: skip
    content = emulator.call("GET", f"/messages/{delivered['number']}/content")[1]
    assert message.as_bytes() == content


def test_smtplib_signs_in_in_two_steps(emulator: Any) -> None:
    """AUTH XOAUTH2 without an initial response gets 334 and then 235."""
    token = emulator.token()
    asked = []

    def respond(challenge: bytes | None = None) -> str:
        asked.append(challenge)
        return f"user={emulator.mailbox['address']}\x01auth=Bearer {token}\x01\x01"

    with smtplib.SMTP(*emulator.address, timeout=30) as client:
        client.starttls(context=emulator.tls())
        client.ehlo()
        code, _ = client.auth("XOAUTH2", respond, initial_response_ok=False)

    assert (235, [b""]) == (code, asked)


def test_smtplib_logs_in_with_a_password(emulator: Any) -> None:
    """AUTH LOGIN works where the mailbox allows passwords."""
    mailbox = emulator.mailbox

    with smtplib.SMTP(*emulator.address, timeout=30) as client:
        client.starttls(context=emulator.tls())
        code, text = client.login(mailbox["address"], mailbox["password"])

    assert (235, b"2.7.0 Authentication successful") == (code, text)


def test_aiosmtplib_submits(emulator: Any) -> None:
    """aiosmtplib submits with its own auth_xoauth2."""

    async def submit() -> str:
        client = aiosmtplib.SMTP(
            hostname=emulator.address[0], port=emulator.address[1], start_tls=True, tls_context=emulator.tls(),
            timeout=30,
        )  # fmt: skip
        async with client:
            await client.auth_xoauth2(emulator.mailbox["address"], emulator.token())
            _, text = await client.send_message(_message(emulator, "aiosmtplib"))
            return text

    text = asyncio.run(submit())

    assert text.startswith("2.0.0 OK <aiosmtplib@foreign.test> [Hostname=")
    assert ["<aiosmtplib@foreign.test>"] == [one["message_id"] for one in emulator.messages()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_submits(emulator: Any) -> None:
    """curl submits with --oauth2-bearer by XOAUTH2."""
    mailbox = emulator.mailbox["address"]
    host, port = emulator.address

    done = subprocess.run(
        [
            "curl", "--silent", "--show-error", "--noproxy", "*", "--ssl-reqd", "--cacert", emulator.facts["ca_file"],
            "--login-options", "AUTH=XOAUTH2", "--user", mailbox, "--oauth2-bearer", emulator.token(),
            "--mail-from", mailbox, "--mail-rcpt", "lena@fabrikam.example", "--upload-file", "-",
            f"smtp://{host}:{port}/curl.test",
        ],
        input=_message(emulator, "curl").as_bytes(), capture_output=True, timeout=60,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    assert ["<curl@foreign.test>"] == [one["message_id"] for one in emulator.messages()]


@pytest.mark.skipif(shutil.which("msmtp") is None, reason="msmtp is not installed")
def test_msmtp_submits(emulator: Any, tmp_path: Any) -> None:
    """msmtp submits with `auth xoauth2` and the token from a command."""
    mailbox = emulator.mailbox["address"]
    host, port = emulator.address
    token_file = tmp_path / "token"
    token_file.write_text(emulator.token())
    config = tmp_path / "msmtprc"
    config.write_text(
        f"account default\nhost {host}\nport {port}\ntls on\ntls_starttls on\n"
        f"tls_trust_file {emulator.facts['ca_file']}\nauth xoauth2\nuser {mailbox}\n"
        f"passwordeval cat {token_file}\nfrom {mailbox}\n"
    )
    config.chmod(0o600)

    done = subprocess.run(
        ["msmtp", "--file", str(config), "lena@fabrikam.example"],
        input=_message(emulator, "msmtp").as_bytes(), capture_output=True, timeout=60,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    assert ["<msmtp@foreign.test>"] == [one["message_id"] for one in emulator.messages()]
