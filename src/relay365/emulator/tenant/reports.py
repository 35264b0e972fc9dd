"""Builds a non-delivery report as Exchange Online writes it: three parts, its own names in the header.

Apart from mail.dsn on purpose: a relay that can read only the reports that it writes itself would pass its tests here.
(RFC 3461 6.3, RFC 3462, RFC 3464; Microsoft: "Email non-delivery reports in Exchange Online")
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from relay365.mail.headers import date_time

POSTMASTER = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e"


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that failed. diagnostic is the whole reply: `550 5.1.10 RESOLVER...`."""

    recipient: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Original:
    """The message that failed. head is its header section with the empty line; at and arrived_at in Unix seconds."""

    sender: str
    subject: str
    message_id: str
    head: bytes
    arrived_at: float


def build(original: Original, failures: tuple[Failure, ...], facts: tuple[str, str, float]) -> bytes:
    """The report as octets with CRLF; facts: reporting server, domain of the tenant, time in Unix seconds."""
    server, domain, at = facts
    mark = f"_000_{base64.b16encode(original.message_id.encode())[-24:].decode()}_"
    reasons = [f"{one.recipient}\r\n{one.diagnostic}\r\n" for one in failures]
    blocks = [
        f"Final-Recipient: rfc822;{one.recipient}\r\nAction: failed\r\nStatus: {one.status}\r\n"
        f"Diagnostic-Code: smtp;{one.diagnostic}\r\n"
        for one in failures
    ]
    lines = [
        f"From: Microsoft Outlook <{POSTMASTER}@{domain}>",
        f"To: <{original.sender}>",
        f"Date: {date_time(at)}",
        f"Subject: Undeliverable: {original.subject}",
        f"Message-ID: <{mark.strip('_').lower()}.{int(at)}@{server}>",
        f"In-Reply-To: {original.message_id}",
        f"References: {original.message_id}",
        "Auto-Submitted: auto-replied",
        "X-MS-Exchange-Message-Is-Ndr:",
        "Content-Language: en-US",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{mark}"',
        "",
        f"--{mark}",
        'Content-Type: text/plain; charset="us-ascii"',
        "",
        "Delivery has failed to these recipients or groups:",
        "",
        *reasons,
        f"--{mark}",
        "Content-Type: message/delivery-status",
        "",
        f"Reporting-MTA: dns;{server}",
        f"Arrival-Date: {date_time(original.arrived_at)}",
        "",
        *blocks,
        f"--{mark}",
        "Content-Type: message/rfc822",
        "",
    ]
    return (
        "\r\n".join(lines).encode("utf-8") + b"\r\n" + original.head + f"\r\n--{mark}--\r\n".encode("ascii")
    )
