"""Microsoft after its 250: traces and reports as a test sets them, and what was asked."""

from __future__ import annotations

from relay365.routes.tracing.asking import AskLater
from relay365.routes.tracing.reports import ReportItem
from relay365.routes.tracing.traces import TraceRow


class FakeTraces:
    """Keeps the promises of engine.fates.watch.Traces and engine.fates.again.Named."""

    def __init__(self) -> None:
        self.rows: list[TraceRow] = []
        self.reasons: dict[str, str] = {}
        self.refuses: AskLater | None = None
        self.windows: list[tuple[float, float]] = []
        self.n_reasons = 0

    async def between(self, from_at: float, until_at: float) -> list[TraceRow]:
        self.windows.append((from_at, until_at))
        if self.refuses is not None:
            raise self.refuses
        return [row for row in self.rows if from_at <= row.received_at <= until_at]

    async def named(self, message_id: str, from_at: float, until_at: float) -> list[TraceRow]:
        return [row for row in await self.between(from_at, until_at) if row.message_id == message_id]

    async def reason(self, row: TraceRow) -> str:
        self.n_reasons += 1
        if row.recipient not in self.reasons:
            raise AskLater("404", 3600.0, "look")
        return self.reasons[row.recipient]


class FakeReports:
    """Keeps the promise of engine.fates.watch.Reports."""

    def __init__(self, mailbox: str = "scan@contoso.com") -> None:
        self.mailbox = mailbox
        self.items: dict[str, tuple[float, bytes]] = {}
        self.since_at: list[float] = []
        self.fetched: list[str] = []

    async def since(self, at: float) -> list[ReportItem]:
        self.since_at.append(at)
        found = [
            ReportItem(name, received_at)
            for name, (received_at, _) in self.items.items()
            if received_at >= at
        ]
        return sorted(found, key=lambda item: item.received_at)

    async def content(self, item: ReportItem) -> bytes:
        self.fetched.append(item.id)
        return self.items[item.id][1]


def ndr(message_id: str, *recipients: tuple[str, str]) -> bytes:
    """A report about a message: recipients with the remote's words."""
    groups = "".join(
        f"\r\nFinal-Recipient: rfc822;{address}\r\nAction: failed\r\nStatus: {words.split()[1]}\r\n"
        f"Diagnostic-Code: smtp;{words}\r\n"
        for address, words in recipients
    )
    text = (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;x.test\r\n{groups}\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {message_id}\r\n\r\n--b--\r\n"
    )
    return text.encode()
