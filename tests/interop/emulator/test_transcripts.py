"""What Exchange says, checked on a raw connection against the dialogues that were published."""

from __future__ import annotations

import base64
import re
from typing import Any

import jwt
import pytest

TRAILER = (
    r" \[EM1PR00CA0001\.emuprd00\.prod\.outlook\.com \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9A-F]{16}\]"
)
HOSTNAME = r" \[Hostname=EM1PR00MB0001\.EMUPRD00\.PROD\.OUTLOOK\.COM\]"
BEFORE_TLS = """\
250-EM1PR00CA0001.outlook.office365.com Hello [127.0.0.1]
250-SIZE 157286400
250-PIPELINING
250-DSN
250-ENHANCEDSTATUSCODES
250-STARTTLS
250-8BITMIME
250-BINARYMIME
250-CHUNKING
250 SMTPUTF8"""


def _content(sender: str, message_id: str = "<1@wire.test>") -> str:
    return f"From: {sender}\r\nMessage-ID: {message_id}\r\nSubject: wire\r\n\r\nhello\r\n."


def _send(link: Any, sender: str, *, header_from: str = "", to: str = "lena@fabrikam.example") -> str:
    """One message on a signed-in connection; gives the last reply."""
    for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA"):
        answer = link.say(line)
        if answer[0] not in "23":
            return answer
    return link.say(_content(header_from or sender))


def test_the_greeting_and_the_list(wire: Any) -> None:
    """Banner and EHLO list stand as published, in their order, and AUTH is not offered in clear."""
    link = wire()

    assert re.fullmatch(
        r"220 EM1PR00CA0001\.outlook\.office365\.com Microsoft ESMTP MAIL Service ready at "
        r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000",
        link.greeting,
    )
    assert BEFORE_TLS == link.say("EHLO wire.test")


def test_auth_takes_the_place_of_starttls(emulator: Any, wire: Any) -> None:
    """After TLS the list is the same, with AUTH LOGIN XOAUTH2 where STARTTLS stood."""
    link = wire()
    link.say("EHLO wire.test")
    link.start_tls(emulator.tls())

    assert BEFORE_TLS.replace("STARTTLS", "AUTH LOGIN XOAUTH2") == link.say("EHLO wire.test")


def test_a_whole_submission(emulator: Any, wire: Any) -> None:
    """Every positive reply of a submission stands as published."""
    link, sender = wire(), emulator.mailbox["address"]
    link.sign_in(emulator)

    assert "250 2.1.0 Sender OK" == link.say(f"MAIL FROM:<{sender}>")
    assert "250 2.1.5 Recipient OK" == link.say("RCPT TO:<lena@fabrikam.example>")
    assert "354 Start mail input; end with <CRLF>.<CRLF>" == link.say("DATA")
    assert re.fullmatch("250 2.0.0 OK <1@wire.test>" + HOSTNAME, link.say(_content(sender)))
    assert "221 2.0.0 Service closing transmission channel" == link.say("QUIT")


def test_login_prompts(emulator: Any, wire: Any) -> None:
    """AUTH LOGIN asks for user name and password with the two known prompts, with or without an initial response."""
    mailbox = emulator.mailbox
    user, password = (base64.b64encode(mailbox[key].encode()).decode() for key in ("address", "password"))

    for lines in (["AUTH LOGIN", user, password], [f"AUTH LOGIN {user}", password]):
        link = wire()
        link.say("EHLO wire.test")
        link.start_tls(emulator.tls())
        link.say("EHLO wire.test")
        wanted = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0 Authentication successful"]
        assert wanted[-len(lines) :] == [link.say(line) for line in lines]


def test_the_prompt_of_xoauth2(emulator: Any, wire: Any) -> None:
    """AUTH XOAUTH2 alone is answered by 334, one space, and nothing."""
    link = wire()
    link.say("EHLO wire.test")
    link.start_tls(emulator.tls())
    link.say("EHLO wire.test")

    assert "334 " == link.say("AUTH XOAUTH2")
    assert "235 2.7.0 Authentication successful" == link.say(emulator.xoauth2())


def test_mail_without_auth(wire: Any) -> None:
    """MAIL without AUTH is 530 5.7.57."""
    link = wire()
    link.say("EHLO wire.test")

    assert re.fullmatch(
        r"530 5\.7\.57 Client not authenticated to send mail\." + TRAILER,
        link.say("MAIL FROM:<scan@contoso.com>"),
    )


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("audience", {"scope": "https://graph.microsoft.com/.default"}),
        ("signature", {}),
        ("mailbox", {}),
        ("blob", {}),
    ],
)
def test_a_token_that_is_not_good(emulator: Any, wire: Any, case: str, changes: dict[str, str]) -> None:
    """A token for another audience, a forged one, an unknown mailbox and a broken response are all 535 5.7.3."""
    token = emulator.token(**changes)
    if case == "signature":
        claims = jwt.decode(token, options={"verify_signature": False})
        token = jwt.encode(claims, "a key of somebody else, long enough for HS256", algorithm="HS256")
    user = "nobody@contoso.com" if case == "mailbox" else emulator.mailbox["address"]
    ends = "" if case == "blob" else "\x01\x01"
    blob = base64.b64encode(f"user={user}\x01auth=Bearer {token}{ends}".encode()).decode()
    link = wire()
    link.say("EHLO wire.test")
    link.start_tls(emulator.tls())
    link.say("EHLO wire.test")

    answer = link.say(f"AUTH XOAUTH2 {blob}")

    assert re.fullmatch(r"535 5\.7\.3 Authentication unsuccessful" + TRAILER, answer), answer


@pytest.mark.parametrize(
    ("where", "word"), [("/tenant", "Tenant"), ("/mailboxes/erp@contoso.com", "Mailbox")]
)
def test_the_smtp_auth_switches_hold_for_oauth(emulator: Any, wire: Any, where: str, word: str) -> None:
    """With SMTP AUTH off for tenant or mailbox a valid token is refused, with the text that names the switch."""
    emulator.call("PATCH", where, {"smtp_auth": False})
    link = wire()
    link.say("EHLO wire.test")
    link.start_tls(emulator.tls())
    link.say("EHLO wire.test")
    answer = link.say(f"AUTH XOAUTH2 {emulator.xoauth2('erp@contoso.com')}")
    emulator.call("PATCH", where, {"smtp_auth": True if where == "/tenant" else None})

    assert re.fullmatch(
        r"535 5\.7\.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
        + word
        + r"\. Visit https://aka\.ms/smtp_auth_disabled for more information\."
        + TRAILER,
        answer,
    ), answer


def test_send_as(emulator: Any, wire: Any) -> None:
    """A From that the mailbox may not use is refused at the final dot; alias and Send As list are taken."""
    link, mailbox = wire(), emulator.mailbox
    link.sign_in(emulator)

    answer = _send(link, mailbox["address"], header_from="boss@contoso.com")

    assert re.fullmatch(
        r"554 5\.2\.252 SendAsDenied; scan@contoso\.com not allowed to send as boss@contoso\.com; "
        r"STOREDRV\.Submission\.Exception:SendAsDeniedException\.MapiExceptionSendAsDenied; Failed to process message "
        r"due to a permanent exception with message \[BeginDiagnosticData\]Cannot submit message\. .*"
        r"\[EndDiagnosticData\]" + HOSTNAME,
        answer,
    ), answer
    for sender in (mailbox["aliases"][0], mailbox["send_as"][0]):
        assert _send(link, sender).startswith("250 2.0.0 OK")
    assert "550" == _with_tenant(emulator, {"send_as_reply": "5.7.60"}, link, "boss@contoso.com")[:3]


def _with_tenant(emulator: Any, changes: dict[str, Any], link: Any, sender: str) -> str:
    before = emulator.call("GET", "/tenant")[1]
    emulator.call("PATCH", "/tenant", changes)
    answer = _send(link, sender)
    emulator.call("PATCH", "/tenant", {key: before[key] for key in changes})
    return answer


def test_the_fourth_sender(emulator: Any, wire: Any) -> None:
    """Three may be inside DATA at once; the fourth is told 432 at its final dot, and the three are taken."""
    sender, links = emulator.mailbox["address"], [wire() for _ in range(4)]
    for link in links:
        link.sign_in(emulator)
        for line in (f"MAIL FROM:<{sender}>", "RCPT TO:<lena@fabrikam.example>", "DATA"):
            link.say(line)

    answers = [link.say(_content(sender, f"<{n}@wire.test>")) for n, link in enumerate(reversed(links))]

    assert ["432", "250", "250", "250"] == [answer[:3] for answer in answers]
    assert re.fullmatch(
        r"432 4\.3\.2 Concurrent connections limit exceeded\. Visit https://aka\.ms/concurrent_sending for more "
        r"information\." + HOSTNAME,
        answers[0],
    )
    assert 4 == emulator.stats()["mailboxes"][sender]["most_parallel"]


def test_sizes_and_recipients(emulator: Any, wire: Any) -> None:
    """The mailbox's send limit holds for SIZE and for what really comes; unknown and surplus recipients are refused."""
    link, sender = wire(), "erp@contoso.com"
    link.sign_in(emulator, sender)
    before = emulator.call("GET", f"/mailboxes/{sender}")[1]["limits"]
    emulator.call(
        "PATCH", f"/mailboxes/{sender}", {"limits": {"send_octets": 50, "recipients_per_message": 1}}
    )
    emulator.call("PATCH", "/tenant", {"unknown_recipients": ["gone.example"]})
    answers = [link.say(f"MAIL FROM:<{sender}> SIZE=51"), _send(link, sender)]
    answers += [link.say(f"MAIL FROM:<{sender}>"), link.say("RCPT TO:<x@gone.example>")]
    answers += [link.say("RCPT TO:<one@fabrikam.example>"), link.say("RCPT TO:<two@fabrikam.example>")]
    emulator.call("PATCH", f"/mailboxes/{sender}", {"limits": before})
    emulator.call("PATCH", "/tenant", {"unknown_recipients": []})

    assert [
        "552 5.3.4 Message size exceeds fixed maximum message size",
        "552 5.3.4 Message size exceeds fixed maximum message size",
        "250 2.1.0 Sender OK",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "250 2.1.5 Recipient OK",
        "452 4.5.3 Too many recipients",
    ] == answers


def test_the_minute_refuses(emulator: Any, wire: Any) -> None:
    """With `refuse` the message above the limit of the minute is told 432 and not recorded."""
    link, sender = wire(), "alerts@contoso.com"
    emulator.call("PATCH", f"/mailboxes/{sender}", {"limits": {"per_minute": 2}})
    link.sign_in(emulator, sender)
    answers = [_send(link, sender) for _ in range(3)]
    emulator.call("PATCH", f"/mailboxes/{sender}", {"limits": {"per_minute": 30}})

    assert ["250", "250", "432"] == [answer[:3] for answer in answers]
    assert "thread-limit" in emulator.stats()["refused"]
    assert [False, True] == [one["duplicate"] for one in emulator.messages()]
