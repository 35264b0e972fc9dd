"""Finding non-delivery reports in a mailbox without reading what people write to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.graph_answers import Answers, page, refusal
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.tracing.asking import NO_MAIL, AskLater
from relay365.routes.tracing.reports import ReportItem, ReportReader

NOW = 1_764_064_800.0  # 2025-11-25T10:00:00Z
EXCHANGE = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@contoso.com"


def item(id_: str, author: str | None, at: str = "2025-11-25T09:59:00Z") -> dict[str, Any]:
    from_ = {"emailAddress": {"name": "x", "address": author}} if author is not None else None
    return {"id": id_, "receivedDateTime": at, "from": from_}


def test_only_a_postmasters_mail_is_listed() -> None:
    """Exchange's own, a postmaster's, a mailer-daemon's, and what has no author; the oldest first, over all pages."""
    first = page(
        item("person", "lena@fabrikam.com"), item("late", EXCHANGE, "2025-11-25T09:59:59Z"), item("none", None),
        next_link="https://graph.test/next",
    )  # fmt: skip
    graph = Answers(
        first, page(item("foreign", "MAILER-DAEMON@x.test", "2025-11-25T09:00:00Z"), {"id": "x"}, "no item")
    )  # type: ignore[arg-type]
    got = asyncio.run(ReportReader(graph, "scan@contoso.com", FakeClock(NOW)).since(NOW - 3600))

    assert [("foreign", NOW - 3600), ("none", NOW - 60), ("late", NOW - 1)] == [
        (one.id, one.received_at) for one in got
    ]
    assert graph.asked[0].startswith("/v1.0/users/scan@contoso.com/mailFolders/inbox/messages?")
    assert {
        "$select": "id,receivedDateTime,from", "$filter": "receivedDateTime ge 2025-11-25T09:00:00Z",
        "$orderby": "receivedDateTime", "$top": "100",
    } == graph.options(0)  # fmt: skip
    assert "https://graph.test/next" == graph.asked[1]


def test_a_report_comes_as_it_is() -> None:
    """The MIME of one item; an id with a slash stays one part of the path."""
    graph = Answers(GraphAnswer(200, {}, b"MIME-Version: 1.0\r\n"))
    reader = ReportReader(graph, "scan@contoso.com", FakeClock(NOW))

    assert b"MIME-Version: 1.0\r\n" == asyncio.run(reader.content(ReportItem("AA==", NOW)))
    assert ["/v1.0/users/scan@contoso.com/messages/AA==/$value"] == graph.asked


def test_a_mailbox_that_may_not_be_read_says_what_to_grant() -> None:
    """403 is a person's turn."""
    reader = ReportReader(
        Answers(refusal(403, "ErrorAccessDenied", "no")), "scan@contoso.com", FakeClock(NOW)
    )

    with pytest.raises(AskLater) as raised:
        asyncio.run(reader.since(0.0))
    assert (NO_MAIL, 3600.0) == (raised.value.do, raised.value.wait_s)
