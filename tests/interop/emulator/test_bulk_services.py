"""High Volume Email and Azure Communication Services as clients on the wire meet them."""

from __future__ import annotations

import base64
import email.message
import smtplib
from pathlib import Path
from typing import Any

import pytest

HVE, ACS = "https://outlook.office.com/.default", "https://communication.azure.com/.default"


def _xoauth2(name: str, token: str) -> str:
    return base64.b64encode(f"user={name}\x01auth=Bearer {token}\x01\x01".encode()).decode()


def _secured(link: Any, emulator: Any) -> Any:
    link.say("EHLO wire.test")
    link.start_tls(emulator.tls())
    link.say("EHLO wire.test")
    return link


def _signed_in(link: Any, emulator: Any, name: str, scope: str) -> Any:
    _secured(link, emulator)
    answer = link.say(f"AUTH XOAUTH2 {_xoauth2(name, emulator.token(scope=scope))}")
    assert answer.startswith("235"), answer
    return link


def test_a_whole_hve_session(emulator: Any, wire: Any) -> None:
    """An account sends to the inside with its own address; the record names it and its service."""
    account = emulator.facts["hve_accounts"][0]["address"]
    link = _signed_in(wire("hve"), emulator, account, HVE)
    for line in (f"MAIL FROM:<{account}>", "RCPT TO:<scan@contoso.com>", "DATA"):
        assert link.say(line)[0] in "23"

    assert link.say(f"From: {account}\r\nMessage-ID: <hve@wire.test>\r\n\r\nx\r\n.").startswith(
        "250 2.0.0 OK <hve@wire.test> [Hostname="
    )
    assert [(account, "hve")] == [(one["mailbox"], one["service"]) for one in emulator.messages()]


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("MAIL FROM:<scan@contoso.com>", "550 5.7.62"),
        ("MAIL FROM:<hve@contoso.com> SIZE=10485761", "552 5.3.4"),
    ],
)
def test_hve_at_mail(emulator: Any, wire: Any, line: str, start: str) -> None:
    """Another sender is 5.7.62, and more than 10 MB is refused at MAIL."""
    assert _signed_in(wire("hve"), emulator, "hve@contoso.com", HVE).say(line).startswith(start)


def test_hve_recipients_and_from(emulator: Any, wire: Any) -> None:
    """The outside is 5.5.105, the 51st recipient 452, and another From field 5.6.241."""
    link = _signed_in(wire("hve"), emulator, "hve@contoso.com", HVE)
    link.say("MAIL FROM:<hve@contoso.com>")
    outside = link.say("RCPT TO:<lena@fabrikam.example>")
    answers = [link.say(f"RCPT TO:<n{n}@contoso.com>")[:3] for n in range(51)]
    link.say("DATA")

    assert outside.startswith("550 5.5.105")
    assert ["250"] * 50 + ["452"] == answers
    assert link.say("From: scan@contoso.com\r\n\r\nx\r\n.").startswith("550 5.6.241")


def test_hve_tells_a_malformed_blob(emulator: Any, wire: Any) -> None:
    """A blob that is not of XOAUTH2's form is 501 5.5.124, where client submission says 535."""
    blob = base64.b64encode(b"user=hve@contoso.com").decode()

    assert "501 5.5.124 Invalid XOAUTH2 auth data" == _secured(wire("hve"), emulator).say(
        f"AUTH XOAUTH2 {blob}"
    )


def test_a_mailbox_is_no_hve_account(emulator: Any, wire: Any) -> None:
    """A mailbox may sign in, and hears 5.2.240 at MAIL."""
    link = _signed_in(wire("hve"), emulator, "scan@contoso.com", HVE)

    assert link.say("MAIL FROM:<scan@contoso.com>").startswith("550 5.2.240")


def test_tokens_that_end_too_soon(start: Any, wire_at: Any, tmp_path: Path) -> None:
    """A token near its end is 535 5.7.142, or 501 5.5.127 where the scenario says so."""
    answers = []
    for reply in ("5.7.142", "5.5.127"):
        scenario = tmp_path / f"{reply}.toml"
        scenario.write_text(f'[application]\ntoken_life_s = [300, 300]\n[hve]\nstale_reply = "{reply}"\n')
        emulator = start(reply, "--scenario", str(scenario))
        link = _secured(wire_at(emulator.at("hve")), emulator)
        answers.append(link.say(f"AUTH XOAUTH2 {_xoauth2('hve@contoso.com', emulator.token(scope=HVE))}"))

    assert [
        "535 5.7.142 Token will expire soon",
        "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error",
    ] == answers


def test_smtplib_sends_through_acs(emulator: Any) -> None:
    """smtplib signs in with resource, application and tenant joined by bars, and the client secret as password."""
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Message-ID"] = (
        "erp@contoso.com",
        "lena@fabrikam.example",
        "<acs@x>",
    )
    with smtplib.SMTP(*emulator.at("acs"), timeout=30) as client:
        client.starttls(context=emulator.tls())
        client.login(emulator.facts["acs_username"], emulator.facts["client_secret"])
        assert {} == client.send_message(message)

    assert [("<acs@x>", "acs")] == [(one["message_id"], one["service"]) for one in emulator.messages()]


def test_acs_by_token(emulator: Any, wire: Any) -> None:
    """A token for communication.azure.com signs in; one for Exchange does not."""
    name = emulator.facts["acs_username"]
    _signed_in(wire("acs"), emulator, name, ACS)

    assert (
        _secured(wire("acs"), emulator)
        .say(f"AUTH XOAUTH2 {_xoauth2(name, emulator.token())}")
        .startswith("535")
    )


@pytest.mark.parametrize("service", ["submission", "mx", "hve", "acs"])
def test_an_outage_of_one_service(emulator: Any, wire: Any, service: str) -> None:
    """A refusing port is the one that was asked for; all others greet."""
    emulator.mood("outage", service=service)
    heard = {}
    for one in ("submission", "mx", "hve", "acs"):
        try:
            heard[one] = wire(one).greeting[:3]
        except ConnectionRefusedError:
            heard[one] = "refused"

    assert {service} == {one for one, words in heard.items() if words == "refused"}
    assert {"220"} == {words for one, words in heard.items() if one != service}
