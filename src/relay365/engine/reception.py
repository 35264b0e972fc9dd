"""Reception: what every session of one listener shares, as one value. app makes it, sessions only read it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from relay365.clock import Clock
from relay365.engine.blackbox.box import BlackBox
from relay365.engine.contents.workshop import Workshop
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.net.door import Network, holds
from relay365.rules.client import Client
from relay365.smtp.events import MailGiven
from relay365.smtp.offers import Limits, Offers
from relay365.spool.api import Claim, Spool
from relay365.spool.waiting.heads import NOBODYS, Flow

SENDER_OK = Reply.of(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply.of(250, "2.1.5", "Recipient OK")


class Gate(Protocol):
    """Who may do what; pure decisions. None means go on, a Reply refuses."""

    def client(self, facts: SubmitterFacts) -> Client:
        """Who this is by what is known so far; asked at connect, after HELO and after a login."""
        ...

    def connect(self, peer_address: str) -> Reply | None:
        """At the greeting."""
        ...

    def mail(self, facts: SubmitterFacts, event: MailGiven) -> Reply | None:
        """At MAIL."""
        ...

    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None:
        """At each RCPT."""
        ...

    def took(self, facts: SubmitterFacts, n_octets: int) -> None:
        """After each commit: a message of so many octets is ours."""
        ...


class Express(Protocol):
    """Fresh mail that may go out at once: it is claimed in the commit that accepts it (engine.scheduler)."""

    def reserve(self, lane: str, n_recipients: int = 1, flow: Flow = NOBODYS) -> float:
        """The end of a lease where the lane has room now, and that room is kept; 0.0 where it has none.

        n_recipients: a message with more than one transaction may have goes through the queue. flow: whose it is.
        """
        ...

    def release(self, lane: str) -> None:
        """The message was not accepted: give the room back."""
        ...

    def take(self, claim: Claim) -> None:
        """It was accepted and is claimed: deliver it."""
        ...


@dataclass(frozen=True, slots=True)
class Reception:
    """What every session of one listener shares.

    lanes_of gives the lane for each recipient of an envelope, by the size of its content; keep_s is how long a message
    may wait before it expires.
    verify checks a login: name, password, address of the peer.
    accepted is called with the lane after each commit that queued a message.
    express: who delivers at once where there is room; None: everything is queued. box: who keeps the last sessions.
    xclient_from: proxies that may say XCLIENT. workshop: what is done to contents.
    """

    name: str
    offers: Offers
    limits: Limits
    tls: ssl.SSLContext | None
    implicit_tls: bool
    gate: Gate
    verify: Callable[[str, str, str], Awaitable[bool]]
    spool: Spool
    lanes_of: Callable[[Envelope, SubmitterFacts, int], Sequence[str]]
    keep_s: float
    accepted: Callable[[str], None]
    clock: Clock
    express: Express | None = None
    box: BlackBox | None = None
    xclient_from: tuple[Network, ...] = ()
    workshop: Workshop = field(default_factory=Workshop)

    def trusts_proxy(self, address: str) -> bool:
        """Whether this peer is a proxy that may say for whom it speaks."""
        return holds(self.xclient_from, address)

    def offers_to(self, client: Client) -> Offers:
        """The listener's offers as they hold for one client."""
        return offers_for(self.offers, client)


@lru_cache(maxsize=1024)
def offers_for(offers: Offers, client: Client) -> Offers:
    """What a listener offers everybody, as it holds for one client; asked up to three times in a session."""
    is_own = 0 < client.max_octets < offers.size_octets and not client.kept_octets
    return replace(
        offers,
        tolerances=client.tolerances,
        starttls=offers.starttls and client.starttls,
        mechanisms=() if client.login == "never" else offers.mechanisms,
        auth_without_tls=offers.auth_without_tls or client.auth_in_clear,
        size_octets=client.max_octets if is_own else client.kept_octets or offers.size_octets,
        size_mark=client.size_mark if is_own else "",
        sender=client.sender,
    )
