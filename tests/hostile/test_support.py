"""A support bundle of a site full of canaries: secrets, addresses, subjects and contents, planted wherever they could
come from, and none of them is found in the zip.
"""

from __future__ import annotations

import base64
import json
import smtplib
import ssl
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from hostile.canaries import forms, found, tokens

DEVICE_PASSWORD = "Dev/ice+Kanarie &1=%"
MISTYPED = "Dev/ice+Kanarie &1=%2"
HOOK = "https://hooks.example/services/Kanarie/T0/Haken-77"
LOCAL = "kanarienvogel.lena"
SUBJECT = "Kündigung Kanarienberg"
BODY = "Kanarienleib-steht-im-Inhalt"
MORE = """
[log]
level = "debug"
content_head = 4096
[queue]
retry = ["1s"]
[[alerts.channel]]
kind = "webhook"
url = { file = "hook.url" }
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    with microsoft(tmp_path) as running:
        yield running


def _mail(sender: str) -> bytes:
    """8-bit headers are repaired, so the history shows the lines before and behind."""
    return (
        f"From: Lena Kanarienfrau <{sender}>\r\nTo: {LOCAL}.to@fabrikam.com\r\n"
        f"Subject: {SUBJECT}\r\nContent-Type: text/plain; name={LOCAL}.pdf\r\n\r\n{BODY}\r\n"
    ).encode()


def _as_device(relay: Relay, sender: str, password: str) -> None:
    with smtplib.SMTP("127.0.0.1", relay.port, "copier.test", 20) as client:
        try:
            client.starttls(context=ssl.create_default_context(cafile=str(relay.ca_file)))
            client.login("copier", password, initial_response_ok=False)
            client.sendmail(sender, [f"{LOCAL}.to@fabrikam.com"], _mail(sender), rcpt_options=[
                f"ORCPT=rfc822;{LOCAL}.to+40fabrikam.com"])  # fmt: skip
        except (smtplib.SMTPException, OSError):
            return


def _in_the_wrong_place(relay: Relay) -> None:
    plain = base64.b64encode(f"\0copier\0{DEVICE_PASSWORD}".encode()).decode()
    with smtplib.SMTP("127.0.0.1", relay.port, "copier.test", 20) as client:
        client.ehlo()
        for line in (
            f"AUTH PLAIN {plain}",
            plain,
            DEVICE_PASSWORD,
            f"HELP {plain}",
            f"VRFY {LOCAL}",
            f"RCPT TO:<{LOCAL}>",
        ):
            client.docmd(line)


def _log_with_more(relay: Relay) -> str:
    """The service's own log at debug, and lines as other programs in front of it would add them."""
    secret = base64.b64encode(f"user=a\1auth=Bearer {DEVICE_PASSWORD}\1\1".encode()).decode()
    return relay.log_file.read_text() + (
        f"proxy: GET /?login={quote(DEVICE_PASSWORD, safe='')}&to={LOCAL}%40fabrikam.com\n"
        f"postfix: warning: header Subject: {SUBJECT}; from=<{LOCAL}@contoso.com>\n"
        f"debug: {secret}\n"
        f"hook: POST {HOOK} failed\n"
    )


def test_no_canary_is_in_a_bundle(cloud: Microsoft, tmp_path: Path) -> None:
    """Client secret, tokens, private keys, password hashes, a webhook's address; passwords where none belong; addresses
    in envelopes, headers, xtext and logs; the subject and the content of mail that was sent, refused and repaired:
    searched in every form in every file of the bundle, and in what the command says.
    """
    home = tmp_path / "relay"
    home.mkdir()
    (home / "hook.url").write_text(HOOK)
    (home / "hook.url").chmod(0o600)
    relay = cloud.relay(home, more=MORE)
    relay.command("user", "add", "copier", "--password-stdin", stdin=DEVICE_PASSWORD)
    with relay:
        for password in (DEVICE_PASSWORD, MISTYPED):
            _as_device(relay, cloud.mailbox, password)
        _in_the_wrong_place(relay)
        _as_device(relay, f"{LOCAL}@contoso.com", DEVICE_PASSWORD)  # not a sender of this mailbox
        eventually(cloud.control.messages)
        eventually(
            lambda: (home / "data" / "sessions").is_dir() and list((home / "data" / "sessions").iterdir())
        )
        (tmp_path / "log").write_text(_log_with_more(relay))
        done = relay.command("support", "bundle", "--yes", "--out", "b.zip", "--log", str(tmp_path / "log"))
    assert 0 == done.returncode, done.stderr
    with zipfile.ZipFile(home / "b.zip") as file:
        sheets = {name: file.read(name) for name in file.namelist()}
    canaries = _canaries(cloud, home)

    assert [] == found(canaries, {**sheets, "output": (done.stdout + done.stderr).encode()})
    _is_still_of_use(sheets, cloud)


def _canaries(cloud: Microsoft, home: Path) -> dict[str, set[bytes]]:
    keys = [*(home / "data" / "tls").glob("*.key"), Path(str(cloud.facts["key_file"]))]
    lines = [line.encode() for key in keys for line in key.read_text().splitlines()[1:-1] if len(line) > 60]
    users = (home / "data" / "users").read_text()
    return {
        "client secret": forms(str(cloud.facts["client_secret"])),
        "device password": forms(DEVICE_PASSWORD),
        "mistyped password": forms(MISTYPED),
        "hash": {users[users.index("$argon2") :].strip().encode()},
        "webhook": {b"T0/Haken-77", HOOK.encode()},
        "private key": set(lines),
        "token": tokens(),
        "address": {b"kanarienvogel", b"Kanarienfrau", cloud.mailbox.split("@")[0].encode() + b"@"},
        "subject": {
            b"Kanarienberg",
            base64.b64encode(SUBJECT.encode())[:20],
            quote("Kündigung").encode(),
            b"ndigung",
        },
        "content": {BODY.encode(), *forms(BODY)},
    }


def _is_still_of_use(sheets: dict[str, bytes], cloud: Microsoft) -> None:
    """What a helper needs is there: who spoke to whom, what was answered, and the same person under the same word."""
    messages = [json.loads(line) for line in sheets["messages.jsonl"].splitlines()]
    sent = next(one for one in messages if one["state"] == "delivered")
    address = sent["recipients"][0]["address"]
    assert address.endswith("@fabrikam.com")
    assert f"<{address}>" in sheets["sessions.jsonl"].decode()
    assert any(event["name"] == "message.repaired" for one in messages for event in one["events"])
    assert b"535 5.7.8" in sheets["sessions.jsonl"]
    assert "good" == json.loads(sheets["doctor.json"])["findings"][0]["state"]
    assert {"file": "hook.url"} == json.loads(sheets["config/set.json"])["alerts"]["channel"][0]["url"]
    assert b"service.ready" in sheets["log.txt"]
    assert b"message.accepted" in sheets["log.txt"]
    assert str(len(sheets["log.txt"])) in sheets["README.txt"].decode()
