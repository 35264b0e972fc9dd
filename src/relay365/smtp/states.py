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

from relay365.mail.refusals import entering, speaking
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

_HELLO, _EHLO = speaking.NEEDS_HELLO.said(), speaking.NEEDS_EHLO.said()
_GIVEN, _INSIDE = speaking.SENDER_GIVEN.said(), speaking.IN_TRANSACTION.said()
_RCPT, _DATA = (speaking.NEEDS_MAIL_FIRST.said(verb=verb) for verb in ("RCPT", "DATA"))

WHY_NOT: dict[tuple[Phase, str], Reply] = {
    (Phase.FRESH, "MAIL"): _HELLO,
    (Phase.FRESH, "AUTH"): _EHLO,
    (Phase.FRESH, "STARTTLS"): _EHLO,
    (Phase.MAIL, "MAIL"): _GIVEN,
    (Phase.RCPT, "MAIL"): _GIVEN,
    (Phase.SECURED, "STARTTLS"): entering.TLS_ACTIVE.said(),
    (Phase.SECURED, "RCPT"): _RCPT,
    (Phase.SECURED, "DATA"): _DATA,
    (Phase.READY, "RCPT"): _RCPT,
    (Phase.FRESH, "RCPT"): _HELLO,
    (Phase.READY, "DATA"): _DATA,
    (Phase.FRESH, "DATA"): _HELLO,
    (Phase.MAIL, "DATA"): speaking.NO_RECIPIENTS.said(),
    (Phase.MAIL, "AUTH"): _INSIDE,
    (Phase.RCPT, "AUTH"): _INSIDE,
    (Phase.MAIL, "STARTTLS"): _INSIDE,
    (Phase.RCPT, "STARTTLS"): _INSIDE,
    (Phase.MAIL, "XCLIENT"): _INSIDE,
    (Phase.RCPT, "XCLIENT"): _INSIDE,
    (Phase.FRESH, "XCLIENT"): _EHLO,
    (Phase.SECURED, "XCLIENT"): _EHLO,
}

SIMPLE = {  # answered wherever they are allowed, and nothing moves
    "NOOP": Reply.of(250, "2.0.0", "OK"),
    "HELP": Reply.of(
        214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT STARTTLS AUTH"
    ),
    "VRFY": Reply.of(252, "2.5.0", "Cannot verify, but will accept the message and attempt delivery"),
}

NO_COMMAND = speaking.NO_COMMAND.said()
NOT_HERE = speaking.NOT_IMPLEMENTED.said()
BAD_SEQUENCE = speaking.BAD_SEQUENCE.said()
UNIMPLEMENTED = dict.fromkeys(("EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML", "XFORWARD"), NOT_HERE)

UNFORGIVEN = {  # what is said where a tolerance is switched off; those of MAIL and RCPT are said by the grammar
    "empty_helo": speaking.NEEDS_NAME.said(),
    "odd_helo": speaking.ODD_NAME.said(),
    "bare_lf_commands": speaking.NEEDS_CRLF.said(),
    "auth_after_helo": _EHLO,
    "no_ehlo_after_tls": _EHLO,
}

# After these the peer goes on with octets that are not commands: a content in chunks that were never offered, or the
# header fields of a web request, in which a page could hide mail commands for a browser to send here.
_WEB = speaking.NO_WEB.said()
FATAL = {
    "BDAT": speaking.NO_CHUNKING.said(),
    **dict.fromkeys(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS"), _WEB),
}
