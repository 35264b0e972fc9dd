"""Build a delivery status notification: what we owe the sender of a message that failed, is late, or was handed on.

Pure: date and boundary are parameters. Every value that comes from outside is made one printable line. The first part
is for people and says what happened, in whose words, why, and what to do; the second is for programs.
(RFC 3461 4.1, 5.2.2, 5.2.5, 6; RFC 3462; RFC 3464)
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from enum import Enum

from relay365.mail.headers import date_time
from relay365.mail.status import EnhancedStatus

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_SMTP_REPLY = re.compile(r"[245]\d\d[ -]")


class Debt(Enum):
    """Which report a sender may be owed; the words of the spool."""

    FAILURE = "failure"
    DELAY = "delay"
    SUCCESS = "success"
    KEPT = "kept"  # to the device's owner alone: what would have been refused waits for a person


@dataclass(frozen=True, slots=True)
class _Words:
    """What one kind of report says. general: the status where the remote named none of the classes that fit."""

    subject: str
    opening: str
    action: str
    classes: str
    general: str


_WORDS = {
    Debt.FAILURE: _Words(
        "Undelivered mail: your message could not be delivered",
        "Your message was not delivered to the addresses below, and it will not be tried again.",
        "failed",
        "45",
        "5.0.0",
    ),
    Debt.DELAY: _Words(
        "Delayed mail: your message has not been delivered yet",
        "Your message has not been delivered to the addresses below yet. You need not send it again:",
        "delayed",
        "4",
        "4.0.0",
    ),
    Debt.SUCCESS: _Words(
        "Relayed mail: your message was handed on",
        "Your message was handed to the next mail server for the addresses below.",
        "relayed",
        "2",
        "2.0.0",
    ),
    Debt.KEPT: _Words(
        "Held mail: a message of your device waits for you",
        "The relay told your device that it took this message, and holds it: it may not go as it is.",
        "delayed",
        "4",
        "4.7.0",
    ),
}


def is_wished(notify: str, debt: Debt) -> bool:
    """Whether a recipient's NOTIFY asks for a report; without one, failure and delay are told (RFC 3461 4.1).

    What is told to the owner of a device is no sender's to wish.
    """
    wishes = frozenset(notify.upper().replace(" ", "").split(",")) - {""}
    return debt.name in wishes if wishes else debt in (Debt.FAILURE, Debt.DELAY)


@dataclass(frozen=True, slots=True)
class Reported:
    """One recipient that is reported. reply: the remote's words; status: its enhanced status or ours, "" for none.

    happened: in one plain sentence; advice: more lines for people, why it comes and what to do.
    """

    address: str
    orcpt: str
    status: str
    reply: str
    happened: str = ""
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One report. head: the message's header section, as returned (RFC 3462 2); at, arrived_at in epoch seconds.

    to: who is told, at least one address. retry_until_at: for a delay, the end of the tries; not after `at` where they
    have none, because the mail waits for a person.
    """

    hostname: str
    author: str
    to: tuple[str, ...]
    spool_id: str
    message_id: str
    at: float
    arrived_at: float
    envid: str
    recipients: tuple[Reported, ...]
    head: bytes
    debt: Debt = Debt.FAILURE
    retry_until_at: float = 0.0


def build(report: Report, boundary: str) -> bytes:
    """The whole message, CRLF lines, without trace; 8-bit (RFC 6152) only where the returned head is."""
    encoding = (
        [] if report.head.isascii() else ["Content-Transfer-Encoding: 8bit"]
    )  # RFC 2045 6.4: on both levels
    lines = [
        f'From: "Mail relay {report.hostname}" <{_line(report.author)}>',
        "To: " + ",\r\n\t".join(f"<{_line(one)}>" for one in report.to),
        f"Date: {date_time(report.at)}",
        f"Message-ID: {report.message_id}",
        f"Subject: {_WORDS[report.debt].subject}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        *encoding,
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *_letter(report),
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {report.hostname}",
        *([f"Original-Envelope-Id: {_line(report.envid)}"] if report.envid else []),
        f"Arrival-Date: {date_time(report.arrived_at)}",
        "",
        *_fields(report),
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        *encoding,
        "",
    ]
    head = report.head.rstrip(b"\r\n") + b"\r\n"
    return (
        "\r\n".join(lines).encode("ascii", "replace")
        + b"\r\n"
        + head
        + f"\r\n--{boundary}--\r\n".encode("ascii")
    )


def _letter(report: Report) -> list[str]:
    """The part for people."""
    lines = [_WORDS[report.debt].opening]
    if report.debt is Debt.DELAY and report.retry_until_at > report.at:
        lines.append(f"the relay goes on trying until {date_time(report.retry_until_at)}.")
    elif report.debt is Debt.DELAY:
        lines.append("the relay goes on trying until it can be delivered.")
    lines.append("")
    for recipient in report.recipients:
        lines.append(f"<{_line(recipient.address)}>")
        if recipient.happened:
            lines += _wrapped(f"What happened: {recipient.happened}")
        if recipient.reply or not recipient.happened:
            lines.append(f"    Exact words: {_line(recipient.reply) or 'no more is known'}")
        lines += [line for advice in recipient.advice for line in _wrapped(advice)]
        lines.append("")
    return [
        *lines,
        f"The mail relay {report.hostname} took your message on {date_time(report.arrived_at)}.",
        f"If you need help, give your administrator this number: {report.spool_id}. There, this says more:",
        f"    relay365 queue show {report.spool_id}",
        "",
    ]


def _wrapped(words: str) -> list[str]:
    """Our own words, in lines that fit a narrow window; a remote's are left in one piece, to be searched for."""
    return textwrap.wrap(
        _line(words), 76, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False
    )


def _fields(report: Report) -> list[str]:
    """The part for programs: one group of fields for each recipient (RFC 3464 2.3)."""
    words, lines = _WORDS[report.debt], []
    for recipient in report.recipients:
        if recipient.orcpt:
            lines.append(f"Original-Recipient: {_line(recipient.orcpt)}")
        lines += [
            f"Final-Recipient: rfc822; {_line(recipient.address)}",
            f"Action: {words.action}",
            f"Status: {_status(recipient.status, words)}",
        ]
        if recipient.reply:
            kind = "smtp" if _SMTP_REPLY.match(recipient.reply) else "X-relay365"
            lines.append(f"Diagnostic-Code: {kind}; {_line(recipient.reply)}")
        if report.debt is Debt.DELAY and report.retry_until_at > report.at:
            lines.append(f"Will-Retry-Until: {date_time(report.retry_until_at)}")
        lines.append("")
    return lines


def _status(status: str, words: _Words) -> str:
    """The status as it came, where its class fits the action."""
    return status if EnhancedStatus.parse(status) and status[0] in words.classes else words.general


def _line(text: str) -> str:
    """One printable ASCII line of at most 900 octets (RFC 5322 2.1.1)."""
    return _UNPRINTABLE.sub("?", text)[:900]
