"""What the repairs are told: the administrator's wishes, and the facts of one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Rules:
    """Which repairs are made; the words of [repair]. By itself only a missing Message-ID is added."""

    date: str = "none"
    date_off_s: float = 172_800.0
    message_id: bool = True
    sender: bool = False
    recipient: bool = False
    raw_headers: bool = False
    syntax: bool = False
    parts: bool = False


@dataclass(frozen=True, slots=True)
class Authors:
    """Who may be the author; the words of [sender]. domains are ours, in lower case; any other is foreign."""

    domains: frozenset[str] = frozenset()
    foreign: str = "pass"
    rewrite_to: str = ""
    keep_as: str = "reply-to"
    null: str = "pass"

    def is_foreign(self, address: str) -> bool:
        """Whether something is to be done about an author or sender; the null path is judged by `null`."""
        if self.foreign == "pass" or not address or address.lower() == self.rewrite_to.lower():
            return False
        return address.rpartition("@")[2].lower() not in self.domains

    def refuses(self, author: str) -> bool:
        """Whether a From ends the message; the sender of the envelope is judged at MAIL (rules.policy)."""
        return self.foreign == "reject" and self.is_foreign(author)


class Given(NamedTuple):
    """One message's envelope and client. sender: what the client's rule sets, "" where it sets nothing.

    charset: what header octets are that are neither ASCII nor UTF-8; is_utf8: SMTPUTF8 was declared (RFC 6531).
    at: now, in epoch seconds; new_message_id: what a missing Message-ID becomes.
    """

    reverse_path: str
    new_message_id: str
    at: float
    sender: str = ""
    charset: str = "windows-1252"
    is_utf8: bool = False
