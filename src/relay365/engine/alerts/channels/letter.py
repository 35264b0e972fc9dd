"""Mail as a channel: through our own queue, by a route that is not the one that the alert is about.

It goes as an alarm, as the sender that the route may use, because client submission refuses the null reverse-path, and
asks for no report. What Exchange reports all the same ends in that mailbox: nothing comes back to us and goes round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from relay365.clock import Clock
from relay365.engine.alerts.telling import ChannelFailed, Message
from relay365.engine.lane import Lane
from relay365.errors import SpoolError
from relay365.mail import headers
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.spool.api import NewMessage, Spool

LIFE_S = 172_800.0


@dataclass(frozen=True, slots=True)
class PostOffice:
    """What a letter needs. accepted: see Scheduler.

    author_of: the address that mail of a lane may come from, "" where nobody knows one: then the reverse-path is null.
    """

    spool: Spool
    lanes: Mapping[str, Lane]
    clock: Clock
    hostname: str
    author_of: Callable[[str], str]
    accepted: Callable[[str], None]

    async def post(self, to: str, lane: str, subject: str, body: str, life_s: float = LIFE_S) -> str:
        """Queue one message in a lane; gives its id. Raises SpoolError."""
        now = self.clock.now()
        intake = self.spool.begin()
        sender = self.author_of(lane)
        author = sender or f"postmaster@{self.hostname}"
        message_id = headers.new_message_id(self.hostname, intake.spool_id, now)
        content = letter(author, to, (subject, body), message_id, now)
        intake.write(content)
        facts = SubmitterFacts("relay365", "127.0.0.1", helo=self.hostname, priority="alarm")
        envelope = Envelope(
            sender, (ForwardPath(to, notify="NEVER"),), "7BIT" if content.isascii() else "8BITMIME"
        )
        trace = headers.received(self.hostname, intake.spool_id, envelope, facts, now)
        await intake.commit(NewMessage(envelope, facts, lane, now, now + life_s, trace, message_id, author))
        self.accepted(lane)
        return intake.spool_id


class Letter:
    """A Channel (engine.alerts.telling). route: the only one that may carry it, "" for any."""

    def __init__(self, name: str, to: str, route: str, office: PostOffice) -> None:
        self.name = name
        self._to, self._route, self._office = to, route, office

    async def tell(self, message: Message) -> None:
        """See Channel. It is told when it is queued in a lane that is well."""
        lane = self._way_for(message)
        try:
            await self._office.post(self._to, lane, message.title, "\n".join(message.lines) + "\n")
        except SpoolError as error:
            raise ChannelFailed(f"the queue does not take it: {error}") from error

    def _way_for(self, message: Message) -> str:
        mono = self._office.clock.mono()
        fit = [
            name
            for name, lane in self._office.lanes.items()
            if name != message.lane and self._route in ("", lane.route.name)
        ]
        well = [
            name
            for name in fit
            if self._office.lanes[name].health.held is None
            and mono >= self._office.lanes[name].health.gate_until
        ]
        if not well:
            why = "every other route is unwell" if fit else "there is no route but the one that it is about"
            raise ChannelFailed(why)
        return well[0]


def letter(author: str, to: str, words: tuple[str, str], message_id: str, now: float) -> bytes:
    """One mail as CRLF lines. words: subject and body."""
    subject, body = words
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"relay365 <{author}>"
    mail["To"] = to
    mail["Subject"] = " ".join("".join(c if c.isprintable() else " " for c in subject).split())[:200]
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 5
    mail.set_content(body)
    return mail.as_bytes()
