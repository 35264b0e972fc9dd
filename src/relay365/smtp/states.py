"""The legal moves of the server side, as tables; nothing else decides what a peer may say when.

They stand apart so that the law can be read without the machine that keeps it.

A session is in one phase. ALLOWED lists the verbs that may be said in it; a verb that is known but not listed
gets 503. NEXT gives the phase after a positive answer; a negative one changes nothing. RSET, NOOP, HELP, VRFY
and QUIT may be said in every phase that reads commands. Three phases read no commands: CONTENT reads mail data
until its end, SASL reads responses, TLS reads nothing until the handshake is done. The picture in
docs/architecture.md is this table.
(RFC 5321 4.1.4; RFC 3207 4.2: after TLS everything that was said before is forgotten; RFC 4954 4: no AUTH inside
a transaction and none after a successful one.)
"""

from __future__ import annotations

from enum import Enum

from relay365.mail.status import Reply


class Phase(Enum):
    """Where a session stands."""

    FRESH = "fresh"  # greeted, the peer has not named itself
    SECURED = "secured"  # TLS stands, the peer has not named itself again; some devices never do
    READY = "ready"  # named, no transaction
    MAIL = "mail"  # MAIL accepted, no recipient yet
    RCPT = "rcpt"  # at least one recipient accepted
    CONTENT = "content"  # 354 given, mail data until the final dot
    SASL = "sasl"  # inside an AUTH exchange
    TLS = "tls"  # 220 to STARTTLS given, handshake to come
    ENDED = "ended"

    __hash__ = object.__hash__  # a phase is a key for every command; Enum's own hash is computed in Python


_ALWAYS = frozenset({"HELO", "EHLO", "NOOP", "RSET", "HELP", "VRFY", "QUIT"})

ALLOWED: dict[Phase, frozenset[str]] = {
    Phase.FRESH: _ALWAYS,
    Phase.SECURED: _ALWAYS | {"MAIL", "AUTH"},
    Phase.READY: _ALWAYS | {"MAIL", "AUTH", "STARTTLS", "XCLIENT"},
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
    (Phase.SECURED, "HELO"): Phase.READY,
    (Phase.SECURED, "EHLO"): Phase.READY,
    (Phase.SECURED, "MAIL"): Phase.MAIL,
    (Phase.SECURED, "AUTH"): Phase.SASL,
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
    (Phase.TLS, "STARTTLS"): Phase.SECURED,
    (Phase.READY, "XCLIENT"): Phase.FRESH,
}

KNOWN = frozenset().union(*ALLOWED.values())

WHY_NOT: dict[tuple[Phase, str], str] = {
    (Phase.FRESH, "MAIL"): "Send EHLO or HELO first",
    (Phase.FRESH, "AUTH"): "Send EHLO first",
    (Phase.FRESH, "STARTTLS"): "Send EHLO first",
    (Phase.MAIL, "MAIL"): "Sender already given",
    (Phase.RCPT, "MAIL"): "Sender already given",
    (Phase.SECURED, "STARTTLS"): "TLS is already active",
    (Phase.SECURED, "RCPT"): "Need MAIL before RCPT",
    (Phase.SECURED, "DATA"): "Need MAIL before DATA",
    (Phase.READY, "RCPT"): "Need MAIL before RCPT",
    (Phase.FRESH, "RCPT"): "Send EHLO or HELO first",
    (Phase.READY, "DATA"): "Need MAIL before DATA",
    (Phase.FRESH, "DATA"): "Send EHLO or HELO first",
    (Phase.MAIL, "DATA"): "No valid recipients",
    (Phase.MAIL, "AUTH"): "Not inside a mail transaction",
    (Phase.RCPT, "AUTH"): "Not inside a mail transaction",
    (Phase.MAIL, "STARTTLS"): "Not inside a mail transaction",
    (Phase.RCPT, "STARTTLS"): "Not inside a mail transaction",
    (Phase.MAIL, "XCLIENT"): "Not inside a mail transaction",
    (Phase.RCPT, "XCLIENT"): "Not inside a mail transaction",
    (Phase.FRESH, "XCLIENT"): "Send EHLO first",
    (Phase.SECURED, "XCLIENT"): "Send EHLO first",
}

SIMPLE = {  # answered wherever they are allowed, and nothing moves
    "NOOP": Reply.of(250, "2.0.0", "OK"),
    "HELP": Reply.of(
        214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS AUTH"
    ),
    "VRFY": Reply.of(252, "2.5.0", "Cannot verify, but will accept the message and attempt delivery"),
}

NO_COMMAND = Reply.of(500, "5.5.2", "Command not recognized")
NOT_HERE = Reply.of(502, "5.5.1", "Command not implemented")
UNIMPLEMENTED = dict.fromkeys(("EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "XFORWARD"), NOT_HERE)

UNFORGIVEN = {  # what is said where a tolerance is switched off; those of MAIL and RCPT are said by the grammar
    "empty_helo": Reply.of(501, "5.5.4", "HELO and EHLO need a name"),
    "odd_helo": Reply.of(501, "5.5.4", "HELO name is no domain"),
    "bare_lf_commands": Reply.of(500, "5.5.2", "Lines must end in CRLF"),
    "auth_after_helo": Reply.of(503, "5.5.1", "Send EHLO first"),
    "no_ehlo_after_tls": Reply.of(503, "5.5.1", "Send EHLO first"),
}

# After these the peer goes on with octets that are not commands: a content in chunks that were never offered, or the
# header fields of a web request, in which a page could hide mail commands for a browser to send here.
_WEB = Reply.of(421, "4.7.0", "This is an SMTP service")
FATAL = {
    "BDAT": Reply.of(502, "5.5.1", "CHUNKING is not offered"),
    **dict.fromkeys(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS"), _WEB),
}
