"""Message traces as Graph gives them: windows, pages, names and reasons."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.graph_answers import Answers, page, refusal
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.tracing.asking import AskLater
from relay365.routes.tracing.traces import MOST_CALLS, TraceReader, TraceRow, instant_of

NOW = 1_764_064_800.0  # 2025-11-25T10:00:00Z
GIVEN = {
    "id": "7a1e", "senderAddress": "scan@contoso.com", "recipientAddress": "Lena@fabrikam.com",
    "messageId": "<1@device.test>", "receivedDateTime": "2025-11-25T09:58:00.1234567Z", "subject": "Scan",
    "size": 4711, "fromIP": "192.0.2.1", "toIP": "", "status": "failed",
}  # fmt: skip
ROW = TraceRow(
    "7a1e", "<1@device.test>", "scan@contoso.com", "Lena@fabrikam.com", NOW - 120 + 0.123456, "failed"
)


def reader(*answers: Any) -> tuple[TraceReader, Answers, FakeClock]:
    graph, clock = Answers(*answers), FakeClock(NOW)
    return TraceReader(graph, clock), graph, clock


def test_a_window_is_asked_for_in_bulk_and_every_page_is_read() -> None:
    """receivedDateTime ge and le, 5,000 rows a call, nextLink followed as it is given; `recalled` is asked for."""
    link = "https://graph.test/v1.0/next?$skiptoken=x"
    traces, graph, _ = reader(
        page(GIVEN, next_link=link), page({**GIVEN, "id": "8b2f", "status": "delivered"})
    )
    rows = asyncio.run(traces.between(NOW - 600, NOW))

    assert [("7a1e", "failed"), ("8b2f", "delivered")] == [(row.id, row.status) for row in rows]
    assert ROW == rows[0]
    assert {
        "$top": "5000",
        "$filter": "receivedDateTime ge 2025-11-25T09:50:00Z and receivedDateTime le 2025-11-25T10:00:00Z",
    } == graph.options(0)
    assert graph.asked[0].startswith("/v1.0/admin/exchange/tracing/messageTraces?")
    assert link == graph.asked[1]
    assert {"Prefer": "include-unknown-enum-members"} == graph.headers[0]


def test_a_window_keeps_to_what_microsoft_allows() -> None:
    """At most ten days long and not older than ninety, cut at its old end."""
    traces, graph, _ = reader(page())
    asyncio.run(traces.between(NOW - 40 * 86_400, NOW))
    asyncio.run(traces.between(NOW - 95 * 86_400, NOW - 89 * 86_400))

    assert (
        "receivedDateTime ge 2025-11-15T10:00:01Z and receivedDateTime le 2025-11-25T10:00:00Z"
        == graph.options(0)["$filter"]
    )
    assert graph.options(1)["$filter"].startswith("receivedDateTime ge 2025-08-27T10:01:00Z and")


def test_one_message_is_asked_for_by_its_name() -> None:
    """A quote in a Message-ID cannot leave the string."""
    traces, graph, _ = reader(page())

    assert [] == asyncio.run(traces.named("<o'x@device.test>", NOW - 600, NOW))
    assert graph.options()["$filter"].startswith("messageId eq '<o''x@device.test>' and receivedDateTime ge ")


def test_what_cannot_be_used_is_left() -> None:
    """A row without a name, a recipient or an instant; a value that is no list; a page that is no JSON."""
    bad = [{**GIVEN, key: None} for key in ("messageId", "recipientAddress", "receivedDateTime")]
    traces, _, _ = reader(
        page(*bad, {**GIVEN, "messageId": "1@device.test"}),
        GraphAnswer(200, {}, b'{"value": 3}'),
        GraphAnswer(200, {}, b"<html>"),
    )
    got = [asyncio.run(traces.between(NOW - 600, NOW)) for _ in range(3)]

    assert [[ROW], [], []] == got


def test_a_reason_is_that_of_the_last_failure() -> None:
    """On one line; nothing where the trace has none."""
    events = (
        {"event": "Receive", "description": "received"},
        {"event": "Fail", "description": "Reason: [{LED=550 5.1.10\r\n RESOLVER.ADR.RecipientNotFound}]"},
        {"event": "Defer", "description": "later"},
    )
    traces, graph, _ = reader(page(*events), page())

    assert "Reason: [{LED=550 5.1.10 RESOLVER.ADR.RecipientNotFound}]" == asyncio.run(traces.reason(ROW))
    assert "" == asyncio.run(traces.reason(ROW))
    assert (
        "/v1.0/admin/exchange/tracing/messageTraces/7a1e/microsoft.graph.getDetailsByRecipient(recipientAddress='Lena@fabrikam.com')"
        == graph.asked[0]
    )


def test_no_more_calls_are_made_than_our_share() -> None:
    """Forty in five minutes, then it says when; a refusal counts, too."""
    traces, graph, clock = reader(page())

    async def story() -> float:
        for _ in range(MOST_CALLS):
            await traces.between(NOW - 600, NOW)
        with pytest.raises(AskLater) as raised:
            await traces.between(NOW - 600, NOW)
        return raised.value.wait_s

    assert (300.0, MOST_CALLS) == (asyncio.run(story()), len(graph.asked))
    clock.pass_s(300)
    graph.answers = [refusal(403, "Forbidden", "no")]
    with pytest.raises(AskLater, match="403 Forbidden no"):
        asyncio.run(traces.between(NOW - 600, NOW))
    assert MOST_CALLS + 1 == len(graph.asked)


def test_an_answer_that_was_cut_is_not_taken_for_all() -> None:
    """Half a page would look like mail that Exchange does not know."""
    traces, _, _ = reader(GraphAnswer(200, {}, b'{"value": [', True))

    with pytest.raises(AskLater, match="too long"):
        asyncio.run(traces.between(NOW - 600, NOW))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-11-25T10:00:00Z", NOW),
        ("2025-11-25T10:00:00.1234567Z", NOW + 0.123456),
        ("2025-11-25T11:00:00+01:00", NOW),
        ("2025-11-25T10:00:00", NOW),
        ("yesterday", None),
        ("", None),
    ],
)
def test_instants_are_read_as_graph_writes_them(text: str, at: float | None) -> None:
    """With seven decimals, with an offset, without one; what is none is None."""
    assert at == instant_of(text)
