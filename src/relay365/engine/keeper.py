"""The keeper: what must happen by the clock. Expires, lapses, prunes, and pays the reports that are owed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.engine.reports.audience import Audience
from relay365.engine.reports.wording import reported
from relay365.errors import SpoolError
from relay365.mail import dsn, headers
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.spool.api import LaneNote, MessageView, NewMessage, Owed, Spool

_LOG = logging.getLogger("relay365.keeper")

ROUND_S = 5.0
PRUNE_ROUND_S = 600.0
SETTLING_S = 60.0  # after a start the queue goes before anybody is told that it is late
REPORTS_PER_ROUND = 50  # of each kind


@dataclass(frozen=True, slots=True)
class Duties:
    """What the keeper keeps to.

    give_up_s: life of a message; keep_s: how long the history of finished messages stays; warn_after_s: after how long
    a sender is told that a message is late, which is counted back from its end.
    lane_of: the lane for a report; author_of: the address that a report in that lane may come from.
    kept: the lanes that wait for a person or a quota; their mail must not run out of time meanwhile.
    audience: who may be told.
    """

    hostname: str
    give_up_s: float
    keep_s: float
    lane_of: Callable[[Envelope, SubmitterFacts], str]
    author_of: Callable[[str], str]
    kept: Callable[[], frozenset[str]]
    accepted: Callable[[str], None]
    audience: Audience = field(default_factory=Audience)
    warn_after_s: float = float("inf")


class Keeper:
    """One keeper per spool."""

    def __init__(self, spool: Spool, clock: Clock, duties: Duties) -> None:
        self._spool, self._clock, self._duties = spool, clock, duties
        self._pruned_mono = self._began_mono = clock.mono()
        self._kept: frozenset[str] | None = None  # what an earlier life wrote is not known

    def follow(self, duties: Duties) -> None:
        """Keep to these from now on."""
        self._duties = duties

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
        notes = {note.lane: note for note in await self._spool.lanes()}
        await self._keep(now)
        if self._clock.mono() - self._began_mono >= SETTLING_S:
            await self._spool.warn(now + self._duties.give_up_s - self._duties.warn_after_s)
        n_expired = await self._spool.expire(
            now
        )  # behind the warning, for which a prolonged life is no reason to wait
        if n_expired:
            _LOG.error("recipient.expired recipients=%d", n_expired)
        await self._pay_all(now, notes)
        if self._clock.mono() - self._pruned_mono > PRUNE_ROUND_S:
            self._pruned_mono = self._clock.mono()
            await self._spool.prune(now - self._duties.keep_s)

    async def _keep(self, now: float) -> None:
        """Write down which lanes keep their mail, where that has changed."""
        kept = self._duties.kept()
        if kept != self._kept:
            await self._spool.keep(kept, now)
            self._kept = kept

    async def _pay_all(self, now: float, notes: Mapping[str, LaneNote]) -> None:
        """Pay some debts of each kind.

        A report of delay whose own way is shut waits: it would come with the message, or after it, in a heap. When the
        message ends meanwhile its debt is struck out, and nobody is bothered.
        """
        for debt in (Debt.FAILURE, Debt.SUCCESS, Debt.DELAY, Debt.KEPT):
            for view in await self._spool.debts(debt, limit=REPORTS_PER_ROUND):
                readers = self._readers(view, debt)
                way = notes.get(self._lane_to(readers)) if readers and debt is Debt.DELAY else None
                if way is None or not (way.held or way.gate_until_at > now):
                    await self._pay(view, debt, readers, notes)

    def _readers(self, view: MessageView, debt: Debt) -> tuple[str, ...]:
        """Who is told."""
        if debt is Debt.KEPT:
            return self._duties.audience.owner_or_administrator(view.submitter)
        readers = self._duties.audience.readers(view.reverse_path, view.submitter)
        if not all(one.fate for one in view.recipients) or debt is not Debt.FAILURE:
            return readers
        # Exchange's own report went to the mailbox that sent it.
        mailboxes = {self._duties.author_of(one.lane).lower() for one in view.recipients}
        return tuple(one for one in readers if one.lower() not in mailboxes)

    def _lane_to(self, readers: Sequence[str]) -> str:
        return self._duties.lane_of(Envelope("", tuple(map(ForwardPath, readers))), self._ourselves())

    def _ourselves(self) -> SubmitterFacts:
        return SubmitterFacts(listener="relay365", peer_address="127.0.0.1", helo=self._duties.hostname)

    async def _pay(
        self, view: MessageView, debt: Debt, readers: tuple[str, ...], notes: Mapping[str, LaneNote]
    ) -> None:
        """Accept the report and strike out the debt in one commit; what nobody may be told stays a dead letter."""
        owed = tuple(Owed(view.spool_id, recipient.n, debt) for recipient in view.recipients)
        told = tuple(one for one in view.recipients if debt is Debt.KEPT or dsn.is_wished(one.notify, debt))
        if told and readers:
            now = self._clock.now()
            words = tuple(reported(one, debt, notes.get(one.lane), now) for one in told)
            await self._send(view, words, owed, readers)
            return
        is_told = all(one.fate for one in view.recipients)  # by Exchange
        if told and view.reverse_path and debt is Debt.FAILURE and not is_told:
            _LOG.warning("report.withheld about=%s sender=%r", view.spool_id, view.reverse_path)
        await self._spool.forgive(owed)

    async def _send(
        self,
        view: MessageView,
        words: tuple[dsn.Reported, ...],
        owed: tuple[Owed, ...],
        readers: tuple[str, ...],
    ) -> None:
        duties, now = self._duties, self._clock.now()
        paths = tuple(ForwardPath(reader, notify="NEVER") for reader in readers)
        submitter = self._ourselves()
        lane = duties.lane_of(Envelope("", paths), submitter)
        intake = self._spool.begin()
        message_id = headers.new_message_id(duties.hostname, intake.spool_id, now)
        author = duties.author_of(lane)
        report = dsn.Report(
            duties.hostname, author, readers, view.spool_id, message_id, now, view.accepted_at, view.envid,
            words, await self._head(view), owed[0].debt, self._end_of(view),
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
        _LOG.warning(
            "report.queued id=%s about=%s kind=%s to=%r",
            intake.spool_id, view.spool_id, report.debt.value, ", ".join(readers),
        )  # fmt: skip
        duties.accepted(lane)

    def _end_of(self, view: MessageView) -> float:
        """Until when it is tried; 0.0 where nobody knows, because its lane keeps it."""
        return 0.0 if any(one.lane in (self._kept or ()) for one in view.recipients) else view.expires_at

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
