"""Delivery status notifications: golden ones, read back by a parser that we did not write."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.dsn import Debt, Report, Reported, build, is_wished

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "dsn"
GONE = Reported(
    "gone@fabrikam.com",
    "rfc822;gone@fabrikam.com",
    "5.1.10",
    "550 5.1.10 Recipient not found",
    "There is no such recipient.",
    (
        "Why: a wrong or old address in the device's address book, or one that was renamed and lost its old name",
        "To do: correct the address in the device",
    ),
)
HELD = Reported(
    "lena@fabrikam.com",
    "",
    "5.7.139",
    "535 5.7.139 Authentication unsuccessful",
    "All mail on this way waits until the administrator of the relay has acted: SMTP AUTH is off for the mailbox.",
)
BUSY = Reported(
    "max@fabrikam.com", "", "4.3.2", "451 4.3.2 Try again later", "It could not be delivered with one try."
)
TAKEN = Reported(
    "lena@fabrikam.com", "", "2.6.0", "250 2.6.0 Queued mail for delivery", "The next server took it."
)
LATE = Reported("late@fabrikam.com", "", "4.4.7", "expired before it could be tried", "It was tried in vain.")
HEAD = b"Message-ID: <1@device>\r\nFrom: scan@contoso.com\r\nSubject: Scan from the 2nd floor\r\n\r\n"


def _report(*recipients: Reported, head: bytes = HEAD, envid: str = "") -> Report:
    return Report(
        "relay.test", "scan@contoso.com", ("scan@contoso.com",), "4TQ921", "<1.4TQ922@relay.test>", 1_795_514_531.0,
        1_795_082_531.0, envid, recipients, head,
    )  # fmt: skip


def _late(retry_until_at: float, *recipients: Reported) -> Report:
    return replace(_report(*recipients), debt=Debt.DELAY, retry_until_at=retry_until_at)


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("one-recipient", _report(GONE, envid="QQ314159")),
        ("refused-and-expired", _report(GONE, LATE)),
        ("delayed", _late(1_795_600_931.0, BUSY)),
        ("delayed-without-end", _late(1_795_514_531.0, HELD, BUSY)),
        ("relayed", replace(_report(TAKEN, envid="QQ314159"), debt=Debt.SUCCESS)),
        ("eight-bit-head", _report(GONE, head="Subject: Größe\r\nFrom: scan@contoso.com\r\n\r\n".encode())),
    ],
)
def test_the_report_is_the_golden_one(name: str, report: Report) -> None:
    """Octet for octet: what the sender of a mail that failed, is late or was handed on is told (RFC 3464)."""
    assert (GOLDEN / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n") == build(report, "=_b").replace(
        b"\r\n", b"\n"
    )


def test_a_mail_program_can_read_it() -> None:
    """Three parts without a defect; the remote's words and the status arrive as they were (RFC 3464 2.3)."""
    message = email.message_from_bytes(build(_report(GONE, LATE), "=_b"), policy=email.policy.default)
    words, fields, head = message.iter_parts()
    per_recipient = fields.get_payload()[1:]

    assert ("multipart/report", "delivery-status") == (
        message.get_content_type(),
        message.get_param("report-type"),
    )
    assert [] == [*message.defects, *words.defects, *fields.defects, *head.defects]
    assert ["5.1.10", "4.4.7"] == [part["Status"] for part in per_recipient]
    assert "smtp; 550 5.1.10 Recipient not found" == per_recipient[0]["Diagnostic-Code"]
    assert "rfc822;gone@fabrikam.com" == per_recipient[0]["Original-Recipient"]
    assert "Subject: Scan from the 2nd floor" in head.get_payload()
    assert "auto-replied" == message["Auto-Submitted"]


def test_a_status_that_is_none_becomes_a_general_no() -> None:
    """A remote's garbage is not passed on as a status."""
    assert b"Status: 5.0.0\r\n" in build(_report(Reported("a@x.test", "", "nonsense", "no")), "=_b")


def test_a_status_fits_its_action() -> None:
    """A delay is persistent transient, a success is one, whatever the remote's words hold (RFC 3464 2.3.4)."""
    statuses = [b"Status: 4.0.0\r\n", b"Status: 4.3.2\r\n"]
    late = build(_late(0.0, HELD, BUSY), "=_b")

    assert statuses == [line + b"\r\n" for line in late.split(b"\r\n") if line.startswith(b"Status")]
    assert b"Status: 2.0.0\r\n" in build(replace(_report(GONE), debt=Debt.SUCCESS), "=_b")
    assert b"Status: 5.0.0\r\n" in build(_report(TAKEN), "=_b")


def test_only_a_reply_is_called_one() -> None:
    """What we say ourselves is not given out as the words of a server (RFC 3464 2.3.6)."""
    octets = build(_report(GONE, LATE), "=_b")

    assert b"Diagnostic-Code: smtp; 550 5.1.10 Recipient not found\r\n" in octets
    assert b"Diagnostic-Code: X-relay365; expired before it could be tried\r\n" in octets


@pytest.mark.parametrize(
    ("notify", "wished"),
    [
        ("", {Debt.FAILURE, Debt.DELAY}),
        ("NEVER", set()),
        ("SUCCESS", {Debt.SUCCESS}),
        ("success, failure", {Debt.SUCCESS, Debt.FAILURE}),
        ("DELAY", {Debt.DELAY}),
    ],
)
def test_what_is_wished(notify: str, wished: set[Debt]) -> None:
    """NOTIFY names what is told; without one it is failure and delay (RFC 3461 4.1)."""
    assert wished == {debt for debt in Debt if is_wished(notify, debt)}


@settings(deadline=None)
@given(st.text(max_size=1200), st.text(max_size=1200))
def test_hostile_words_cannot_write_a_line(address: str, reply: str) -> None:
    """Whatever an address or a reply holds, it stays one printable line within the limit (RFC 5322 2.1.1)."""
    octets = build(_report(Reported(address, address, "5.1.1", reply), head=b""), "=_b")
    plain = build(_report(Reported("a@x.test", "a", "5.1.1", "r"), head=b""), "=_b")

    assert octets.isascii()
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    assert plain.count(b"\n") - octets.count(b"\n") in (0, 1, 2)  # an empty wish or reply has no field


def test_a_thousand_recipients_keep_their_lines_short() -> None:
    """Every recipient has a line of its own."""
    many = [Reported(f"{'r' * 60}{n}@fabrikam.com", "", "5.1.1", "550 no") for n in range(1000)]
    octets = build(_report(*many), "=_b")

    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    assert 1000 == octets.count(b"Final-Recipient: ")
