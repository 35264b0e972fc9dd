"""Envelope and what we know of the submitter: as given on the wire, not as the headers say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

SpoolId = NewType("SpoolId", str)
"""Our name for one accepted message: short, sortable, without 0 O 1 I; it stands in the 250."""


@dataclass(frozen=True, slots=True)
class ForwardPath:
    """One RCPT: the address without angle brackets, and its DSN wishes (RFC 3461 4.1, 4.2) as sent."""

    address: str
    notify: str = ""
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One transaction's reverse-path ("" is the null path) and its forward-paths (RFC 5321 2.3.1).

    body is "7BIT" or "8BITMIME" (RFC 6152); ret and envid are DSN parameters as sent (RFC 3461 4.3, 4.4).
    """

    reverse_path: str
    forward_paths: tuple[ForwardPath, ...]
    body: str = "7BIT"
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class SubmitterFacts:
    """Who gave us a message, as seen on the connection.

    protocol is the `with` word of the Received line: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA (RFC 3848).
    tls is the version and cipher or ""; login is the authenticated name or "".
    priority: what the rule that let it in says: alarm, normal or bulk.
    """

    listener: str
    peer_address: str
    peer_port: int = 0
    helo: str = ""
    protocol: str = "SMTP"
    tls: str = ""
    login: str = ""
    device: str = ""
    priority: str = "normal"
