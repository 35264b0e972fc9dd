"""What people paste: the code that a text is about is found, and line ends of every kind change nothing."""

from __future__ import annotations

import pytest

from relay365.mail.outcome import Class, Scope
from relay365.routes.catalogue.pasted import Explanation, explain, is_yes

DENIED = "554 5.2.252 SendAsDenied; a@x.test not allowed to send as b@x.test"


@pytest.mark.parametrize(
    "text",
    [
        DENIED,
        DENIED.lower(),
        f"{DENIED} [Hostname=VI1PR04MB6894.eurprd04.prod.outlook.com]",
        f"smtp;{DENIED}",
        "554-5.2.252 SendAsDenied; a@x.test not\r\n554 5.2.252 allowed to send as b@x.test",
        "554-5.2.252 SendAsDenied;\n554-5.2.252 a@x.test not allowed\n554 5.2.252 to send as b@x.test",
        "Diagnostic-Code: smtp; 554 5.2.252 SendAsDeni=\r\ned; a@x.test not allowed to send as b@x.test",
    ],
)
def test_one_refusal_in_many_dresses(text: str) -> None:
    """Trailers, casing, two and three reply lines, a report and quoted-printable breaks find the same row."""
    found = explain(text)

    assert "send-as-denied-current" == (found.row.id if found.row else "")


def test_a_text_of_a_device_is_known() -> None:
    """What a panel shows is explained, too, and says what to set where."""
    found = explain("Error: Token update failed. Please delete the token and obtain it again. (0x31)")

    assert found.row is not None
    assert ("device-token-update", Class.CONFIGURATION) == (found.row.id, found.klass)


# Texts as people paste them into public issues, cut as they cut them.
PASTED = {
    "550 5.7.30 Basic authentication is not supported for Client Submission": "basic-auth-retired",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant": (
        "smtp-auth-disabled-tenant"
    ),
    "535 5.7.139 ... SmtpClientAuthentication is disabled for the Mailbox": "smtp-auth-disabled-mailbox",
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy": (
        "security-defaults"
    ),
    "535 5.7.139 ... the request did not meet the criteria to be authenticated successfully.": "policy-criteria",
    "535 5.7.3 Authentication unsuccessful [VI1PR0902CA0036.eurprd09.prod.outlook.com ...]": "auth-refused",
    "430 4.2.0 STOREDRV; mailbox logon failure; ...MapiExceptionLogonFailed": "no-mailbox-rights",
    "530 5.7.57 Client not authenticated to send mail.": "not-authenticated",
    "504 5.7.4 Unrecognized authentication type": "auth-type",
    "554 5.2.252 SendAsDenied; a@x not allowed to send as b@y; STOREDRV.Submission...": "send-as-denied-current",
    "550 5.7.60 ...does not have permissions to send as this sender": "send-as-denied",
    "5.2.0 STOREDRV...SendAsDenied": "send-as-denied-older",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending": (
        "too-many-connections"
    ),
    "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException": "daily-recipients",
    "550 5.7.233 - Your message can't be sent because your tenant has exceeded": "tenant-external-limit",
    "550 5.7.64 TenantAttribution; Relay Access Denied SMTP": "relay-denied-attribution",
    "cannot connect to SMTP server": "device-cannot-connect",
    "SSL negotiation failed": "device-tls-too-old",
    "Token update failed. Please delete the token and obtain it again.": "device-token-update",
    "Authorization has expired. Reauthorize the account": "device-sign-in-over",
    "invalid_grant AADSTS...": "token-invalid-grant",
    "Not running interactively; unable to handle no-GUI external auth request": "no-browser",
    "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal": "bare-linefeeds",
    "must be an e-mail address": "device-login-name",
}


@pytest.mark.parametrize(("text", "row"), PASTED.items(), ids=PASTED.values())
def test_what_people_paste_has_a_class_a_cause_and_a_cure(text: str, row: str) -> None:
    """The row for exactly this text, and nothing in it is empty."""
    found = explain(text).row

    assert found is not None
    assert (row, True, True) == (found.id, bool(found.causes_on(())), bool(found.do))


@pytest.mark.parametrize(("code", "row"), [("552", "message-too-big"), (" 413 ", "graph-too-large")])
def test_a_code_that_says_enough_alone(code: str, row: str) -> None:
    """Too large is too large; 550 alone may mean anything, and gets no row."""
    found, vague = explain(code), explain("550")

    assert (row, None) == (found.row and found.row.id, vague.row)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("Too long.", "device-login-long"),
        ("TenantAttribution; Relay Access Denied", "relay-denied-attribution"),
        ("4.3.2 Concurrent connections limit exceeded.", "too-many-connections"),
        ("RejectDirectSend", "direct-send-rejected"),
        ("500 Line too long", ""),
    ],
)
def test_words_that_say_enough_alone(text: str, row: str) -> None:
    """What a panel shows, or a text that lost its code, whatever its capitals and marks; not in a longer text."""
    found = explain(text).row

    assert row == (found.id if found else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250 2.0.0 Message queued for delivery.", True),
        ("250", True),
        ("250-2.0.0 OK\r\n250 2.0.0 queued", True),
        ("2500 messages", False),
        ("250 2.1.5 OK, then 550 5.7.1 relaying denied", False),
        ("200 [request-id b9397b78-c013-4333-be92-6876dccc10ae]", False),
        ("550 5.7.1 no", False),
    ],
)
def test_a_yes_is_told_from_a_no(text: str, expected: bool) -> None:
    """A reply that begins with 2 and in which nothing says no."""
    assert expected is is_yes(text)


def test_the_name_of_a_row_explains_itself() -> None:
    """The mark that a log line or `queue show` prints is enough."""
    found = explain(" No-StartTLS ")

    assert found.row is not None
    assert Explanation(found.row, Class.CONFIGURATION, Scope.ROUTE) == found


@pytest.mark.parametrize(("text", "row"), [
    ("200 [request-id b9397b78-c013-4333-be92-6876dccc10ae]", "graph-200"),
    ("429 ApplicationThrottled over its MailboxConcurrency limit. [request-id b9397b78]", "graph-concurrency"),
    ("503 ServiceUnavailable [request-id b9397b78]", "graph-unwell"),
])  # fmt: skip
def test_an_answer_of_graph_is_known_by_its_request_id(text: str, row: str) -> None:
    """As the history has it, wherever it is pasted from."""
    found = explain(text).row

    assert found is not None
    assert row == found.id
