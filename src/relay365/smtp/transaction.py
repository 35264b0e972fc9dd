"""What a session remembers: of one transaction or one AUTH exchange, and of all that it has done.

Apart from the machine because these values are thrown away and made anew as a whole: nothing of one transaction can
leak into the next. (RFC 5321 4.1.1.5: RSET discards all buffers)
"""

from __future__ import annotations

from collections import Counter

from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentEnded,
    DataAsked,
    Event,
    MailGiven,
    RcptGiven,
)
from relay365.smtp.framing import ContentDecoder
from relay365.smtp.sasl import ServerExchange

VERB_OF: dict[type, str] = {  # which row of states.NEXT the answer to an event moves by
    MailGiven: "MAIL",
    RcptGiven: "RCPT",
    DataAsked: "DATA",
    ContentEnded: ".",
    AuthGiven: "AUTH",
    AuthMalformed: "AUTH",
}


class Counts:
    """What a session has done. errors and commands begin again with each accepted message; the others never.

    tolerated: name of a tolerance -> how often it was needed.
    """

    __slots__ = ("commands", "errors", "lines", "refused_logins", "tolerated")

    def __init__(self) -> None:
        self.lines = 0
        self.commands = 0
        self.errors = 0
        self.refused_logins = 0
        self.tolerated: Counter[str] = Counter()


class Transaction:
    """What one transaction collects; pending is the event that waits for its answer."""

    __slots__ = ("decoder", "exchange", "n_recipients", "oversized", "pending", "size_octets", "smtputf8")

    def __init__(self) -> None:
        self.decoder = ContentDecoder()
        self.exchange: ServerExchange | None = None
        self.pending: Event | None = None
        self.n_recipients = 0
        self.size_octets = 0
        self.oversized = False
        self.smtputf8 = False
