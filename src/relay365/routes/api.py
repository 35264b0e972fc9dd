"""The Route protocol: a consignment in, one outcome per recipient out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from relay365.mail.content import Content
from relay365.mail.envelope import Envelope, SpoolId
from relay365.mail.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Consignment:
    """One content for some of its recipients.

    envelope.forward_paths: the recipients to deliver to now, at least one.
    trace: header lines of ours, sent in front of the content.
    header_from: the author address in the content, "" if unknown.
    """

    spool_id: SpoolId
    envelope: Envelope
    content: Content
    trace: bytes = b""
    header_from: str = ""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """What a lane may use at once and in a window; None is no limit (Microsoft's are in docs/outcomes.md).

    connections: attempts at once. messages in any window_s seconds, counted from start to completion + window_s;
    windows: further ones beside it, each (messages, seconds).
    recipients of one consignment at most; octets: its largest size, None where only the remote knows.
    budget: whose messages these are: lanes with the same word share their windows (SMTP and Graph of one mailbox).
    at_once_per_budget: attempts at once of all these lanes that have such a limit (SMTP of one mailbox).
    recipients_per_day: of the mailbox, in any 24 hours. external_per_day: of the tenant, outside own_domains, shared by
    the lanes with the same tenant. requests, octets_window: of Graph, each (amount, seconds).
    at_once_per_application: shared by the lanes with the same application. pair_per_hour: of one sender to one
    recipient. reserve_per_day: recipients of a day that bulk leaves to others; None: learnt. bulk_window: when bulk may
    go, each "HH:MM" of local time; None: always. alarms: whether any may come, for which other mail leaves room.
    client_share: percent of recipients_per_day that a client may have before it leaves the others what bulk leaves.
    """

    connections: int
    messages: int | None = None
    window_s: float = 60.0
    recipients: int = 1000
    octets: int | None = None
    budget: str = ""
    windows: tuple[tuple[int, float], ...] = ()
    recipients_per_day: int | None = None
    tenant: str = ""
    external_per_day: int | None = None
    own_domains: frozenset[str] = frozenset()
    requests: tuple[int, float] | None = None
    octets_window: tuple[int, float] | None = None
    application: str = ""
    at_once_per_application: int | None = None
    pair_per_hour: int | None = None
    reserve_per_day: int | None = None
    client_share: int = 100
    bulk_window: tuple[str, str] | None = None
    alarms: bool = False
    at_once_per_budget: int | None = None


class Route(Protocol):
    """A way out. Its lane is `name` or `name/mailbox`; the scheduler keeps the lane's limits."""

    name: str
    kind: str
    lane: str
    limits: LaneLimits

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """Hand one content to the remote for some of its recipients.

        Shape:   n recipients in, n outcomes out, in the same order; n >= 1.
        Effects: at most one transaction on the wire; the spool is not touched.
        Raises:  nothing for what the remote does; anything raised is a bug and counts as deferred.
        Cancel:  gives outcomes at once: before the final dot deferred, after it uncertain.
        Source:  RFC 5321 3.3, 4.2.5; RFC 3463.
        """
        ...

    async def close(self) -> None:
        """End warm connections politely."""
        ...
