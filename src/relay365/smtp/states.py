"""The legal moves of the server side, as tables; nothing else decides what a peer may say when.

A session is in one phase. ALLOWED lists the verbs that may be said in it; a verb that is known but not listed
gets 503. NEXT gives the phase after a positive answer; a negative one changes nothing. RSET, NOOP, HELP, VRFY
and QUIT may be said in every phase that reads commands. Two phases read no commands: CONTENT reads mail data
until its end, TLS reads nothing until the handshake is done. The picture in docs/architecture.md is this table.
(RFC 5321 4.1.4; RFC 3207 4.2: after TLS everything that was said before is forgotten; RFC 4954 4: no AUTH inside
a transaction and none after a successful one.)
"""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """Where a session stands."""

    FRESH = "fresh"  # greeted, the peer has not named itself
    READY = "ready"  # named, no transaction
    MAIL = "mail"  # MAIL accepted, no recipient yet
    RCPT = "rcpt"  # at least one recipient accepted
    CONTENT = "content"  # 354 given, mail data until the final dot
    SASL = "sasl"  # inside an AUTH exchange
    TLS = "tls"  # 220 to STARTTLS given, handshake to come
    ENDED = "ended"


_ALWAYS = frozenset({"HELO", "EHLO", "NOOP", "RSET", "HELP", "VRFY", "QUIT"})

ALLOWED: dict[Phase, frozenset[str]] = {
    Phase.FRESH: _ALWAYS,
    Phase.READY: _ALWAYS | {"MAIL", "AUTH", "STARTTLS"},
    Phase.MAIL: _ALWAYS | {"RCPT"},
    Phase.RCPT: _ALWAYS | {"RCPT", "DATA"},
    Phase.CONTENT: frozenset(),
    Phase.SASL: frozenset(),
    Phase.TLS: frozenset(),
    Phase.ENDED: frozenset(),
}

NEXT: dict[tuple[Phase, str], Phase] = {
    (Phase.FRESH, "HELO"): Phase.READY,
    (Phase.FRESH, "EHLO"): Phase.READY,
    (Phase.READY, "HELO"): Phase.READY,
    (Phase.READY, "EHLO"): Phase.READY,
    (Phase.MAIL, "HELO"): Phase.READY,
    (Phase.MAIL, "EHLO"): Phase.READY,
    (Phase.RCPT, "HELO"): Phase.READY,
    (Phase.RCPT, "EHLO"): Phase.READY,
    (Phase.READY, "RSET"): Phase.READY,
    (Phase.MAIL, "RSET"): Phase.READY,
    (Phase.RCPT, "RSET"): Phase.READY,
    (Phase.READY, "MAIL"): Phase.MAIL,
    (Phase.MAIL, "RCPT"): Phase.RCPT,
    (Phase.RCPT, "RCPT"): Phase.RCPT,
    (Phase.RCPT, "DATA"): Phase.CONTENT,
    (Phase.CONTENT, "."): Phase.READY,
    (Phase.READY, "AUTH"): Phase.SASL,
    (Phase.SASL, "AUTH"): Phase.READY,
    (Phase.READY, "STARTTLS"): Phase.TLS,
    (Phase.TLS, "STARTTLS"): Phase.FRESH,
}

KNOWN = frozenset().union(*ALLOWED.values())

WHY_NOT: dict[tuple[Phase, str], str] = {
    (Phase.FRESH, "MAIL"): "Send EHLO or HELO first",
    (Phase.FRESH, "AUTH"): "Send EHLO first",
    (Phase.FRESH, "STARTTLS"): "Send EHLO first",
    (Phase.MAIL, "MAIL"): "Sender already given",
    (Phase.RCPT, "MAIL"): "Sender already given",
    (Phase.READY, "RCPT"): "Need MAIL before RCPT",
    (Phase.FRESH, "RCPT"): "Send EHLO or HELO first",
    (Phase.READY, "DATA"): "Need MAIL before DATA",
    (Phase.FRESH, "DATA"): "Send EHLO or HELO first",
    (Phase.MAIL, "DATA"): "No valid recipients",
    (Phase.MAIL, "AUTH"): "Not inside a mail transaction",
    (Phase.RCPT, "AUTH"): "Not inside a mail transaction",
    (Phase.MAIL, "STARTTLS"): "Not inside a mail transaction",
    (Phase.RCPT, "STARTTLS"): "Not inside a mail transaction",
}
