"""Reception: what every session of one listener shares, as one value. app makes it, sessions only read it."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from relay365.clock import Clock
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.status import Reply
from relay365.rules.client import Client
from relay365.smtp.events import MailGiven
from relay365.smtp.offers import Limits, Offers
from relay365.spool.api import Claim, Spool


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


class Express(Protocol):
    """Fresh mail that may go out at once: it is claimed in the commit that accepts it (engine.scheduler)."""

    def reserve(self, lane: str) -> float:
        """The end of a lease where the lane has room now, and that room is kept; 0.0 where it has none."""
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

    lane_of gives the lane for an envelope; keep_s is how long a message may wait before it expires.
    verify checks a login; accepted is called with the lane after each commit that queued a message.
    express: who delivers at once where there is room; None: everything is queued.
    """

    name: str
    offers: Offers
    limits: Limits
    tls: ssl.SSLContext | None
    implicit_tls: bool
    gate: Gate
    verify: Callable[[str, str], Awaitable[bool]]
    spool: Spool
    lane_of: Callable[[Envelope, SubmitterFacts], str]
    keep_s: float
    accepted: Callable[[str], None]
    clock: Clock
    express: Express | None = None

    def offers_to(self, client: Client) -> Offers:
        """The listener's offers as they hold for one client."""
        offers = self.offers
        return replace(
            offers,
            tolerances=client.tolerances,
            starttls=offers.starttls and client.starttls,
            mechanisms=() if client.login == "never" else offers.mechanisms,
            auth_without_tls=offers.auth_without_tls or client.auth_in_clear,
            size_octets=min(client.max_octets or offers.size_octets, offers.size_octets),
        )
