"""TraceReader: message traces of a tenant, by time window in bulk, by name, and the reason of a failure.

Apart from the watch that asks, which knows the queue: this knows Graph. One window costs a call for 5,000 recipients;
the tenant has 100 calls in five minutes for everybody, of which we take 40 at most.
(Microsoft Graph: "List messageTraces", "exchangeMessageTrace", "getDetailsByRecipient", read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from relay365.clock import Clock
from relay365.routes.tracing.asking import NO_TRACE, AskLater, Asks, Calls, ask, literal, query

TRACES = "/v1.0/admin/exchange/tracing/messageTraces"
ROWS_PER_CALL = 5000
ANSWER_OCTETS = 8 * 1024 * 1024  # of one call: a row has 300 to 700 octets
MOST_CALLS, SPAN_S = 40, 300.0
MOST_PAGES = 20  # of one window
LONGEST_WINDOW_S = 10 * 86_400.0
OLDEST_S = 90 * 86_400.0
_UNKNOWN_MEMBERS = "include-unknown-enum-members"  # without it `recalled` comes as unknownFutureValue
_WORDS = 1000
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One recipient of one message. status is Microsoft's own word; message_id has its angle brackets."""

    id: str
    message_id: str
    sender: str
    recipient: str
    received_at: float
    status: str


class TraceReader:
    """The traces of one tenant. Its client must take answers of ANSWER_OCTETS."""

    def __init__(self, client: Asks, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._calls = Calls(MOST_CALLS, SPAN_S)

    async def between(self, from_at: float, until_at: float) -> list[TraceRow]:
        """All rows of messages that Exchange received in a window, at most ten days long. Raises AskLater."""
        return await self._rows(_window(from_at, until_at, self._clock.now()))

    async def named(self, message_id: str, from_at: float, until_at: float) -> list[TraceRow]:
        """The rows of one message, by the Message-ID with its angle brackets. Raises AskLater."""
        wanted = f"messageId eq {literal(message_id)}"
        return await self._rows(f"{wanted} and {_window(from_at, until_at, self._clock.now())}")

    async def reason(self, row: TraceRow) -> str:
        """Why a recipient failed, on one line; "" where the trace does not say. Raises AskLater."""
        whom = quote(literal(row.recipient), safe="'@")
        path = f"{TRACES}/{quote(row.id, safe='')}/microsoft.graph.getDetailsByRecipient(recipientAddress={whom})"
        answer = await self._ask(path)
        failures = [one for one in _objects(answer) if str(one.get("event", "")).lower() == "fail"]
        words = [
            _BLANKS.sub(" ", str(one.get("description") or one.get("data") or "")).strip() for one in failures
        ]
        return next((text[:_WORDS] for text in reversed(words) if text), "")

    async def _rows(self, wanted: str) -> list[TraceRow]:
        rows: list[TraceRow] = []
        page = query(TRACES, top=str(ROWS_PER_CALL), filter=wanted)
        for _ in range(MOST_PAGES):
            answer = await self._ask(page)
            rows += [row for row in map(_row, _objects(answer)) if row is not None]
            page = str(answer.get("@odata.nextLink", ""))
            if not page:
                break
        return rows

    async def _ask(self, page: str) -> dict[str, Any]:
        self._calls.take(self._clock.mono())
        answer = await ask(self._client, page, self._clock.now(), do=NO_TRACE, prefer=_UNKNOWN_MEMBERS)
        if answer.is_cut:
            raise AskLater("an answer of the trace was too long", SPAN_S)
        return answer.json()


def _window(from_at: float, until_at: float, now: float) -> str:
    """The filter of a window; what is longer or older than Microsoft allows is cut at its old end."""
    earliest = max(from_at, until_at - LONGEST_WINDOW_S + 1, now - OLDEST_S + 60)
    return f"receivedDateTime ge {_instant(earliest)} and receivedDateTime le {_instant(max(until_at, earliest))}"


def _instant(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _objects(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found = answer.get("value")
    return (one for one in found if isinstance(one, dict)) if isinstance(found, list) else iter(())


def _row(given: dict[str, Any]) -> TraceRow | None:
    """One row, or None where it says nothing that can be used."""
    words = [
        str(given.get(key) or "")
        for key in ("id", "messageId", "senderAddress", "recipientAddress", "status")
    ]
    at = instant_of(str(given.get("receivedDateTime") or ""))
    if at is None or not words[1] or not words[3]:
        return None
    name = words[1] if words[1].startswith("<") else f"<{words[1]}>"
    return TraceRow(words[0], name, words[2], words[3], at, words[4])


def instant_of(text: str) -> float | None:
    """Epoch seconds of an instant as Graph writes it, with up to seven decimals; None where it is none."""
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", text.strip()))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
