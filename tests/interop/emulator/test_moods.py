"""Each mood as a client on the wire meets it."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from typing import Any

import pytest

CONTENT = "From: scan@contoso.com\r\nMessage-ID: <mood@wire.test>\r\nSubject: mood\r\n\r\nhello\r\n."


def _begin(link: Any) -> None:
    """MAIL, RCPT and DATA on a signed-in connection."""
    for line in ("MAIL FROM:<scan@contoso.com>", "RCPT TO:<lena@fabrikam.example>", "DATA"):
        assert link.say(line)[0] in "23"


def _send(link: Any) -> str:
    _begin(link)
    return link.say(CONTENT)


@pytest.mark.parametrize(
    ("name", "values", "start"),
    [
        ("throttle", {}, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
        ("concurrent", {}, "432 4.3.2 Concurrent connections limit exceeded."),
        ("storedrv", {}, "430 4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed"),
        (
            "send-as",
            {},
            "554 5.2.252 SendAsDenied; scan@contoso.com not allowed to send as scan@contoso.com;",
        ),
        ("quota", {}, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"),
        ("full", {}, "554 5.2.2 mailbox full;"),
        (
            "penalty",
            {"text": "box-full"},
            "550 5.2.251 Sender throttled due to continuous mailbox full errors.",
        ),
        ("reply", {"text": "451 4.7.0 Later, please"}, "451 4.7.0 Later, please"),
        ("reply", {"text": "tenant-threshold"}, "550 5.7.705 Access denied, tenant has exceeded threshold"),
    ],
)
def test_refusals_at_the_dot(emulator: Any, wire: Any, name: str, values: dict[str, Any], start: str) -> None:
    """A mood at the final dot refuses once with its text, records nothing, and is over after its count."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood(name, count=1, **values)

    answers = [_send(link), _send(link)]

    assert answers[0].startswith(start), answers[0]
    assert answers[1].startswith("250 2.0.0 OK <mood@wire.test>")
    assert 1 == len(emulator.messages())


def test_a_mood_for_one_mailbox(emulator: Any, wire: Any) -> None:
    """A mood of one mailbox leaves the others alone."""
    emulator.mood("storedrv", mailbox="alerts@contoso.com")
    link = wire()
    link.sign_in(emulator)

    assert _send(link).startswith("250")


def test_every_text_of_auth(emulator: Any, wire: Any) -> None:
    """Each refusal of AUTH in the table of replies can be chosen."""
    texts = emulator.call("GET", "/moods/known")[1]["texts"]
    chosen = {name: text for name, text in texts.items() if name.startswith("auth-")}

    for name, text in chosen.items():
        emulator.mood("auth", count=1, text=name)
        link = wire()
        link.say("EHLO wire.test")
        link.start_tls(emulator.tls())
        link.say("EHLO wire.test")
        assert link.say(f"AUTH XOAUTH2 {emulator.xoauth2()}").startswith(text)

    assert len(chosen) >= 12


def test_after_so_many_messages(emulator: Any, wire: Any) -> None:
    """`after` lets messages pass before the mood begins."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood("quota", after=2, count=1)

    assert ["250", "250", "554", "250"] == [_send(link)[:3] for _ in range(4)]


def test_an_outage_refuses_connections(emulator: Any, wire: Any) -> None:
    """While it lasts connections are refused, an open session hears 421, and afterwards the same port answers."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood("outage")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(emulator.address, timeout=5)
    assert link.say("MAIL FROM:<scan@contoso.com>").startswith("421 4.3.2 Service not available")
    emulator.call("DELETE", "/moods")
    assert wire().greeting.startswith("220 ")


def test_an_outage_ends_by_itself(emulator: Any, wire: Any) -> None:
    """An outage with `for_s` gives the port back when its time is over."""
    emulator.mood("outage", for_s=0.3)
    until = time.monotonic() + 10
    while True:
        try:
            greeting = wire().greeting
            break
        except ConnectionRefusedError:
            assert time.monotonic() < until

    assert greeting.startswith("220 ")
    assert [] == emulator.call("GET", "/moods")[1]


def test_an_outage_at_the_greeting(emulator: Any, wire: Any) -> None:
    """With `greeting` the first words are 421, as often as counted."""
    emulator.mood("outage", how="greeting", count=1)

    assert [True, False] == [wire().greeting.startswith("421 4.3.2") for _ in range(2)]


def test_an_outage_of_the_proxy(emulator: Any, wire: Any) -> None:
    """With `proxy` MAIL is told 451 PRX2 and the session goes on."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood("outage", how="proxy", count=1)

    assert link.say("MAIL FROM:<scan@contoso.com>").startswith(
        "451 4.7.0 Temporary server error. Please try again later. PRX2"
    )
    assert _send(link).startswith("250")


def test_slow(emulator: Any, wire: Any) -> None:
    """The chosen step waits, the others do not."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood("slow", at="dot", seconds=0.5, count=1)
    _begin(link)
    begun = time.monotonic()
    answer = link.say(CONTENT)

    assert answer.startswith("250")
    assert 0.5 <= time.monotonic() - begun < 10


@pytest.mark.parametrize("how", ["close", "cut", "garbage", "silence"])
def test_a_lie_after_the_dot(emulator: Any, wire: Any, how: str) -> None:
    """The message is taken and recorded as not answered; the client gets no reply that it could use."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood("lie", how=how, count=1)
    _begin(link)
    link.socket.sendall(CONTENT.encode() + b"\r\n")
    link.socket.settimeout(2.0)
    try:
        answer = link.line()
    except (TimeoutError, ConnectionError, ssl.SSLError):
        answer = "broken or silent"

    wanted = {"%%%% what was the question %%%%"} if how == "garbage" else {"", "broken or silent"}
    assert answer in wanted  # TLS libraries show an end without close_notify as end or as error
    (message,) = emulator.messages()
    assert not message["answered"]


def test_a_repeated_message_is_a_duplicate(emulator: Any, wire: Any) -> None:
    """The same Message-ID with the same content is counted as a duplicate, after a lie as anywhere."""
    emulator.mood("lie", count=1)
    before = emulator.stats()["duplicates"]
    for _ in range(2):
        link = wire()
        link.sign_in(emulator)
        _begin(link)
        link.socket.sendall(CONTENT.encode() + b"\r\n")
        link.line()

    assert [(False, False), (True, True)] == [
        (one["duplicate"], one["answered"]) for one in emulator.messages()
    ]
    assert before + 1 == emulator.stats()["duplicates"]


def test_a_drop_before_the_dot(emulator: Any, wire: Any) -> None:
    """The connection breaks inside the content, and nothing is recorded."""
    link = wire()
    link.sign_in(emulator)
    emulator.mood("drop", after_octets=1000, count=1)
    _begin(link)

    with pytest.raises((ConnectionError, ssl.SSLError)):
        link.pour(b"x" * 70 + b"\r\n", 10_000)
    assert [] == emulator.messages()


def test_no_starttls(emulator: Any, wire: Any) -> None:
    """STARTTLS is neither offered nor taken, and there is no AUTH either."""
    emulator.mood("no-starttls", count=1)
    link = wire()
    features = link.say("EHLO wire.test")

    assert "STARTTLS" not in features
    assert "AUTH" not in features
    assert link.say("STARTTLS").startswith("502")


def test_injection(emulator: Any, wire: Any) -> None:
    """The octets stand in clear right behind the 220, before the handshake."""
    emulator.mood("injection", octets="250 2.0.0 surprise\r\n", count=1)
    link = wire()
    link.say("EHLO wire.test")

    assert ["220 2.0.0 SMTP server ready", "250 2.0.0 surprise"] == [link.say("STARTTLS"), link.line()]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("name", "mismatch"),
        ("authority", "unable to get local issuer|self-signed"),
        ("expired", "has expired"),
        ("future", "not yet valid"),
    ],
)
def test_wrong_certificates(emulator: Any, how: str, reason: str) -> None:
    """A verifying client refuses the certificate for the reason that was asked for."""
    emulator.mood("wrong-certificate", how=how, count=1)
    client = smtplib.SMTP(*emulator.address, timeout=30)

    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        client.starttls(context=emulator.tls())
    client.close()


def test_a_token_outage(emulator: Any) -> None:
    """The token endpoint says 503 with Retry-After, then is well again."""
    emulator.mood("token-outage", status=503, retry_after=7, count=1)
    form = {"grant_type": "client_credentials", "client_id": emulator.facts["client_id"]}

    status, body, headers = emulator.token_request(form)

    assert (503, "temporarily_unavailable", "7") == (status, body["error"], headers["retry-after"])
    assert emulator.token()


def test_a_slow_token(emulator: Any) -> None:
    """The token endpoint waits as long as asked."""
    emulator.mood("token-slow", seconds=0.4, count=1)
    begun = time.monotonic()

    assert emulator.token()
    assert time.monotonic() - begun >= 0.4


def test_a_token_error(emulator: Any) -> None:
    """Any AADSTS number can be made to come."""
    emulator.mood("token-error", number=700016, count=1)

    status, body, _ = emulator.token_request({})

    assert (400, "unauthorized_client", [700016]) == (status, body["error"], body["error_codes"])


@pytest.mark.parametrize(
    ("request_body", "reason"),
    [
        ({"name": "sunny"}, "name: expected one of throttle"),
        ({"name": "slow", "seconds": "long"}, "seconds: expected a number, found 'long'"),
        ({"name": "slow", "second": 1}, "second: slow does not know it"),
        (
            {"name": "lie", "how": "softly"},
            "how: expected close or cut or reset or half-close or garbage or silence",
        ),
        ({"name": "outage", "count": 2}, "count: a refused connection cannot be counted"),
        ({"name": "outage", "mailbox": "scan@contoso.com"}, "mailbox: outage holds for everybody"),
        ({"name": "quota", "mailbox": "nobody@contoso.com"}, "mailbox: expected the address of a mailbox"),
        ({"name": "reply", "text": "no reply"}, "text: expected a row of the table of replies"),
    ],
)
def test_a_wrong_mood_is_refused(emulator: Any, request_body: dict[str, Any], reason: str) -> None:
    """The control API says what is wrong with a mood, and sets none."""
    status, answer = emulator.call("POST", "/moods", request_body)

    assert 400 == status
    assert answer["error"].startswith(reason), answer
    assert [] == emulator.call("GET", "/moods")[1]
