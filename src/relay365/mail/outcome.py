"""Outcome: what became of one recipient in one attempt, and how much of the world it concerns.

A route returns outcomes; it never raises for what the remote did. docs/outcomes.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from relay365.mail.status import EnhancedStatus


class Kind(Enum):
    """What happened to the recipient."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"  # the final dot was sent and no answer came: the remote may have it


class Scope(Enum):
    """How much stops because of it."""

    RECIPIENT = "recipient"
    MESSAGE = "message"
    MAILBOX = "mailbox"
    ROUTE = "route"
    TENANT = "tenant"


class Class(Enum):
    """Whose turn it is, in words that command line, dashboard and alerts share."""

    TRANSIENT = "transient"  # the other side is unwell for now: back off, counts as an attempt
    RATE_LIMIT = "rate-limit"  # a quota: gate that budget until it opens, not an attempt, never a bounce
    CONFIGURATION = "configuration"  # a person must heal it: hold the route, keep every mail
    SENDER = "sender"  # this From may not be used: stop that sender, others go on
    MESSAGE = "message"  # this message or recipient can never go: fail and report


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recipient's fate in one attempt.

    reply_text: the remote's exact words with its code, or our own description of a broken way.
    row: the id of the catalogue row that classified it; "" for none.
    retry_after_s: seconds that the remote asked us to wait, or None.
    remote_id: the Message-ID that the remote named in its 250; "" for none.
    offered: whether MAIL was said; False means that no line could be opened and nothing was used up.
    dsn_taken: whether whoever took it also took the duty to report (the next hop offers DSN, RFC 3461 5.2.1).
    until_s: so long a fault of configuration may heal by itself, before a person is called.
    """

    kind: Kind
    scope: Scope = Scope.RECIPIENT
    klass: Class | None = None
    status: EnhancedStatus | None = None
    reply_text: str = ""
    row: str = ""
    retry_after_s: float | None = None
    remote_id: str = ""
    offered: bool = True
    until_s: float = 0.0
    dsn_taken: bool = False
