"""Porter: the gate of one listener at work: the policy's decisions, the pace of an address, what people must hear.

Apart from rules.policy, which knows no time and no journal. What porters share is one Lodge: an address has one pace,
whichever listener it comes by, and is news once an hour.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.engine.doors.shares import Shares
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.mail.refusals import entering, keeping
from relay365.mail.status import Reply
from relay365.rules.admission.pace import Pace
from relay365.rules.client import Client
from relay365.rules.policy import Policy
from relay365.rules.reading import rule_to_paste
from relay365.smtp.events import MailGiven

_LOG = logging.getLogger("relay365.porter")

NEWS_S = 3600.0
MOST_NEWS = 10_000


class News:
    """What was said a short while ago is no news. Bounded: the oldest is forgotten first."""

    def __init__(self, most: int = MOST_NEWS) -> None:
        self._most = most
        self._said_mono: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._said_mono)

    def is_new(self, what: str, address: str, now_mono: float) -> bool:
        """Whether this has not been said about an address within the last hour; then it counts as said now."""
        key = (what, address)
        if now_mono - self._said_mono.get(key, float("-inf")) < NEWS_S:
            return False
        self._said_mono.pop(key, None)
        self._said_mono[key] = now_mono
        if len(self._said_mono) > self._most:
            del self._said_mono[next(iter(self._said_mono))]
        return True


@dataclass(frozen=True, slots=True)
class Lodge:
    """What the porters of all listeners share. refusals: how often, by the mark of the rule and the code."""

    clock: Clock
    pace: Pace = field(default_factory=Pace)
    news: News = field(default_factory=News)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    shares: Shares = field(default_factory=Shares)

    def refused(self, mark: str, reply: Reply) -> None:
        """Count one refusal."""
        status = f" {reply.status}" if reply.status is not None else ""
        self.refusals[mark or "none", f"{reply.code}{status}"] += 1


class Porter:
    """A Gate (engine.reception)."""

    def __init__(self, policy: Policy, lodge: Lodge) -> None:
        self._policy, self._lodge = policy, lodge

    def client(self, facts: SubmitterFacts) -> Client:
        """See Gate."""
        return self._policy.client(facts)

    def connect(self, peer_address: str) -> Reply | None:
        """See Gate."""
        return self._policy.connect(peer_address)

    def mail(self, facts: SubmitterFacts, event: MailGiven) -> Reply | None:
        """See Gate. One message more of this address, where the rules let it pass."""
        reply = self._policy.mail(facts, event)
        client = self._policy.client(facts)
        if reply is None:
            reply = self._share(client, facts, event)
            return self._count(client, facts) if reply is None and client.per_minute else reply
        self._lodge.refused(client.mark, reply)
        if not client.mark:
            self._tell_unknown(facts, event)
        return reply

    def rcpt(self, facts: SubmitterFacts, path: ForwardPath) -> Reply | None:
        """See Gate."""
        reply = self._policy.rcpt(facts, path)
        if reply is not None:
            self._lodge.refused(self._policy.client(facts).mark, reply)
        return reply

    def took(self, facts: SubmitterFacts, n_octets: int) -> None:
        """See Gate."""
        self._lodge.shares.took(facts, n_octets)

    def _share(self, client: Client, facts: SubmitterFacts, event: MailGiven) -> Reply | None:
        lodge = self._lodge
        if lodge.shares.has_room(facts, event.size_octets):
            return None
        if lodge.news.is_new("over-share", facts.peer_address, lodge.clock.mono()):
            _LOG.warning("client.over-share peer=%s device=%s", facts.peer_address, facts.device or "none")
        reply = keeping.SHARE_FULL.said()
        lodge.refused(client.mark, reply)
        return reply

    def _count(self, client: Client, facts: SubmitterFacts) -> Reply | None:
        lodge, now_mono = self._lodge, self._lodge.clock.mono()
        if lodge.pace.try_take(client.mark, facts.peer_address, client.per_minute, now_mono):
            return None
        if lodge.news.is_new("slowed", facts.peer_address, now_mono):
            _LOG.warning(
                "client.slowed peer=%s rule=%s name=%r per_minute=%d",
                facts.peer_address, client.mark, client.name, client.per_minute,
            )  # fmt: skip
        reply = entering.TOO_FAST.said(client.mark)
        lodge.refused(client.mark, reply)
        return reply

    def _tell_unknown(self, facts: SubmitterFacts, event: MailGiven) -> None:
        if self._lodge.news.is_new("unknown", facts.peer_address, self._lodge.clock.mono()):
            _LOG.warning(
                "client.unknown peer=%s helo=%r from=%r listener=%s rule to paste: %s",
                facts.peer_address, facts.helo, event.reverse_path, facts.listener,
                rule_to_paste(facts.peer_address, facts.helo),
            )  # fmt: skip
