"""Client: what holds for whoever is at the other end of a session, as far as it has said who it is."""

from __future__ import annotations

from dataclasses import dataclass

from relay365.mail.tolerance import DEFAULT
from relay365.rules.oversize import NO_WISH, Wish


@dataclass(frozen=True, slots=True)
class Client:
    """The verdict about a peer: made at connect from its address, again when it has named itself and logged in.

        mark: the rule that decided, such as "R3"; "" when none did. name: that rule for people. device: the name of a
    [[device]], "" for others. login: never, optional or required. max_octets, per_minute and sessions: 0 is no limit
    of its own. sender: the envelope sender that every message gets, "" for the one that is given. senders and
    recipients: addresses and "@domain" in lower case; empty is any. house: in the same words, what [sender] asks of
    every sender in whose place no other is put; takes_null: whether MAIL FROM:<> may pass. size_mark: the mark of the
    rule that set max_octets, "" where it was the house; oversize: what its rule says of mail that is too large.
    priority: alarm, normal or bulk. kept_octets: up to this size what would be refused is taken, and held for a person;
    0: it is refused (accept_then_report).
    """

    mark: str = ""
    name: str = ""
    device: str = ""
    login: str = "required"
    tolerances: frozenset[str] = DEFAULT
    starttls: bool = True
    auth_in_clear: bool = False
    max_octets: int = 0
    size_mark: str = ""
    oversize: Wish = NO_WISH
    per_minute: int = 0
    sessions: int = 0
    sender: str = ""
    senders: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    house: frozenset[str] = frozenset()
    takes_null: bool = True
    priority: str = "normal"
    kept_octets: int = 0
    charset: str = "windows-1252"


NOBODY = Client(login="optional")  # no rule spoke, and the listener's own offers hold


def unproved(client: Client, *, is_empty: bool) -> str:
    """The tolerance by which a login is taken that proves nothing, so that the client stays who it is; "": by none.

    is_empty: neither name nor password was given.
    """
    if client.login != "optional":
        return ""
    wanted = ("empty_login",) * is_empty + ("any_password",)
    return next((name for name in wanted if name in client.tolerances), "")


def envelope_sender(client: Client, given: str) -> str:
    """The reverse-path under which a client's message goes on: its own sender where a rule fixes one."""
    return client.sender or given
