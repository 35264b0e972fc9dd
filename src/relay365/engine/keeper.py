"""The keeper: what must happen by the clock. Expires, lapses, prunes, and pays the reports that are owed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.engine.reports.audience import Audience
from relay365.errors import SpoolError
from relay365.mail import dsn, headers
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.status import EnhancedStatus
from relay365.routes.catalogue.rows import catalogue
from relay365.spool.api import MessageView, NewMessage, RecipientView, Spool, State

_LOG = logging.getLogger("relay365.keeper")

ROUND_S = 5.0
PRUNE_ROUND_S = 600.0
REPORTS_PER_ROUND = 50


@dataclass(frozen=True, slots=True)
class Duties:
    """What the keeper keeps to.

    give_up_s: life of a message; keep_s: how long the history of finished messages stays.
    lane_of: the lane for a report; author_of: the address that a report in that lane may come from.
    may_expire: False while a route waits for a person; its mail must not run out of time meanwhile.
    audience: who may be told.
    """

    hostname: str
    give_up_s: float
    keep_s: float
    lane_of: Callable[[Envelope, SubmitterFacts], str]
    author_of: Callable[[str], str]
    may_expire: Callable[[], bool]
    accepted: Callable[[str], None]
    audience: Audience = field(default_factory=Audience)


class Keeper:
    """One keeper per spool."""

    def __init__(self, spool: Spool, clock: Clock, duties: Duties) -> None:
        self._spool, self._clock, self._duties = spool, clock, duties
        self._pruned_mono = clock.mono()

    async def run(self) -> None:
        """Do a round every few seconds until cancelled."""
        while True:
            try:
                await self.round()
            except SpoolError as error:
                _LOG.error("keeper.waits reason=%s", error)
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """One round of all duties; raises SpoolError when the spool is unwell."""
        now = self._clock.now()
        n_lapsed = await self._spool.lapse(now)
        if n_lapsed:
            _LOG.warning("claim.lapsed recipients=%d: counted as possible duplicates", n_lapsed)
        if self._duties.may_expire():
            n_expired = await self._spool.expire(now)
            if n_expired:
                _LOG.error("recipient.expired recipients=%d", n_expired)
        for view in await self._spool.debts(limit=REPORTS_PER_ROUND):
            await self._pay(view)
        if self._clock.mono() - self._pruned_mono > PRUNE_ROUND_S:
            self._pruned_mono = self._clock.mono()
            await self._spool.prune(now - self._duties.keep_s)

    async def _pay(self, view: MessageView) -> None:
        """Accept the report and strike out the debt in one commit; what nobody may be told stays a dead letter."""
        owed = tuple((view.spool_id, recipient.n) for recipient in view.recipients)
        told = tuple(one for one in view.recipients if "NEVER" not in one.notify.upper())
        readers = self._duties.audience.readers(view.reverse_path, view.submitter)
        if told and readers:
            await self._send(view, told, owed, readers)
            return
        if told and view.reverse_path:
            _LOG.warning("report.withheld about=%s sender=%r", view.spool_id, view.reverse_path)
        await self._spool.forgive(owed)

    async def _send(
        self,
        view: MessageView,
        told: tuple[RecipientView, ...],
        owed: tuple[tuple[SpoolId, int], ...],
        readers: tuple[str, ...],
    ) -> None:
        duties, now = self._duties, self._clock.now()
        paths = tuple(ForwardPath(reader, notify="NEVER") for reader in readers)
        submitter = SubmitterFacts(listener="relay365", peer_address="127.0.0.1", helo=duties.hostname)
        lane = duties.lane_of(Envelope("", paths), submitter)
        intake = self._spool.begin()
        message_id = headers.new_message_id(duties.hostname, intake.spool_id, now)
        author = duties.author_of(lane)
        report = dsn.Report(
            duties.hostname, author, readers, view.spool_id, message_id, now, view.accepted_at, view.envid,
            tuple(_reported(recipient) for recipient in told), await self._head(view),
        )  # fmt: skip
        content = dsn.build(report, f"=_{intake.spool_id}_{int(now)}")
        intake.write(content)
        envelope = Envelope("", paths, "7BIT" if content.isascii() else "8BITMIME")
        trace = headers.received(duties.hostname, intake.spool_id, envelope, submitter, now)
        await intake.commit(
            NewMessage(
                envelope, submitter, lane, now, now + duties.give_up_s, trace, message_id, author,
                answers=owed,
            )
        )  # fmt: skip
        _LOG.warning("report.queued id=%s about=%s to=%r", intake.spool_id, view.spool_id, ", ".join(readers))
        duties.accepted(lane)

    async def _head(self, view: MessageView) -> bytes:
        """The header section of the message that failed, or nothing."""
        try:
            content = await self._spool.content(view.spool_id)
            if content is None:
                return b""
            octets = content.octets()
            if octets is None:
                octets = await anext(content.blocks(), b"")
        except SpoolError:  # its absence must not keep the report
            return b""
        end = octets.find(b"\r\n\r\n", 0, headers.MAX_HEAD_OCTETS)
        return octets[: end + 2] if end >= 0 else b""


def _reported(recipient: RecipientView) -> dsn.FailedRecipient:
    words = recipient.last_reply
    code, _, rest = words.partition(" ")
    status = EnhancedStatus.parse(rest if code.isdigit() else words)
    if recipient.state is State.EXPIRED:
        words = f"expired; last answer: {words}" if words else "expired before it could be tried"
        return dsn.FailedRecipient(recipient.address, recipient.orcpt, "4.4.7", words, _advice(recipient.row))
    return dsn.FailedRecipient(
        recipient.address, recipient.orcpt, str(status or ""), words, _advice(recipient.row)
    )


def _advice(mark: str) -> tuple[str, ...]:
    """What the catalogue says, in three kinds of lines: what it means, why it comes, what to do."""
    row = next((row for row in catalogue() if mark and row.id == mark), None)
    if row is None:
        return ()
    return (row.title, *(f"Why: {cause}" for cause in row.why), *(f"To do: {cure}" for cure in row.do))
