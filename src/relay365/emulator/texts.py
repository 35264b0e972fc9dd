"""What Exchange Online says, word for word: one row per reply, with where the words were read.

It is separate because people compare it with what they see in production, and because moods, judgement and the manual
all name replies by their row. A row marked unsure has a code from Microsoft's documents, but words that nobody has
published; no row was made up to please a client.
(Microsoft: "Improvements in SMTP AUTH client submission", "Fix issues with printers, scanners, and LOB applications",
"Continuous error throttling for SMTP AUTH submissions", "Email non-delivery reports in Exchange Online", read
2026-11)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from relay365.mail.status import Reply

Stage = Literal["greeting", "auth", "mail", "rcpt", "dot", "ndr"]
Trailer = Literal["", "session", "hostname", "front"]

_WRITTEN = re.compile(r"([2-5]\d\d) (?:(\d\.\d{1,3}\.\d{1,3}) )?(.+)")

_AUTH = "Authentication unsuccessful, "
_DISABLED = "Visit https://aka.ms/smtp_auth_disabled for more information."
_PERMANENT = "Failed to process message due to a permanent exception with message"
_DIAGNOSTIC = "[BeginDiagnosticData]{what}. 0.35250:0A000000, 1.36674:0A000000, 255.731[EndDiagnosticData]"


@dataclass(frozen=True, slots=True)
class Text:
    """One reply. words may hold {facts}; trailer is what Exchange puts behind them; sure is False for unseen words."""

    stage: Stage
    code: int
    status: str
    words: str
    trailer: Trailer = ""
    sure: bool = True

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.status, self.words) if part)


TEXTS: dict[str, Text] = {
    # -- connection
    "service-unavailable": Text("greeting", 421, "4.3.2", "Service not available", "session", sure=False),
    "too-many-errors": Text("greeting", 421, "4.7.0", "Too many errors on this connection", "session", sure=False),
    "idle": Text("greeting", 421, "4.4.2", "Connection dropped due to SocketError", "session", sure=False),
    # -- AUTH
    "signed-in": Text("auth", 235, "2.7.0", "Authentication successful"),
    "auth-failed": Text("auth", 535, "5.7.3", "Authentication unsuccessful", "session"),
    "auth-tenant": Text(
        "auth", 535, "5.7.139",
        _AUTH + "SmtpClientAuthentication is disabled for the Tenant. " + _DISABLED, "session",
    ),
    "auth-mailbox": Text(
        "auth", 535, "5.7.139",
        _AUTH + "SmtpClientAuthentication is disabled for the Mailbox. " + _DISABLED, "session",
    ),
    "auth-security-defaults": Text(
        "auth", 535, "5.7.139",
        _AUTH + "user is locked by your organization's security defaults policy. Contact your administrator.",
        "session",
    ),
    "auth-basic": Text("auth", 535, "5.7.139", _AUTH + "basic authentication is disabled.", "session"),
    "auth-criteria": Text(
        "auth", 535, "5.7.139",
        _AUTH + "the request did not meet the criteria to be authenticated successfully."
        " Contact your administrator.", "session",
    ),
    "auth-password": Text(
        "auth", 535, "5.7.139", _AUTH + "the user credentials were incorrect.", "session"
    ),
    "auth-organization": Text(
        "auth", 535, "5.7.139",
        _AUTH + "the organization configuration does not allow this authentication.", "session", sure=False,
    ),
    "auth-federation": Text(
        "auth", 535, "5.7.139", _AUTH + "federated STS service was unreachable.", "session", sure=False
    ),
    "auth-retired": Text(
        "auth", 550, "5.7.30", "Basic authentication is not supported for Client Submission.", "session"
    ),
    "auth-temporary": Text("auth", 454, "4.7.0", "Temporary authentication failure", "session", sure=False),
    "auth-mechanism": Text("auth", 504, "5.7.4", "Unrecognized authentication type", "session"),
    # -- MAIL and RCPT
    "sender-ok": Text("mail", 250, "2.1.0", "Sender OK"),
    "not-authenticated": Text("mail", 530, "5.7.57", "Client not authenticated to send mail.", "session"),
    "too-big": Text("mail", 552, "5.3.4", "Message size exceeds fixed maximum message size", sure=False),
    "send-as": Text(
        "mail", 550, "5.7.60", "SMTP; Client does not have permissions to send as this sender", "session"
    ),
    "recipient-ok": Text("rcpt", 250, "2.1.5", "Recipient OK"),
    "no-such-recipient": Text(
        "rcpt", 550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
    ),
    "too-many-recipients": Text("rcpt", 452, "4.5.3", "Too many recipients", sure=False),
    # -- DATA and the final dot
    "start-input": Text("dot", 354, "", "Start mail input; end with <CRLF>.<CRLF>"),
    "accepted": Text("dot", 250, "2.0.0", "OK {message_id}", "hostname"),
    "concurrent": Text(
        "dot", 432, "4.3.2",
        "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
        "hostname",
    ),
    "thread-limit": Text(
        "dot", 432, "4.3.2", "STOREDRV.ClientSubmit; sender thread limit exceeded", "hostname"
    ),
    "proxy": Text("dot", 451, "4.7.0", "Temporary server error. Please try again later. PRX2", "session"),
    "no-rights": Text(
        "dot", 430, "4.2.0",
        "STOREDRV; mailbox logon failure; MapiExceptionLogonFailed: Unable to open message store. "
        + _DIAGNOSTIC.format(what="AuthenticationContext has no rights on this session"), "hostname",
    ),
    "send-as-denied": Text(
        "dot", 554, "5.2.252",
        "SendAsDenied; {mailbox} not allowed to send as {sender}; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; "
        f"{_PERMANENT} " + _DIAGNOSTIC.format(what="Cannot submit message"), "hostname",
    ),
    "quota": Text(
        "dot", 554, "5.2.0", "STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "hostname"
    ),
    "mailbox-full": Text(
        "dot", 554, "5.2.2",
        "mailbox full; "
        "STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; "
        f"{_PERMANENT} " + _DIAGNOSTIC.format(what="Cannot submit message"), "hostname",
    ),
    "box-full": Text(
        "dot", 550, "5.2.251", "Sender throttled due to continuous mailbox full errors.", "hostname"
    ),
    "box-send-as": Text(
        "dot", 550, "5.2.252", "Sender throttled due to continuous send as denied errors.", "hostname"
    ),
    "box-license": Text(
        "dot", 550, "5.2.253", "Sender throttled due to continuous invalid license errors.", "hostname"
    ),
    "box-recipients": Text(
        "dot", 550, "5.2.254", "Sender throttled due to continuous too many recipients errors.", "hostname"
    ),
    "box-invalid-recipients": Text(
        "dot", 550, "5.2.255", "Sender throttled due to continuous invalid recipients errors.", "hostname"
    ),
    "bad-sender": Text("dot", 550, "5.1.8", "Access denied, bad outbound sender", "hostname"),
    # -- the MX host, port 25
    "relay-denied": Text("rcpt", 550, "5.7.64", "TenantAttribution; Relay Access Denied", "front"),
    "direct-send": Text(
        "rcpt", 550, "5.7.68",
        "TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources", "front",
    ),
    "partner-only": Text(
        "rcpt", 550, "5.7.51",
        "TenantInboundAttribution; There is a partner connector configured that matched the message's recipient "
        "domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set",
        "front",
    ),
    "edge-block": Text(
        "rcpt", 550, "5.4.1", "Recipient address rejected: Access denied. AS(201806281)", "session"
    ),
    "no-subscription": Text(
        "rcpt", 550, "4.4.4",
        "Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no "
        "mail-enabled subscriptions", "session",
    ),
    "domain-recipients": Text("rcpt", 452, "4.5.3", "Too many recipients (AS780090)", "session"),
    "server-busy": Text(
        "rcpt", 451, "4.7.500", "Server busy. Please try again later from [{ip}]. (AS761)", "session"
    ),
    "suspicious-ip": Text(
        "rcpt", 451, "4.7.550", "Access denied, please try again later", "session"
    ),
    "bad-connector": Text(
        "dot", 550, "5.7.711", "Access denied, bad inbound connector. AS(2204)", "hostname", sure=False
    ),
    "queued": Text(
        "dot", 250, "2.6.0",
        "{message_id} [InternalId={internal_id}, Hostname={host}] {size} bytes in {seconds}, {rate} KB/sec "
        "Queued mail for delivery",
    ),
    # -- High Volume Email
    "hve-malformed": Text("auth", 501, "5.5.124", "Invalid XOAUTH2 auth data"),
    "hve-stale-preview": Text(
        "auth", 501, "5.5.127", "Invalid XOAUTH2 auth data - Token will expire soon error"
    ),
    "hve-stale": Text("auth", 535, "5.7.142", "Token will expire soon"),
    "hve-expired": Text("auth", 535, "5.7.143", "Expired token"),
    "hve-permissions": Text("auth", 535, "5.7.144", "XOAUTH2 authentication failed. Invalid API permissions"),
    "hve-app": Text(
        "auth", 550, "5.7.240", "The application is not allowed for use with this High Volume Email account"
    ),
    "hve-account": Text(
        "mail", 550, "5.2.240", "The authenticated user is not a High Volume Email account", "session", sure=False
    ),
    "hve-sender": Text(
        "mail", 550, "5.7.62", "The sender is not the High Volume Email account", "session", sure=False
    ),
    "hve-from": Text(
        "dot", 550, "5.6.241", "The From header is not the High Volume Email account", "hostname", sure=False
    ),
    "hve-external": Text("rcpt", 550, "5.5.105", "External sending is not allowed", "session", sure=False),
    # -- Azure Communication Services
    "acs-throttled": Text("dot", 452, "4.3.2", "Too many messages, please try again later", sure=False),
    "acs-sender": Text("mail", 550, "5.7.60", "The sender is no MailFrom address of the resource", sure=False),
    # -- accepted, and reported later
    "daily-limit": Text(
        "ndr", 550, "5.1.90",
        "Your message can't be sent because you've reached your daily limit for message recipients",
    ),
    "trial-external": Text(
        "ndr", 550, "5.7.232",
        "Your message can't be sent because your trial tenant exceeded its daily limit for sending email to external "
        "recipients (tenant external recipient rate limit)",
    ),
    "moera-external": Text(
        "ndr", 550, "5.7.236",
        "Your message can't be sent because your organization exceeded its daily limit for external recipients from "
        "an onmicrosoft.com domain", sure=False,
    ),
    "blocked-recipient": Text(
        "ndr", 550, "5.7.703",
        "Your message can't be delivered because messages to XXX, YYY are blocked by your organization using Tenant "
        "Allow Block List.",
    ),
    "tenant-external": Text(
        "dot", 550, "5.7.233",
        "Your message can't be sent because your tenant exceeded its daily limit for sending email to external "
        "recipients (tenant external recipient rate limit)", "hostname",
    ),
    "tenant-threshold": Text(
        "dot", 550, "5.7.705", "Access denied, tenant has exceeded threshold", "hostname"
    ),
    "ip-refused": Text(
        "dot", 550, "5.7.708", "Access denied, traffic not accepted from this IP", "hostname"
    ),
    "unregistered-domain": Text(
        "dot", 550, "5.7.750", "Client blocked from sending from unregistered domain(s)", "hostname"
    ),
}  # fmt: skip
"""Every reply that the emulator gives, by its name."""

ADVERTISED_OCTETS = 157_286_400
BANNER = "{front} Microsoft ESMTP MAIL Service ready at {at}"
HELLO = "{host} Hello {peer}"
TLS_READY = "SMTP server ready"
GOODBYE = "Service closing transmission channel"
EXTENSIONS = (
    "SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "AUTH", "8BITMIME", "BINARYMIME",
    "CHUNKING", "SMTPUTF8",
)  # fmt: skip
"""The EHLO list in Exchange's order; before TLS it has STARTTLS, after it AUTH in the same place."""

FRONT_END = "EM1PR00CA0001.outlook.office365.com"
MX_FRONT_END = "EM1PR00FT0001.mail.protection.outlook.com"
HVE_FRONT_END = "EM1PR00HV0001.hve.mx.microsoft"
ACS_FRONT_END = "EM1PR00AC0001.azurecomm.net"
FRONT_END_ID = "EM1PR00CA0001.emuprd00.prod.outlook.com"
MAILBOX_HOST = "EM1PR00MB0001.EMUPRD00.PROD.OUTLOOK.COM"


def reply(name: str, session_id: str, at: float, **facts: str) -> Reply:
    """The reply of a row; session_id is the 16 hexadecimal digits of the session, at is now in Unix seconds."""
    row = TEXTS[name]
    words = row.words.format(**facts) if facts else row.words
    return Reply.of(row.code, row.status, words + trailer(row.trailer, session_id, at))


def as_written(words: str) -> Reply:
    """A whole reply such as `550 5.7.708 Access denied`; raises ValueError where it is none."""
    found = _WRITTEN.fullmatch(words)
    if found is None or not words.isprintable():
        raise ValueError(f"expected a row of the table of replies or a whole reply, found {words!r}")
    return Reply.of(int(found[1]), found[2] or "", found[3])


def trailer(kind: Trailer, session_id: str, at: float) -> str:
    """What Exchange writes behind a text: the front end with time and session, or the mailbox server."""
    if kind == "session":
        instant = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f" [{FRONT_END_ID} {instant} {session_id}]"
    if kind == "front":
        return f" [{FRONT_END_ID}]"
    return f" [Hostname={MAILBOX_HOST}]" if kind == "hostname" else ""


def banner(at: float, front: str = FRONT_END) -> str:
    """The greeting of a front end; Exchange writes the day without a leading zero."""
    day = datetime.fromtimestamp(at, UTC)
    return BANNER.format(front=front, at=f"{day:%a}, {day.day} {day:%b %Y %H:%M:%S} +0000")
