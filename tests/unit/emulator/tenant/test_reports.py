"""Non-delivery reports, read back with the standard library's parser."""

from __future__ import annotations

import email
import email.policy

from relay365.emulator.tenant.reports import Failure, Original, build


def test_a_report_reads_as_rfc_3464() -> None:
    """Three parts: words, a delivery status with one block per recipient, and the header that was sent."""
    head = b"From: scan@contoso.com\r\nMessage-ID: <1@x>\r\nSubject: Scan\r\n\r\n"
    failures = (
        Failure("a@x", "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"),
        Failure("b@y", "5.7.233", "550 5.7.233 Your message can't be sent"),
    )
    original = Original("scan@contoso.com", "Scan", "<1@x>", head, 0.0)

    message = email.message_from_bytes(
        build(original, failures, ("host.example", "contoso.com", 60.0)), policy=email.policy.default
    )

    assert ("multipart/report", "delivery-status", "Undeliverable: Scan", "<1@x>") == (
        message.get_content_type(), message["Content-Type"].params["report-type"], message["Subject"],
        message["In-Reply-To"],
    )  # fmt: skip
    words, status, returned = message.iter_parts()
    assert "a@x" in words.get_content()
    facts, *blocks = status.get_payload()
    assert "dns;host.example" == facts["Reporting-MTA"]
    assert [
        ("rfc822;a@x", "failed", "5.1.10", "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"),
        ("rfc822;b@y", "failed", "5.7.233", "smtp;550 5.7.233 Your message can't be sent"),
    ] == [(one["Final-Recipient"], one["Action"], one["Status"], one["Diagnostic-Code"]) for one in blocks]
    assert "Scan" == returned.get_content()["Subject"]
