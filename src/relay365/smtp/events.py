"""Events: what the peer meant, as frozen values. Those marked *answer* wait for ServerSession.answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from relay365.mail.envelope import ForwardPath
from relay365.mail.status import Reply


class Signal(Enum):
    """Why there is no event now; OWES_HELLO stays inside the machine."""

    NEED_OCTETS = "need octets"
    NEED_REPLY = "need reply"
    NEED_TLS = "need tls"
    OWES_HELLO = "owes hello"


@dataclass(frozen=True, slots=True)
class HeloGiven:
    """The peer named itself; the machine answers behind this event, so that grant() may come before."""

    name: str
    extended: bool


@dataclass(frozen=True, slots=True)
class MailGiven:
    """MAIL (answer): a transaction begins. size_octets is what SIZE declared, or 0 (RFC 1870)."""

    reverse_path: str
    size_octets: int = 0
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    tolerances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RcptGiven:
    """RCPT (answer): one more forward-path."""

    path: ForwardPath
    tolerances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataAsked:
    """DATA (answer): 354 lets the content come; anything else refuses it."""


@dataclass(frozen=True, slots=True)
class ContentBlock:
    """Some of the content: CRLF lines, unstuffed, normalised, perhaps with NUL. Blocks are cut anywhere."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ContentEnded:
    """The final dot came (answer): 250 after the commit, or a refusal. size_octets is what was handed out.

    repairs counts the lone CR and LF that were normalised and the NUL octets that passed; tolerances names what was
    forgiven.
    """

    size_octets: int
    repairs: int = 0
    tolerances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The final dot came, but the content was too large or not forgiven; the machine has answered."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class AuthGiven:
    """AUTH with readable credentials (answer): 235 makes the identity the session's submitter.

    secret is the password, or the bearer token for XOAUTH2; it never appears in repr.
    """

    mechanism: str
    identity: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AuthMalformed:
    """AUTH whose response decoded but is not of the mechanism's form (answer)."""

    mechanism: str
    reason: str


@dataclass(frozen=True, slots=True)
class XclientGiven:
    """XCLIENT (answer): a proxy says for whom it speaks; a positive answer begins the session anew, with a banner.

    An attribute that was not given, or that the proxy does not know, is "" or 0. proto is SMTP, ESMTP or "".
    """

    name: str = ""
    address: str = ""
    port: int = 0
    proto: str = ""
    helo: str = ""
    login: str = ""


@dataclass(frozen=True, slots=True)
class TransactionReset:
    """RSET, EHLO, HELO or a list of recipients with a bad one ended the transaction, or its content is not taken:
    forget what was collected.
    """


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Nothing more will come: write what is left in the out-box and close. reason is for the journal."""

    reason: str


Event = (
    HeloGiven
    | MailGiven
    | RcptGiven
    | DataAsked
    | ContentBlock
    | ContentEnded
    | ContentRefused
    | AuthGiven
    | AuthMalformed
    | XclientGiven
    | TransactionReset
    | SessionEnded
)
