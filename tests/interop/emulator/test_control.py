"""The control API over HTTP."""

from __future__ import annotations

import hashlib
import smtplib
from pathlib import Path
from typing import Any

import pytest


def _deliver(emulator: Any, *contents: bytes) -> None:
    token = emulator.token()
    sender = emulator.mailbox["address"]
    with smtplib.SMTP(*emulator.address, timeout=60) as client:
        client.starttls(context=emulator.tls())
        client.ehlo()
        client.auth("XOAUTH2", lambda _=None: f"user={sender}\x01auth=Bearer {token}\x01\x01")
        for content in contents:
            client.sendmail(sender, ["a@fabrikam.example", "b@fabrikam.example"], content)


def test_messages_are_listed_and_read(emulator: Any) -> None:
    """Messages are listed in order, cut by after and limit, and read one by one with their exact octets."""
    contents = [b"From: scan@contoso.com\r\nSubject: %d\r\n\r\n.\xff\x80 body\r\n" % n for n in range(3)]
    _deliver(emulator, *contents)
    listed = emulator.messages()
    numbers = [one["number"] for one in listed]

    assert [emulator.call("GET", f"/messages/{n}/content")[1] for n in numbers] == contents
    assert listed[1:2] == emulator.call("GET", f"/messages?after={numbers[0]}&limit=1")[1]
    assert (200, listed[2]) == emulator.call("GET", f"/messages/{numbers[2]}")
    assert ["a@fabrikam.example", "b@fabrikam.example"] == listed[0]["recipients"]


def test_a_large_message_lies_on_disk(emulator: Any) -> None:
    """A content of 20 MB is in a file of delivered/, is given back whole, and its file goes with it."""
    content = b"From: scan@contoso.com\r\n\r\n" + b"0123456789abcdef\r\n" * 1_111_111
    _deliver(emulator, content)
    (message,) = emulator.messages()
    files = list(Path(emulator.directory, "delivered").iterdir())

    assert [len(content)] == [one.stat().st_size for one in files]
    assert hashlib.sha256(content).hexdigest() == message["sha256"]
    assert content == emulator.call("GET", f"/messages/{message['number']}/content")[1]
    assert 204 == emulator.call("DELETE", "/messages")[0]
    assert [] == list(Path(emulator.directory, "delivered").iterdir())


def test_the_counters(emulator: Any) -> None:
    """Connections, handshakes, logins, tokens and messages are counted, each mailbox with its marks."""
    before = emulator.stats()
    _deliver(emulator, b"From: scan@contoso.com\r\n\r\nx\r\n", b"From: scan@contoso.com\r\n\r\ny\r\n")
    after = emulator.stats()

    assert {"accepted": 2, "connections": 1, "tls_handshakes": 1, "logins": 1} == {
        key: after[key] - before[key] for key in ("accepted", "connections", "tls_handshakes", "logins")
    }
    assert before["tokens"]["granted"] + 1 == after["tokens"]["granted"]
    assert after["mailboxes"]["scan@contoso.com"]["most_in_60_s"] >= 2


def test_a_mailbox_is_changed(emulator: Any) -> None:
    """A PATCH changes what it names and shows the whole; what it does not know is 400 and changes nothing."""
    path = "/mailboxes/erp@contoso.com"
    before = emulator.call("GET", path)[1]
    status, changed = emulator.call("PATCH", path, {"smtp_auth": True, "limits": {"parallel": 1}})
    emulator.call("PATCH", path, {"smtp_auth": None, "limits": {"parallel": 3}})

    assert (200, True, 1, 30) == (
        status, changed["smtp_auth"], changed["limits"]["parallel"], changed["limits"]["per_minute"],
    )  # fmt: skip
    assert (400, {"error": "colour: expected a known key, found 'colour'"}) == emulator.call(
        "PATCH", path, {"colour": "blue", "full": True}
    )
    assert before == emulator.call("GET", path)[1]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/messages/999999", None, 404),
        ("GET", "/messages/999999/content", None, 404),
        ("GET", "/messages?after=x", None, 400),
        ("DELETE", "/moods/999999", None, 404),
        ("GET", "/mailboxes/nobody@contoso.com", None, 404),
        ("DELETE", "/mailboxes/nobody@contoso.com/usage", None, 404),
        ("PATCH", "/tenant", {"domain": "x.test"}, 400),
        ("PATCH", "/tenant", ["a list"], 400),
        ("POST", "/moods", None, 400),
        ("GET", "/nowhere", None, 404),
        ("PUT", "/tenant", {}, 405),
    ],
)
def test_wrong_requests(emulator: Any, method: str, path: str, body: object, status: int) -> None:
    """What cannot be is told with a status and, as JSON, with a reason."""
    answer = emulator.call(method, path, body)

    assert (status, ["error"]) == (answer[0], list(answer[1]))


def test_a_request_that_is_too_large(emulator: Any) -> None:
    """A body above the limit is 413."""
    assert 413 == emulator.call("POST", "/moods", {"name": "x" * 70_000})[0]


def test_the_facts_are_at_the_root(emulator: Any) -> None:
    """The root shows what emulator.json has."""
    assert emulator.facts == {"event": "ready", **emulator.call("GET", "/")[1]}


def test_an_expired_secret(emulator: Any) -> None:
    """The application's switches rule the token endpoint at once."""
    emulator.call("PATCH", "/application", {"secret_expired": True})
    status, body, _ = emulator.token_request(
        {
            "grant_type": "client_credentials", "client_id": emulator.facts["client_id"],
            "client_secret": emulator.facts["client_secret"], "scope": "https://outlook.office365.com/.default",
        }
    )  # fmt: skip
    emulator.call("PATCH", "/application", {"secret_expired": False})

    assert (401, [7000222]) == (status, body["error_codes"])
