"""The faults that the stories play: which mood of the emulator, and which row of the catalogue the operator is told.

Data only; the runner is test_faults.py, and docs/outcomes.md shows what it saw.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Healed = Literal["by itself", "queue retry", "restart"]


@dataclass(frozen=True)
class Fault:
    """One fault. mood: for the emulator; told: the row; healed: what it takes once the fault is over.

    `queue retry` is what an impatient person does, since a probe comes once a minute; `restart` is where the remote
    asked for a pause of half an hour or more, which nobody can shorten.
    """

    name: str
    told: str
    mood: dict[str, Any]
    healed: Healed = "queue retry"
    also: frozenset[str] = field(default_factory=frozenset)


def _auth(text: str, row: str) -> Fault:
    return Fault(f"AUTH: {text}", row, {"name": "auth", "text": text})


def _reply(at: str, text: str, row: str, healed: Healed = "queue retry", **bounds: Any) -> Fault:
    return Fault(f"{at}: {text[:44]}", row, {"name": "reply", "at": at, "text": text, **bounds}, healed)


def _token(number: int, row: str) -> Fault:
    return Fault(f"token: AADSTS{number}", row, {"name": "token-error", "number": number})


FAULTS = (
    Fault("connections are refused", "cannot-connect", {"name": "outage", "how": "refuse"}),
    Fault("421 instead of a greeting", "service-not-available", {"name": "outage", "how": "greeting"}),
    Fault("451 PRX2 to MAIL", "proxy-failure", {"name": "outage", "how": "proxy"}),
    Fault("STARTTLS is missing", "", {"name": "no-starttls"}),
    Fault("octets behind the 220 of STARTTLS", "", {"name": "injection"}),
    Fault("certificate of another name", "tls-failed", {"name": "wrong-certificate", "how": "name"}),
    Fault(
        "certificate of a strange authority", "tls-failed", {"name": "wrong-certificate", "how": "authority"}
    ),
    Fault("certificate has expired", "tls-failed", {"name": "wrong-certificate", "how": "expired"}),
    _auth("auth-failed", "auth-refused"),
    _auth("auth-tenant", "smtp-auth-disabled-tenant"),
    _auth("auth-mailbox", "smtp-auth-disabled-mailbox"),
    _auth("auth-security-defaults", "security-defaults"),
    _auth("auth-criteria", "policy-criteria"),
    _reply("auth", "454 4.7.0 Temporary authentication failure", "auth-temporary"),
    _reply("mail", "421 4.3.2 Service not available", "service-not-available"),
    _reply("rcpt", "452 4.5.3 Too many recipients (AS780090)", "too-many-recipients", "by itself", count=2),
    _reply("rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied SMTP", "relay-denied-attribution"),
    _reply("dot", "451 4.7.0 Temporary server error. Please try again later. PRX2", "proxy-failure"),
    _reply("dot", "452 4.3.1 Insufficient system resources", "remote-short-of-resources"),
    _reply("dot", "550 5.7.708 Access denied, traffic not accepted from this IP", "address-reputation"),
    _reply(
        "rcpt",
        "451 4.7.500 Server busy. Please try again later from [x]. (AS761)",
        "address-throttled",
        "restart",
    ),
    Fault("432 too many at once", "too-many-connections", {"name": "concurrent", "count": 1}, "restart"),
    Fault("430 no rights on the mailbox yet", "no-mailbox-rights", {"name": "storedrv"}),
    Fault("554 5.2.0 quota of the day", "daily-recipients", {"name": "quota"}, "restart"),
    Fault("554 5.2.2 mailbox full", "sender-mailbox-full", {"name": "full"}),
    Fault("550 5.2.252 penalty box", "penalty-box-252", {"name": "penalty"}, "restart"),
    Fault("closes inside DATA", "connection-broken", {"name": "drop", "count": 2}, "by itself"),
    Fault(
        "closes after the dot",
        "no-answer-after-dot",
        {"name": "lie", "how": "close", "count": 2},
        "by itself",
    ),
    Fault("cut after the dot", "no-answer-after-dot", {"name": "lie", "how": "cut", "count": 2}, "by itself"),
    Fault(
        "garbage after the dot",
        "no-answer-after-dot",
        {"name": "lie", "how": "garbage", "count": 2},
        "by itself",
    ),
    Fault("token service: 503", "token-busy", {"name": "token-outage", "status": 503, "retry_after": 1}),
    Fault("token service: 429", "token-busy", {"name": "token-outage", "status": 429, "retry_after": 1}),
    _token(7000215, "secret-wrong"),
    _token(7000222, "secret-expired"),
    _token(700016, "app-not-in-tenant"),
    _token(53003, "conditional-access"),
    _token(90055, "directory-unwell"),
)
