"""The promises of spool.later, kept by the reference model and by SQLite alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.spools import (
    DELIVERED,
    FAILED,
    LANE,
    START_AT,
    Life,
    MemoryLife,
    SqliteLife,
    accept,
    claim,
    live,
    new_message,
    settlement,
    states,
)
from relay365.mail.dsn import Debt
from relay365.mail.envelope import SpoolId
from relay365.spool.api import Fate, Owed
from relay365.spool.later import Later, LaterFate, Search, Sent

NO_SUCH_USER = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
LANES = frozenset({LANE})


@pytest.fixture(params=["memory", "sqlite"])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Life:
    return MemoryLife() if request.param == "memory" else SqliteLife(tmp_path)


async def sent(
    spool: Any, *to: str, fate: Fate = DELIVERED, at: float = START_AT, name: str = "<1@device.test>"
) -> SpoolId:
    """A message that went its way, at an instant."""
    spool_id = await accept(spool, replace(new_message(*to, at=at), message_id=name))
    (got,) = await claim(spool, at)
    assert [] == await spool.settle([settlement(got, fate)])
    return spool_id


async def told(spool: Any, spool_id: SpoolId, n: int = 0) -> tuple[str, float | None, str]:
    """What is known later of a recipient."""
    view = await spool.show(spool_id)
    return view.recipients[n].fate, view.recipients[n].fate_at, view.recipients[n].fate_detail


def test_a_fate_is_kept_and_the_recipient_stays_delivered(life: Life) -> None:
    """Fate, instant and words are shown, in the next life too; the history has one event; nothing else moves."""
    learnt = LaterFate(SpoolId(""), 1, Later.FAILED, START_AT + 60, NO_SUCH_USER)

    async def story(spool: Any) -> SpoolId:
        spool_id = await sent(spool, "a@x.test", "b@x.test")
        assert 1 == await spool.learn_fates([replace(learnt, spool_id=spool_id)])
        return spool_id

    spool_id = live(life, story)

    async def next_life(spool: Any) -> None:
        assert ["delivered", "delivered"] == await states(spool, spool_id)
        assert ("", None, "") == await told(spool, spool_id, 0)
        assert ("failed", START_AT + 60, NO_SUCH_USER) == await told(spool, spool_id, 1)
        view = await spool.show(spool_id)
        events = [(e.at, e.n, e.detail) for e in view.events if e.name == "recipient.fate"]
        assert [(START_AT + 60, 1, f"failed: {NO_SUCH_USER}")] == events
        assert (
            view.recipients
            == (await spool.search(Search(names=frozenset({"<1@device.test>"}))))[0].recipients
        )

    live(life, next_life)


def test_only_news_changes_what_is_known(life: Life) -> None:
    """Pending gives way; a reason is added to a failure; a known end stays but for a report that it failed."""

    async def story(spool: Any) -> None:
        spool_id = await sent(spool, "a@x.test")
        steps = (
            (Later.PENDING, "", 1, "pending"),
            (Later.PENDING, "", 0, "pending"),
            (Later.DELIVERED, "", 1, "delivered"),
            (Later.PENDING, "", 0, "delivered"),
            (Later.FAILED, "", 0, "delivered"),
            (Later.FAILED, NO_SUCH_USER, 1, "failed"),
            (Later.FAILED, "another reason", 0, "failed"),
            (Later.DELIVERED, "", 0, "failed"),
        )
        for fate, detail, n_news, word in steps:
            assert n_news == await spool.learn_fates([LaterFate(spool_id, 0, fate, START_AT, detail)])
            assert word == (await told(spool, spool_id))[0]
        assert NO_SUCH_USER == (await told(spool, spool_id))[2]
        other = await sent(spool, "b@x.test")
        assert 1 == await spool.learn_fates([LaterFate(other, 0, Later.FAILED, START_AT)])
        assert 1 == await spool.learn_fates([LaterFate(other, 0, Later.FAILED, START_AT, NO_SUCH_USER)])
        assert ("failed", START_AT, NO_SUCH_USER) == await told(spool, other)

    live(life, story)


def test_nothing_is_learnt_of_what_is_not_delivered(life: Life) -> None:
    """A recipient that waits or failed here, one that does not exist, and a message that nobody knows."""

    async def story(spool: Any) -> None:
        failed = await sent(spool, "a@x.test", fate=FAILED)
        waits = await accept(spool)
        for spool_id, n in ((failed, 0), (waits, 0), (failed, 7), (SpoolId("ZZZZZZ"), 0)):
            assert 0 == await spool.learn_fates([LaterFate(spool_id, n, Later.FAILED, START_AT, "x", True)])

    live(life, story)


def test_the_first_later_failure_makes_one_debt(life: Life) -> None:
    """The debt stands until it is forgiven, keeps the message from being pruned, and is not made again."""

    async def story(spool: Any) -> None:
        spool_id = await sent(spool, "a@x.test", "b@x.test")
        fate = LaterFate(spool_id, 1, Later.FAILED, START_AT, "", owes_report=True)
        await spool.learn_fates([fate])
        (view,) = await spool.debts(Debt.FAILURE, limit=10)
        assert [(1, "delivered", "failed")] == [(r.n, r.state.value, r.fate) for r in view.recipients]
        assert 0 == await spool.prune(START_AT + 9999)
        await spool.forgive([Owed(spool_id, 1, Debt.FAILURE)])
        assert 1 == await spool.learn_fates([replace(fate, detail=NO_SUCH_USER)])
        assert [] == await spool.debts(Debt.FAILURE, limit=10)
        assert 1 == await spool.prune(START_AT + 9999)

    live(life, story)


def test_open_fates_are_listed_by_the_time_of_their_delivery(life: Life) -> None:
    """After an instant, until another, in the named lanes only, and only while the fate may change."""

    async def story(spool: Any) -> None:
        ids = []
        for second in (10, 20, 30):
            life.clock.at = START_AT + second
            ids.append(await sent(spool, f"{second}@x.test", name=f"<{second}@device.test>"))
        life.clock.at = START_AT + 20
        await sent(spool, "f@x.test", fate=FAILED)

        async def addresses(
            after: float, until: float, lanes: frozenset[str] = LANES, limit: int = 10
        ) -> list[str]:
            found = await spool.unresolved(START_AT + after, START_AT + until, lanes=lanes, limit=limit)
            return [one.address for one in found]

        assert ["10@x.test", "20@x.test", "30@x.test"] == await addresses(0, 100)
        assert ["20@x.test"] == await addresses(10, 20)
        assert ["10@x.test"] == await addresses(0, 100, limit=1)
        assert [] == await addresses(0, 100, frozenset({"other"}))
        await spool.learn_fates([LaterFate(ids[0], 0, Later.PENDING, START_AT)])
        await spool.learn_fates([LaterFate(ids[1], 0, Later.DELIVERED, START_AT)])
        assert ["10@x.test", "30@x.test"] == await addresses(0, 100)
        (first, _) = await spool.unresolved(START_AT, START_AT + 99, lanes=LANES, limit=9)
        assert first == Sent(
            ids[0],
            0,
            "10@x.test",
            LANE,
            START_AT + 10,
            "<10@device.test>",
            "<r@x>",
            "scan@contoso.com",
            "NEVER",
            "pending",
        )

    live(life, story)


def test_messages_are_found_by_name_by_address_and_by_time(life: Life) -> None:
    """Our Message-ID and the remote's find a message once; an address in any case; the newest within the limit."""

    async def story(spool: Any) -> None:
        a = await sent(spool, "Lena@x.test", "b@x.test", name="<a@device.test>")
        b = await sent(spool, "c@x.test", name="", at=START_AT + 10)
        unnamed = await accept(spool, replace(new_message("lena@X.test", at=START_AT + 20), message_id=""))

        async def ids(**wanted: Any) -> list[SpoolId]:
            return [view.spool_id for view in await spool.search(Search(**wanted))]

        assert [a] == await ids(names=frozenset({"<a@device.test>"}))
        assert [a, b] == await ids(names=frozenset({"<r@x>"}))
        assert [] == await ids(names=frozenset({"<other@x>"}))
        assert [a, b] == await ids(names=frozenset({"<r@x>", "<a@device.test>", "<other@x>"}))
        assert [b] == await ids(names=frozenset({"<r@x>"}), since_at=START_AT + 1)
        assert [b] == await ids(names=frozenset({"<r@x>"}), to="c@x.test")
        assert [] == await ids(since_at=START_AT + 21)
        assert [a, unnamed] == await ids(to="<lena@x.test>")
        assert [unnamed] == await ids(to="lena@x.test", since_at=START_AT + 5)
        assert [b, unnamed] == await ids(since_at=START_AT + 10)
        assert [unnamed] == await ids(limit=1)
        (view,) = await spool.search(Search(to="b@x.test"))
        assert "message.accepted" == view.events[0].name

    live(life, story)


def test_an_address_is_found_in_any_case_of_any_script(life: Life) -> None:
    """Beyond ASCII, too, where the database cannot fold; a message with two such recipients is found once."""

    async def story(spool: Any) -> None:
        a = await sent(spool, "Groß@x.test", "GROSS@x.test")
        b = await sent(spool, "Ørsted@x.test", at=START_AT + 10)

        for to, wanted in (
            ("gross@x.test", [a]),
            ("GROẞ@X.TEST", [a]),
            ("øRSTED@x.test", [b]),
            ("o@x.test", []),
        ):
            assert wanted == [view.spool_id for view in await spool.search(Search(to=to))]

    live(life, story)


def test_how_far_reports_were_read_is_remembered(life: Life) -> None:
    """For each mailbox, in any case; through a restart; it never goes back."""

    async def story(spool: Any) -> None:
        assert 0.0 == await spool.reports_read("scan@contoso.com")
        await spool.note_reports_read("Scan@contoso.com", START_AT + 0.9)
        await spool.note_reports_read("scan@contoso.com", START_AT - 5)

    async def next_life(spool: Any) -> None:
        assert START_AT == await spool.reports_read("scan@contoso.com")
        assert 0.0 == await spool.reports_read("other@contoso.com")

    live(life, story, next_life)
