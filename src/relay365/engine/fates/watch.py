"""Watches: each looks for news of delivered mail in one place, the trace of a tenant or the reports of a mailbox.

A watch that may not look says so once, with what heals it, and looks again when it was told to. No mail waits for it.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from relay365.clock import Clock
from relay365.engine.fates import plan
from relay365.engine.fates.joining import fate_of, fates_of, is_about, joined, limit_of
from relay365.mail.ndr import read_ndr
from relay365.mail.outcome import Outcome
from relay365.routes.tracing.asking import AskLater
from relay365.routes.tracing.reports import ReportItem
from relay365.routes.tracing.traces import TraceRow
from relay365.spool.later import Later, LaterFate, LaterStore, Search, Sent

_LOG = logging.getLogger("relay365.fates")

TRACE_ROUND_S = 60.0
REPORT_ROUND_S = 120.0
MOST_OPEN = 20_000  # recipients of one question
MOST_REASONS = 10  # failures of one question whose reason is asked for, a call each
OVERLAP_S = 120.0  # reports do not appear in the order of their times
REPORTS = 50  # that are joined at once: finding messages by their names reads all of them
ACCEPTED_S = 7 * 86_400.0  # a message that a report is about is not older
BATCH = 500  # fates of one commit, so that no other one waits long
REMEMBERED = 5000  # reports that are not fetched again

LimitReached = Callable[[str, Outcome], None]
"""Told that a limit which a lane sends under is used up, as Exchange said after its 250."""


class Traces(Protocol):
    """Where traces come from (routes.tracing.traces)."""

    async def between(self, from_at: float, until_at: float) -> list[TraceRow]:
        """See TraceReader."""
        ...

    async def reason(self, row: TraceRow) -> str:
        """See TraceReader."""
        ...


class Reports(Protocol):
    """Where reports come from (routes.tracing.reports)."""

    mailbox: str

    async def since(self, at: float) -> list[ReportItem]:
        """See ReportReader."""
        ...

    async def content(self, item: ReportItem) -> bytes:
        """See ReportReader."""
        ...


class Watch(Protocol):
    """One place to look at, every round_s seconds. name: for people."""

    name: str
    round_s: float

    async def look(self) -> None:
        """Look once; raises AskLater and SpoolError."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What all watches share."""

    store: LaterStore
    clock: Clock
    limit_reached: LimitReached = lambda lane, outcome: None

    async def learn(self, fates: Sequence[tuple[LaterFate, str]]) -> None:
        """Keep what was learnt of recipients of lanes, and say what is news and bad."""
        well = [fate for fate, _ in fates if fate.fate is not Later.FAILED]
        for start in range(0, len(well), BATCH):
            await self.store.learn_fates(well[start : start + BATCH])
        for fate, lane in fates:
            if fate.fate is not Later.FAILED or not await self.store.learn_fates([fate]):
                continue
            _LOG.warning(
                "recipient.fate id=%s n=%d lane=%s fate=%s reply=%r",
                fate.spool_id, fate.n, lane, fate.fate.value, fate.detail,
            )  # fmt: skip
            limit = limit_of(fate.detail)
            if limit is not None:
                _LOG.error("limit.reached lane=%s row=%s reply=%r", lane, limit.row, limit.reply_text)
                self.limit_reached(lane, limit)


class TraceWatch:
    """The message trace of one tenant, for the lanes of its routes."""

    round_s = TRACE_ROUND_S

    def __init__(self, desk: Desk, traces: Traces, lanes: Iterable[str], name: str) -> None:
        self.name = f"message trace of {name}"
        self._desk, self._traces, self._lanes = desk, traces, frozenset(lanes)
        self._asked_at: float | None = None

    async def look(self) -> None:
        """See Watch. One window for all whose fate is open and whose time has come; none where nothing is open."""
        now = self._desk.clock.now()
        if self._asked_at is not None and self._asked_at > now:  # the clock was set back
            self._asked_at = None
        due = await self._due(now)
        rows = [
            row
            for from_at, until_at in plan.windows((one.settled_at for one in due), now)
            for row in await self._traces.between(from_at, until_at)
        ]
        learnt = []
        n_reasons = 0
        for one, row in joined(due, rows):
            is_failed = row.status == "failed" and n_reasons < MOST_REASONS
            n_reasons += is_failed
            reason = await self._reason(row) if is_failed else ""
            learnt.append((fate_of(one, row, reason, now), one.lane))
        await self._desk.learn(learnt)
        self._asked_at = now

    async def _due(self, now: float) -> list[Sent]:
        found: list[Sent] = []
        for after_at, until_at in plan.slots(self._asked_at, now):
            found += await self._desk.store.unresolved(
                after_at, until_at, lanes=self._lanes, limit=MOST_OPEN - len(found)
            )
        return found

    async def _reason(self, row: TraceRow) -> str:
        """The reason is worth a call, but a failure is news without it."""
        try:
            return await self._traces.reason(row)
        except AskLater as later:
            _LOG.info("fates.waits what=%r reason=%s", self.name, later.why)
            return ""


class ReportWatch:
    """The non-delivery reports in one mailbox."""

    round_s = REPORT_ROUND_S

    def __init__(self, desk: Desk, reports: Reports) -> None:
        self.name = f"reports in {reports.mailbox}"
        self._desk, self._reports = desk, reports
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def look(self) -> None:
        """See Watch. How far it has read is remembered by the store."""
        now = self._desk.clock.now()
        read_at = await self._desk.store.reports_read(self._reports.mailbox)
        items = await self._reports.since(max(read_at - OVERLAP_S, now - plan.OLDEST_S))
        fresh = [item for item in items if item.id not in self._seen]
        for start in range(0, len(fresh), REPORTS):
            await self._read(fresh[start : start + REPORTS], now)

    async def _read(self, items: Sequence[ReportItem], now: float) -> None:
        """Some reports, oldest first; they are done with when all of them are learnt."""
        mailbox, store = self._reports.mailbox, self._desk.store
        read = [(item, read_ndr(await self._reports.content(item))) for item in items]
        names = frozenset(ndr.message_id for _, ndr in read if ndr is not None and ndr.message_id)
        views = await store.search(Search(names, since_at=now - ACCEPTED_S, limit=MOST_OPEN)) if names else []
        for item, ndr in read:
            own = [view for view in views if ndr is not None and is_about(ndr, view)]
            if ndr is not None:
                fates = fates_of(ndr, own, item.received_at)
                _LOG.info(
                    "report.read mailbox=%s about=%r recipients=%d ours=%d",
                    mailbox, ndr.message_id, len(ndr.recipients), len(fates),
                )  # fmt: skip
                await self._desk.learn(fates)
            self._seen[item.id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        await store.note_reports_read(mailbox, items[-1].received_at)
