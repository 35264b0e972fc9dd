"""Build a delivery status notification: what we owe the sender of a message that could not go (RFC 3464, RFC 3462).

Pure: date and boundary are parameters. Every value that comes from outside is made one printable line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay365.mail.headers import date_time
from relay365.mail.status import EnhancedStatus

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class FailedRecipient:
    """One recipient that is reported. reply: the remote's words; status: its enhanced status or ours.

    advice: lines for people, what it means and what to do.
    """

    address: str
    orcpt: str
    status: str
    reply: str
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One report. head: the message's header section, as returned (RFC 3462 2); at, arrived_at in epoch seconds.

    to: who is told, at least one address.
    """

    hostname: str
    author: str
    to: tuple[str, ...]
    spool_id: str
    message_id: str
    at: float
    arrived_at: float
    envid: str
    recipients: tuple[FailedRecipient, ...]
    head: bytes


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
        "Subject: Undelivered mail: your message could not be delivered",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        *encoding,
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"The mail relay {report.hostname} could not deliver your message to:",
        "",
        *_explanations(report),
        f"The relay knows this message as {report.spool_id}; its administrator can say more with",
        f"relay365 queue show {report.spool_id}",
        "",
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


def _explanations(report: Report) -> list[str]:
    lines = []
    for recipient in report.recipients:
        lines += [f"<{_line(recipient.address)}>", f"    {_line(recipient.reply) or 'no more is known'}"]
        lines += [*(f"    {_line(advice)}" for advice in recipient.advice), ""]
    return lines


def _fields(report: Report) -> list[str]:
    lines = []
    for recipient in report.recipients:
        if recipient.orcpt:
            lines.append(f"Original-Recipient: {_line(recipient.orcpt)}")
        lines += [
            f"Final-Recipient: rfc822; {_line(recipient.address)}",
            "Action: failed",
            f"Status: {recipient.status if EnhancedStatus.parse(recipient.status) else '5.0.0'}",
        ]
        if recipient.reply:
            lines.append(f"Diagnostic-Code: smtp; {_line(recipient.reply)}")
        lines.append("")
    return lines


def _line(text: str) -> str:
    """One printable ASCII line of at most 900 octets (RFC 5322 2.1.1)."""
    return _UNPRINTABLE.sub("?", text)[:900]
