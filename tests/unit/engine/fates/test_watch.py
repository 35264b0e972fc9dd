"""Watches learn what became of mail, once, and change nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.afterwards import FakeReports, FakeTraces, ndr
from relay365.engine.fates.watch import ReportWatch, TraceWatch
from relay365.routes.tracing.asking import AskLater

NO_SUCH_USER = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
TERRL = "550 5.7.233 Your message can't be sent: your tenant exceeded its daily limit for external recipients"


def test_one_window_tells_all(house: Any) -> None:
    """Two minutes after the 250 one question for all; what is resolved is never asked for again, what is not, later."""
    traces = FakeTraces()
    watch = TraceWatch(house.desk, traces, ["way"], "contoso.com")
    traces.reasons["bob@fabrikam.com"] = NO_SUCH_USER

    async def story() -> None:
        await watch.look()
        assert [] == traces.windows
        a, b = (
            await house.sent("lena@fabrikam.com"),
            await house.sent("bob@fabrikam.com", remote_id="<theirs@x>"),
        )
        traces.rows = [
            house.row(f"<{a}@x>", "pending"),
            house.row("<theirs@x>", "failed", "bob@fabrikam.com"),
        ]
        house.clock.pass_s(119)
        await watch.look()
        assert [] == traces.windows
        house.clock.pass_s(1)
        await watch.look()
        assert 1 == len(traces.windows)
        assert ([("pending", "")], [("failed", NO_SUCH_USER)]) == (await house.fates(a), await house.fates(b))
        assert [(b, 0)] == await house.owing()
        house.clock.pass_s(60)
        await watch.look()
        assert 1 == len(traces.windows), "between its steps nobody asks"
        traces.rows = [house.row(f"<{a}@x>", "delivered", late_s=-180)]
        house.clock.pass_s(120)
        await watch.look()
        assert [("delivered", "")] == await house.fates(a)
        house.clock.pass_s(90_000)
        await watch.look()
        assert 2 == len(traces.windows)
        assert 1 == traces.n_reasons

    asyncio.run(story())


def test_only_the_lanes_that_may_ask_are_asked_for(house: Any) -> None:
    """Another route's mail goes to no trace."""
    traces = FakeTraces()
    watch = TraceWatch(house.desk, traces, ["way"], "contoso.com")

    async def story() -> None:
        await house.sent("lena@fabrikam.com", lane="other")
        house.clock.pass_s(300)
        await watch.look()

    asyncio.run(story())
    assert [] == traces.windows


def test_what_could_not_be_asked_is_asked_later(house: Any) -> None:
    """A refusal is passed on, and its steps are made up for; a failure is news also where its reason is not given."""
    traces = FakeTraces()
    watch = TraceWatch(house.desk, traces, ["way"], "contoso.com")

    async def story() -> None:
        a = await house.sent("lena@fabrikam.com")
        traces.rows = [house.row(f"<{a}@x>", "failed")]
        await watch.look()
        traces.refuses = AskLater("401", 3600.0, "create it")
        house.clock.pass_s(130)
        with pytest.raises(AskLater):
            await watch.look()
        assert [("", "")] == await house.fates(a)
        traces.refuses = None
        house.clock.pass_s(7200)
        await watch.look()
        assert [("failed", "")] == await house.fates(a)

    asyncio.run(story())


def test_a_clock_that_was_set_back_hides_nothing(house: Any) -> None:
    """After it everything open is asked for anew."""
    traces = FakeTraces()
    watch = TraceWatch(house.desk, traces, ["way"], "contoso.com")

    async def story() -> None:
        await watch.look()
        house.clock.pass_s(-50_000)
        a = await house.sent("lena@fabrikam.com")
        traces.rows = [house.row(f"<{a}@x>", "delivered")]
        house.clock.pass_s(200)
        await watch.look()
        assert [("delivered", "")] == await house.fates(a)

    asyncio.run(story())


def test_a_report_is_read_once_and_joined(house: Any) -> None:
    """Words and instant of the report; the debt; nothing of the mailbox is asked for twice, in the next life either."""
    reports = FakeReports()
    watch = ReportWatch(house.desk, reports)

    async def story() -> None:
        a = await house.sent("lena@fabrikam.com", "bob@fabrikam.com")
        at = house.clock.now() + 30
        reports.items["one"] = (at, ndr(f"<{a}@x>", ("Bob@fabrikam.com", NO_SUCH_USER)))
        house.clock.pass_s(60)
        await watch.look()
        assert [("", ""), ("failed", NO_SUCH_USER)] == await house.fates(a)
        view = await house.spool.show(a)
        assert at == view.recipients[1].fate_at
        assert [(a, 1)] == await house.owing()
        await watch.look()
        assert ["one"] == reports.fetched
        assert at == await house.spool.reports_read("scan@contoso.com")
        await ReportWatch(house.desk, reports).look()
        assert [(house.clock.now() - 172_800), at - 120, at - 120] == reports.since_at
        assert 1 == len([e for e in (await house.spool.show(a)).events if e.name == "recipient.fate"])

    asyncio.run(story())


def test_a_report_on_the_only_recipient_needs_no_address(house: Any) -> None:
    """An alias that Exchange replaced by the mailbox's own address; with two recipients nobody guesses."""
    reports = FakeReports()
    watch = ReportWatch(house.desk, reports)

    async def story() -> None:
        one, two = await house.sent("alias@fabrikam.com"), await house.sent("a@x.test", "b@x.test")
        for name, spool_id in (("one", one), ("two", two)):
            reports.items[name] = (
                house.clock.now(),
                ndr(f"<{spool_id}@x>", ("real@fabrikam.com", NO_SUCH_USER)),
            )
        await watch.look()
        assert [("failed", NO_SUCH_USER)] == await house.fates(one)
        assert [("", ""), ("", "")] == await house.fates(two)

    asyncio.run(story())


def test_what_is_about_nothing_of_ours_is_passed_over(house: Any) -> None:
    """A report on another's mail, one without a name, one that is none; all of them are done with."""
    reports = FakeReports()
    now = house.clock.now()
    reports.items = {
        "other": (now, ndr("<other@x>", ("lena@fabrikam.com", NO_SUCH_USER))),
        "nameless": (now + 1, ndr("", ("lena@fabrikam.com", NO_SUCH_USER))),
        "letter": (now + 2, b"Subject: hello\r\n\r\nhello\r\n"),
    }
    asyncio.run(ReportWatch(house.desk, reports).look())

    assert (["other", "nameless", "letter"], [], []) == (
        reports.fetched,
        house.limits,
        asyncio.run(house.owing()),
    )
    assert now + 2 == asyncio.run(house.spool.reports_read("scan@contoso.com"))


def test_a_limit_that_a_report_tells_of_shuts_the_lane(house: Any) -> None:
    """Told once, with the lane of the recipient; a wrong address shuts nothing."""
    reports = FakeReports()
    watch = ReportWatch(house.desk, reports)

    async def story() -> None:
        a, b = await house.sent("lena@fabrikam.com"), await house.sent("bob@fabrikam.com")
        reports.items["limit"] = (house.clock.now(), ndr(f"<{a}@x>", ("lena@fabrikam.com", TERRL)))
        reports.items["wrong"] = (house.clock.now(), ndr(f"<{b}@x>", ("bob@fabrikam.com", NO_SUCH_USER)))
        await watch.look()
        await ReportWatch(house.desk, reports).look()

    asyncio.run(story())
    (only,) = house.limits
    assert "way" == only[0]
