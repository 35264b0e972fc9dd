"""The promises of spool.api, kept by the reference model and by SQLite alike."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from contract.spools import (
    DEFERRED,
    DELIVERED,
    FACTS,
    FAILED,
    HELD,
    LANE,
    LEASE_S,
    LIFE_S,
    START_AT,
    UNCERTAIN,
    UNTOUCHED,
    Life,
    MemoryLife,
    SqliteLife,
    accept,
    claim,
    events,
    everything,
    fill,
    live,
    new_message,
    octets_of,
    read,
    settlement,
    states,
)
from fakes.claims import claim_due
from relay365.errors import SpoolUnavailable
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
from relay365.mail.outcome import Kind, Outcome
from relay365.spool.api import MOST_NOTES, Fate, Hold, LaneNote, NewMessage, Owed, Selection, Spool, State
from relay365.spool.ids import spool_id_of
from relay365.spool.intake import INLINE_OCTETS, STREAM_OCTETS
from relay365.spool.waiting.heads import Behind, Flow, manner_of
from relay365.spool.waiting.usage import SLICE_S, ClientUse, OctetUse, Usage

SIZES = (0, 1, INLINE_OCTETS, INLINE_OCTETS + 1, STREAM_OCTETS, STREAM_OCTETS + 1, 3 * STREAM_OCTETS + 17)
"""Empty, inline and its border, shared segment and its border, a segment of its own."""

DAY_S = 86_400.0


@pytest.fixture(params=["memory", "sqlite"])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Life:
    return MemoryLife() if request.param == "memory" else SqliteLife(tmp_path)


def test_what_was_committed_is_claimed_as_it_was_given(life: Life) -> None:
    """Envelope, trace, facts and content of a claim are those of the commit."""
    given = new_message("a@x.test", "b@x.test")

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, given, b"Subject: x\r\n\r\n\xff\x00\r\n")
        (got,) = await claim(spool)
        assert (spool_id, LANE, given.envelope) == (got.spool_id, got.lane, got.envelope)
        assert (given.trace, given.message_id, given.header_from) == (
            got.trace,
            got.message_id,
            got.header_from,
        )
        assert (FACTS, START_AT, START_AT + LIFE_S) == (got.submitter, got.accepted_at, got.expires_at)
        assert START_AT + LEASE_S == got.lease_until_at
        assert [(0, 0, False), (1, 0, False)] == [
            (r.n, r.attempts, r.possible_duplicate) for r in got.recipients
        ]
        assert b"Subject: x\r\n\r\n\xff\x00\r\n" == await read(got)

    live(life, story)


@pytest.mark.parametrize("size", SIZES)
def test_mail_can_be_claimed_in_the_commit_that_accepts_it(life: Life, size: int) -> None:
    """The claim is as claim() would give it; nobody else gets the message; its lease settles it, and lapses."""
    given = replace(new_message("a@x.test", "b@x.test"), claim_until_at=START_AT + LEASE_S)

    async def story(spool: Spool) -> None:
        intake = spool.begin()
        await fill(intake, octets_of(size))
        got = await intake.commit(given)
        assert got is not None
        assert ["claimed"] * 2 == await states(spool, intake.spool_id)
        assert [] == await claim(spool)
        assert [(-1, "message.accepted"), (-1, "message.claimed")] == await events(spool, intake.spool_id)
        assert (intake.spool_id, LANE, given.envelope) == (got.spool_id, got.lane, got.envelope)
        assert [(0, 0, False), (1, 0, False)] == [
            (one.n, one.attempts, one.possible_duplicate) for one in got.recipients
        ]
        assert octets_of(size) == await read(got)
        assert [] == await spool.settle([settlement(got, DELIVERED)])
        assert ["delivered"] * 2 == await states(spool, intake.spool_id)

    async def story_of_a_lapse(spool: Spool) -> None:
        intake = spool.begin()
        got = await intake.commit(given)
        assert got is not None
        assert 2 == await spool.lapse(START_AT + LEASE_S)
        assert [intake.spool_id] == await spool.settle([settlement(got, DELIVERED)])
        (again,) = await claim(spool, START_AT + LEASE_S + 1)
        assert all(recipient.possible_duplicate for recipient in again.recipients)

    live(life, story)
    live(life, story_of_a_lapse)


def test_an_abandoned_content_leaves_nothing(life: Life) -> None:
    """RSET, a hang-up or a refusal: no message, whatever the size; abandoning a committed one changes nothing."""

    async def story(spool: Spool) -> None:
        for size in SIZES:
            intake = spool.begin()
            await fill(intake, octets_of(size))
            intake.abandon()
            intake.abandon()
        assert [] == await everything(spool)
        intake = spool.begin()
        await intake.commit(new_message())
        intake.abandon()
        assert [intake.spool_id] == [view.spool_id for view in await everything(spool)]

    live(life, story)


@pytest.mark.parametrize("size", SIZES)
def test_contents_of_every_size_come_back_whole(life: Life, size: int) -> None:
    """Inline, in a shared segment, in one of its own: in the first life after a deferral, and in the next life."""
    octets = octets_of(size)

    async def first(spool: Spool) -> None:
        intake = spool.begin()
        await fill(intake, octets)
        assert size == intake.size_octets
        await intake.commit(new_message())
        (got,) = await claim(spool)
        assert size == got.content.size_octets
        assert octets == await read(got)
        assert [] == await spool.settle([settlement(got, DEFERRED)])
        (again,) = await claim(spool, START_AT + 60)
        assert octets == await read(again)
        kept = await spool.content(got.spool_id)
        assert kept is not None
        assert octets == b"".join([block async for block in kept.blocks()])

    async def second(spool: Spool) -> None:
        (got,) = await claim(spool)
        assert octets == await read(got)

    live(life, first, second)


def test_many_contents_share_a_segment(life: Life) -> None:
    """Contents beside each other in one segment are not mixed up, and end one by one."""
    contents = [octets_of(INLINE_OCTETS + 1 + 100 * n, seed=n) for n in range(6)]

    async def story(spool: Spool) -> None:
        for octets in contents:
            await accept(spool, octets=octets)
        claims = await claim(spool)
        await spool.settle([settlement(c, DEFERRED if n % 2 else DELIVERED) for n, c in enumerate(claims)])
        left = await claim(spool, START_AT + 60)
        assert contents[1::2] == [await read(c) for c in left]

    live(life, story)


def test_a_content_is_kept_until_all_are_delivered(life: Life) -> None:
    """Delivered to one of two: kept. Failed for one: kept as a dead letter. Delivered to all: gone."""

    async def story(spool: Spool) -> None:
        for octets in (b"small", octets_of(INLINE_OCTETS + 1), octets_of(STREAM_OCTETS + 1)):
            spool_id = await accept(spool, new_message("a@x.test", "b@x.test"), octets)
            dead_id = await accept(spool, new_message("a@x.test", "b@x.test"), octets)
            both, dead = await claim(spool)
            await spool.settle([settlement(both, DELIVERED, UNTOUCHED), settlement(dead, FAILED, DELIVERED)])
            assert await spool.content(spool_id) is not None
            (rest,) = await claim(spool)
            await spool.settle([settlement(rest, DELIVERED)])
            assert await spool.content(spool_id) is None
            kept = await spool.content(dead_id)
            assert kept is not None
            assert octets == b"".join([block async for block in kept.blocks()])
        assert await spool.content(SpoolId("NOSUCH")) is None

    live(life, story)


# -- claims ---------------------------------------------------------------------------------------------


def test_claims_come_in_the_order_in_which_they_are_due(life: Life) -> None:
    """The oldest instant first, then the oldest message; what is not due yet stays, and so does another lane."""

    async def story(spool: Spool) -> None:
        third = await accept(spool, new_message(at=START_AT + 2))
        first = await accept(spool)
        second = await accept(spool)
        await accept(spool, new_message(at=START_AT + 3))
        await accept(spool, new_message(lane="other"))
        assert [first, second, third] == [c.spool_id for c in await claim(spool, START_AT + 2)]
        assert [] == await claim(spool, START_AT + 2)

    live(life, story)


def test_a_claim_counts_messages_not_recipients(life: Life) -> None:
    """A limit of two gives two messages with all their due recipients."""

    async def story(spool: Spool) -> None:
        for _ in range(3):
            await accept(spool, new_message("a@x.test", "b@x.test", "c@x.test"))
        claims = await claim(spool, limit=2)
        assert [3, 3] == [len(c.recipients) for c in claims]
        assert 1 == len(await claim(spool))
        assert 2 == len({c.lease for c in claims})

    live(life, story)


def test_only_the_due_recipients_of_a_message_are_claimed(life: Life) -> None:
    """One recipient is deferred, the other is due: the claim has one, with its place and its path."""

    async def story(spool: Spool) -> None:
        await accept(spool, new_message("a@x.test", "b@x.test"))
        (both,) = await claim(spool)
        await spool.settle([settlement(both, DEFERRED, UNTOUCHED)])
        (got,) = await claim(spool)
        assert [1] == [r.n for r in got.recipients]
        assert (ForwardPath("b@x.test", "NEVER", "rfc822;b@x.test"),) == got.envelope.forward_paths

    live(life, story)


def test_due_tells_the_next_instant_of_each_lane(life: Life) -> None:
    """The earliest queued recipient of each lane; claimed, held and ended ones do not count."""

    async def story(spool: Spool) -> None:
        await accept(spool, new_message(at=START_AT + 9))
        await accept(spool, new_message(at=START_AT + 5))
        await accept(spool, new_message(lane="other"))
        held = await accept(spool, new_message(lane="third"))
        await spool.hold(Selection((held,)), "by hand")
        assert {LANE: START_AT + 5, "other": START_AT} == dict(await spool.due())
        await claim(spool, lane="other")
        assert {LANE: START_AT + 5} == dict(await spool.due())

    live(life, story)


# -- leases ---------------------------------------------------------------------------------------------


def test_a_settle_with_a_lost_lease_changes_nothing(life: Life) -> None:
    """The lease lapsed, another worker has claimed: the first one's settle is lost, wholly; the second one's counts."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test"))
        (late,) = await claim(spool)
        assert 2 == await spool.lapse(START_AT + LEASE_S)
        (now,) = await claim(spool, START_AT + LEASE_S)
        before = await spool.show(spool_id)
        assert [spool_id] == await spool.settle([settlement(late, DELIVERED)])
        assert before == await spool.show(spool_id)
        assert [] == await spool.settle([settlement(now, DELIVERED)])
        assert [spool_id] == await spool.settle([settlement(now, FAILED)])
        assert ["delivered", "delivered"] == await states(spool, spool_id)

    live(life, story)


def test_a_settlement_is_all_or_nothing(life: Life) -> None:
    """One fate too many, or one twice, and none of the claim's fates is written; other claims are not touched by it."""

    async def story(spool: Spool) -> None:
        first = await accept(spool, new_message("a@x.test", "b@x.test"))
        second = await accept(spool)
        claims = await claim(spool)
        good = [settlement(c, DELIVERED) for c in claims]
        fates = good[0].fates
        twice = replace(good[0], fates=(*fates, fates[0]))
        stranger = replace(good[0], fates=(*fates, replace(fates[0], n=7)))
        unknown = replace(good[0], spool_id=SpoolId("ZZZZZZ"))
        lost = await spool.settle([twice, good[1], stranger, unknown])
        assert [first, first, "ZZZZZZ"] == lost
        assert ["claimed", "claimed"] == await states(spool, first)
        assert ["delivered"] == await states(spool, second)

    live(life, story)


def test_a_lapsed_claim_is_uncertain(life: Life) -> None:
    """Nobody knows what the remote has: due at once, counted, marked as a possible duplicate."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool)
        await claim(spool)
        assert 0 == await spool.lapse(START_AT + LEASE_S - 1)
        assert 1 == await spool.lapse(START_AT + LEASE_S)
        view = await spool.show(spool_id)
        assert view is not None
        (r,) = view.recipients
        assert (State.QUEUED, 1, True, START_AT) == (
            r.state,
            r.attempts,
            r.possible_duplicate,
            r.next_attempt_at,
        )
        (again,) = await claim(spool)
        assert again.recipients[0].possible_duplicate

    live(life, story)


def test_a_start_tells_what_was_on_its_way(life: Life) -> None:
    """Messages by lane, each once, whatever its recipients; none after a life that ended in order."""

    async def first(spool: Spool) -> None:
        await accept(spool, new_message("a@x.test", "b@x.test"))
        await accept(spool, new_message("c@x.test", lane="other"))
        await accept(spool, new_message("d@x.test"))
        assert {} == dict(spool.lapsed())
        assert 1 == len(await claim(spool, limit=1))
        assert 1 == len(await claim(spool, lane="other"))

    async def second(spool: Spool) -> None:
        assert {LANE: 1, "other": 1} == dict(spool.lapsed())

    async def third(spool: Spool) -> None:
        assert {} == dict(spool.lapsed())

    live(life, first, second, third)


def test_a_renewed_lease_does_not_lapse(life: Life) -> None:
    """Only leases that are still ours are prolonged."""

    async def story(spool: Spool) -> None:
        await accept(spool)
        (ours,) = await claim(spool)
        await spool.renew([ours], lease_until_at=START_AT + 500)
        assert 0 == await spool.lapse(START_AT + LEASE_S)
        assert 1 == await spool.lapse(START_AT + 500)
        await claim(spool, START_AT + 500)
        await spool.renew([ours], lease_until_at=START_AT + 9999)
        assert 1 == await spool.lapse(START_AT + 500 + LEASE_S)

    live(life, story)


def test_the_next_life_returns_every_claim(life: Life) -> None:
    """What was claimed when the last life ended is queued and uncertain; an old lease is worth nothing."""
    old = []

    async def first(spool: Spool) -> None:
        await accept(spool)
        old.extend(await claim(spool))

    async def second(spool: Spool) -> None:
        (view,) = await everything(spool)
        assert [(State.QUEUED, True)] == [(r.state, r.possible_duplicate) for r in view.recipients]
        assert [view.spool_id] == await spool.settle([settlement(old[0], DELIVERED)])
        (new,) = await claim(spool)
        assert [view.spool_id] == await spool.settle([settlement(old[0], DELIVERED)])
        assert [] == await spool.settle([settlement(new, DELIVERED)])

    live(life, first, second)


def test_a_clock_that_was_set_back_leaves_nothing_waiting_for_weeks(life: Life) -> None:
    """What is due later than any pause can be is due at the next start, and at the next look in a run; an ordinary
    pause is kept.
    """

    async def first(spool: Spool) -> None:
        await accept(spool)
        await accept(spool)
        far, near = await claim(spool)
        await spool.settle([settlement(far, replace(DEFERRED, next_attempt_at=START_AT + 30 * 86_400.0))])
        await spool.settle([settlement(near, replace(DEFERRED, next_attempt_at=START_AT + 3_600.0))])

    async def second(spool: Spool) -> None:
        (far,) = await claim(spool, START_AT)
        await spool.settle([settlement(far, replace(DEFERRED, next_attempt_at=START_AT + 30 * 86_400.0))])
        assert [] == await claim(spool, START_AT)
        assert 0 == await spool.lapse(START_AT)
        assert 1 == len(await claim(spool, START_AT))
        assert 1 == len(await claim(spool, START_AT + 3_600.0))

    live(life, first, second)


# -- fates ----------------------------------------------------------------------------------------------


def test_each_recipient_has_its_own_fate(life: Life) -> None:
    """One claim, five recipients, five fates; each view says what the remote said to it."""
    life.clock.at = START_AT + 7

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message(*(f"{name}@x.test" for name in "abcde")))
        (got,) = await claim(spool)
        expired = Fate(0, State.EXPIRED, None, counted=False, owes=Debt.FAILURE)
        await spool.settle([settlement(got, DELIVERED, FAILED, DEFERRED, HELD, expired)])
        view = await spool.show(spool_id)
        assert view is not None
        assert ["delivered", "failed", "queued", "held", "expired"] == [
            r.state.value for r in view.recipients
        ]
        assert [1, 1, 1, 1, 0] == [r.attempts for r in view.recipients]
        at = START_AT + 7
        assert [at, at, None, None, at] == [r.settled_at for r in view.recipients]
        assert [None, None, START_AT + 60, None, None] == [r.next_attempt_at for r in view.recipients]
        assert ("250 2.0.0 taken", "", "ok", "<r@x>") == _said(view.recipients[0])
        assert ("550 5.1.1 no such user", "message", "gone", "") == _said(view.recipients[1])
        assert ("", "", "", "") == _said(view.recipients[4])
        (owing,) = await spool.debts(Debt.FAILURE, limit=10)
        assert [1, 4] == [r.n for r in owing.recipients]

    live(life, story)


def _said(recipient: object) -> tuple[object, ...]:
    return tuple(getattr(recipient, name) for name in ("last_reply", "klass", "row", "remote_id"))


def test_a_possible_duplicate_is_never_cleared(life: Life) -> None:
    """Marked once, it is shown for ever, also when the next attempt is a plain delivery."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool)
        (got,) = await claim(spool)
        await spool.settle([settlement(got, UNCERTAIN)])
        (again,) = await claim(spool, START_AT + 60)
        assert again.recipients[0].possible_duplicate
        await spool.settle([settlement(again, DELIVERED)])
        view = await spool.show(spool_id)
        assert view is not None
        assert [True] == [r.possible_duplicate for r in view.recipients]
        assert [2] == [r.attempts for r in view.recipients]

    live(life, story)


def test_given_back_untouched_keeps_what_was_said(life: Life) -> None:
    """A claim that was never started: no attempt counted, the last reply still shown."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool)
        (got,) = await claim(spool)
        await spool.settle([settlement(got, DEFERRED)])
        (again,) = await claim(spool, START_AT + 60)
        await spool.settle([settlement(again, UNTOUCHED)])
        view = await spool.show(spool_id)
        assert view is not None
        assert (1, "451 4.2.1 not now", START_AT) == (
            view.recipients[0].attempts, view.recipients[0].last_reply, view.recipients[0].next_attempt_at,
        )  # fmt: skip

    live(life, story)


# -- by the clock ---------------------------------------------------------------------------------------


def test_only_queued_mail_expires(life: Life) -> None:
    """Past its time a queued recipient ends and owes a report; claimed, held and delivered ones do not expire."""

    async def story(spool: Spool) -> None:
        ids = [await accept(spool) for _ in range(3)]
        young = await accept(spool, new_message(life_s=LIFE_S + 1))
        delivered, _ = await claim(spool, limit=2)
        await spool.settle([settlement(delivered, DELIVERED)])
        await spool.hold(Selection((ids[2],)), "by hand")
        queued = await accept(spool)
        assert 0 == await spool.expire(START_AT + LIFE_S - 1)
        assert 1 == await spool.expire(START_AT + LIFE_S)
        found = [await states(spool, i) for i in (*ids, queued, young)]
        assert [["delivered"], ["claimed"], ["held"], ["expired"], ["queued"]] == found
        assert [queued] == [view.spool_id for view in await spool.debts(Debt.FAILURE, limit=10)]

    live(life, story)


def test_what_a_lane_keeps_lives_longer(life: Life) -> None:
    """Each lane for itself, also over a restart; shown while it waits; a backlog has an hour, and then it ends."""
    end_at = START_AT + 2 * DAY_S

    async def story(spool: Spool) -> None:
        for lane in ("well", "held"):
            await accept(spool, new_message(lane=lane, life_s=2 * DAY_S))
        await spool.keep({"held"}, START_AT + DAY_S)
        assert 1 == await spool.expire(end_at)
        (held,) = await spool.list(Selection(states=frozenset({State.QUEUED})))
        assert ["held"] == [r.lane for r in held.recipients]

    async def next_life(spool: Spool) -> None:
        life.clock.at = end_at + DAY_S
        await spool.keep(set(), life.clock.at)
        (held,) = await spool.list(Selection(states=frozenset({State.QUEUED})))
        assert (end_at + 2 * DAY_S, 2 * DAY_S) == (held.expires_at, held.kept_s)
        shown = await spool.show(held.spool_id)
        assert shown is not None
        assert held.expires_at == shown.expires_at
        life.clock.at = held.expires_at
        assert 0 == await spool.expire(life.clock.at - 1)
        assert 1 == await spool.expire(life.clock.at)

    live(life, story, next_life)


def test_mail_that_a_long_hold_made_old_has_an_hour_to_go(life: Life) -> None:
    """It was nearly too old when the hold began: it does not end with the hold."""

    async def story(spool: Spool) -> None:
        await accept(spool, new_message(life_s=60.0))
        await spool.keep({LANE}, START_AT + 50)
        assert 0 == await spool.expire(START_AT + DAY_S)
        await spool.keep(set(), START_AT + DAY_S)
        assert 0 == await spool.expire(START_AT + DAY_S + 3599)
        assert 1 == await spool.expire(START_AT + DAY_S + 3600)

    live(life, story)


def test_what_leaves_a_lane_takes_its_life_along(life: Life) -> None:
    """Into another road, and when its own is configured no more: the time that it was kept is not lost."""

    async def story(spool: Spool) -> None:
        ids = [await accept(spool, new_message(lane="held", life_s=2 * DAY_S)) for _ in range(2)]
        await spool.keep({"held"}, START_AT)
        life.clock.at = START_AT + DAY_S
        await spool.redirect([(ids[0], 0)], "other", now=life.clock.at, reason="it is held")
        assert 1 == await spool.move_lane("held", "new")
        assert [START_AT + 3 * DAY_S] * 2 == [view.expires_at for view in await everything(spool)]
        assert 0 == await spool.expire(START_AT + 3 * DAY_S - 1)
        assert 2 == await spool.expire(START_AT + 3 * DAY_S)

    live(life, story)


def test_a_report_pays_its_debt_in_its_own_commit(life: Life) -> None:
    """The debt of each recipient goes when the report about it is accepted, and only then; none is paid twice."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test", "c@x.test"))
        (got,) = await claim(spool)
        await spool.settle([settlement(got, FAILED)])
        report = spool.begin()
        assert [[0, 1, 2]] == [[r.n for r in v.recipients] for v in await spool.debts(Debt.FAILURE, limit=10)]
        await report.commit(
            replace(new_message(reverse_path=""), answers=(_owed(spool_id, 0), _owed(spool_id, 1)))
        )
        assert [[2]] == [[r.n for r in v.recipients] for v in await spool.debts(Debt.FAILURE, limit=10)]
        await spool.forgive([_owed(spool_id, 2), _owed(spool_id, 2), _owed(spool_id, 0)])
        assert [] == await spool.debts(Debt.FAILURE, limit=10)
        names = [event for event in await events(spool, spool_id) if event[1].startswith("report.")]
        assert [(0, "report.queued"), (1, "report.queued"), (2, "report.forgiven")] == names

    live(life, story)


def _owed(spool_id: SpoolId, n: int, debt: Debt = Debt.FAILURE) -> Owed:
    return Owed(spool_id, n, debt)


async def _owing(spool: Spool) -> dict[str, list[int]]:
    """The recipients of all debts by their kind."""
    return {
        debt.value: [r.n for view in await spool.debts(debt, limit=10) for r in view.recipients]
        for debt in (Debt.FAILURE, Debt.DELAY, Debt.SUCCESS)
    }


def test_a_debt_is_paid_by_a_report_of_its_own_kind(life: Life) -> None:
    """A report of delay that comes too late does not pay for the failure that happened meanwhile."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test", notify=""))
        assert 2 == await spool.warn(START_AT + LIFE_S)
        assert {"failure": [], "delay": [0, 1], "success": []} == await _owing(spool)
        (got,) = await claim(spool)
        await spool.settle([settlement(got, FAILED, DEFERRED)])
        await spool.forgive([_owed(spool_id, 0, Debt.DELAY), _owed(spool_id, 1, Debt.SUCCESS)])
        assert {"failure": [0], "delay": [1], "success": []} == await _owing(spool)
        (view,) = await spool.debts(Debt.FAILURE, limit=10)
        assert [Debt.FAILURE] == [r.owes for r in view.recipients]

    live(life, story)


def test_a_delay_is_told_once_and_only_where_it_is_wished(life: Life) -> None:
    """Only what is queued and old is looked at; NOTIFY without DELAY and the null path make no debt (RFC 3461 4.1)."""

    async def story(spool: Spool) -> None:
        wishes = ("", "NEVER", "FAILURE", "SUCCESS,DELAY")
        paths = tuple(ForwardPath(f"{n}@x.test", wish) for n, wish in enumerate(wishes))
        spool_id = await accept(spool, _wishing(new_message(), paths))
        held = await accept(spool)
        await spool.hold(Selection((held,)), "by hand")
        await accept(spool, new_message(reverse_path="", notify=""))
        await accept(spool, new_message(life_s=LIFE_S + 1, notify=""))
        assert 0 == await spool.warn(START_AT + LIFE_S - 1)
        assert 5 == await spool.warn(START_AT + LIFE_S)
        assert 0 == await spool.warn(START_AT + LIFE_S)
        (owing,) = await spool.debts(Debt.DELAY, limit=10)
        assert (spool_id, [0, 3]) == (owing.spool_id, [r.n for r in owing.recipients])
        await spool.forgive([_owed(spool_id, 0, Debt.DELAY), _owed(spool_id, 3, Debt.DELAY)])
        assert 0 == await spool.warn(START_AT + LIFE_S)
        await spool.release(Selection((held,)), START_AT)
        assert 1 == await spool.warn(START_AT + LIFE_S)

    live(life, story)


def _wishing(message: NewMessage, paths: tuple[ForwardPath, ...]) -> NewMessage:
    return replace(message, envelope=replace(message.envelope, forward_paths=paths))


def test_what_ends_needs_no_report_of_its_delay(life: Life) -> None:
    """Delivered, refused, expired or deleted: an unpaid report of delay is struck out; one that waits on keeps it."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message(*(f"{name}@x.test" for name in "abcd"), notify=""))
        deleted = await accept(spool, new_message(notify=""))
        assert 5 == await spool.warn(START_AT + LIFE_S)
        relayed = replace(DELIVERED, owes=Debt.SUCCESS)
        await spool.delete(Selection((deleted,)), "by hand")
        (got,) = await claim(spool)
        await spool.settle([settlement(got, DELIVERED, relayed, FAILED, DEFERRED)])
        assert {"failure": [2], "delay": [3], "success": [1]} == await _owing(spool)
        await spool.expire(START_AT + LIFE_S)
        assert {"failure": [2, 3], "delay": [], "success": [1]} == await _owing(spool)
        await spool.forgive([_owed(spool_id, 1, Debt.SUCCESS)])
        assert {"failure": [2, 3], "delay": [], "success": []} == await _owing(spool)

    live(life, story)


def test_a_debt_of_delay_outlives_the_process(life: Life) -> None:
    """It is written in the commit that looks, so a crash neither loses it nor makes a second one."""

    async def earlier(spool: Spool) -> None:
        await accept(spool, new_message(notify=""))
        await spool.warn(START_AT + LIFE_S)

    async def story(spool: Spool) -> None:
        assert {"failure": [], "delay": [0], "success": []} == await _owing(spool)
        assert 0 == await spool.warn(START_AT + LIFE_S)

    live(life, earlier, story)


def test_debts_come_oldest_first_up_to_a_limit(life: Life) -> None:
    """The keeper pays in order and in portions."""

    async def story(spool: Spool) -> None:
        ids = [await accept(spool) for _ in range(4)]
        await spool.settle([settlement(c, FAILED) for c in await claim(spool)])
        assert ids[:3] == [view.spool_id for view in await spool.debts(Debt.FAILURE, limit=3)]

    live(life, story)


def test_only_ended_messages_without_debts_are_forgotten(life: Life) -> None:
    """Prune keeps what waits, what owes, and what ended later; what it forgets is gone with its content."""

    async def story(spool: Spool) -> None:
        done, partly, owing, late, held = [
            await accept(spool, new_message("a@x.test", "b@x.test")) for _ in range(5)
        ]
        claims = await claim(spool, limit=4)
        untouched_later = replace(UNTOUCHED, next_attempt_at=START_AT + 60)
        await spool.settle(
            [settlement(claims[0], DELIVERED), settlement(claims[1], DELIVERED, untouched_later)]
        )
        await spool.settle([settlement(claims[2], DELIVERED, FAILED)])
        await spool.hold(Selection((held,)), "by hand")
        life.clock.at = START_AT + 100
        await spool.settle([settlement(claims[3], DELIVERED)])
        assert 0 == await spool.prune(START_AT)
        assert 1 == await spool.prune(START_AT + 1)
        assert [partly, owing, late, held] == [view.spool_id for view in await everything(spool)]
        assert await spool.show(done) is None
        assert 1 == await spool.prune(START_AT + 101)
        await spool.forgive([_owed(owing, 1)])
        assert 1 == await spool.prune(START_AT + 101)
        assert [partly, held] == [view.spool_id for view in await everything(spool)]

    live(life, story)


def test_more_than_one_batch_expires_and_is_forgotten(life: Life) -> None:
    """No number of messages is too large for one round of the keeper."""

    async def story(spool: Spool) -> None:
        for _ in range(260):
            await accept(spool, new_message("a@x.test", "b@x.test", "c@x.test", "d@x.test", reverse_path=""))
        assert 1040 == await spool.expire(START_AT + LIFE_S)
        debts = await spool.debts(Debt.FAILURE, limit=1000)
        await spool.forgive([_owed(view.spool_id, r.n) for view in debts for r in view.recipients])
        assert 260 == await spool.prune(START_AT + LIFE_S + 1)
        assert {} == dict(await spool.counts())

    live(life, story)


def test_an_id_is_never_given_again(life: Life) -> None:
    """Not after pruning, not in the next life: an id in a log means one message."""
    seen: list[SpoolId] = []

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool)
        assert spool_id not in seen
        seen.append(spool_id)
        await spool.settle([settlement(c, DELIVERED) for c in await claim(spool)])
        await spool.prune(START_AT + 1)

    live(life, story, story, story)


# -- lanes ----------------------------------------------------------------------------------------------


def test_waiting_mail_can_be_put_into_another_lane(life: Life) -> None:
    """Queued and held recipients move; claimed and ended ones stay where they were tried."""

    async def story(spool: Spool) -> None:
        ids = [await accept(spool) for _ in range(4)]
        first, _ = await claim(spool, limit=2)
        await spool.settle([settlement(first, DELIVERED)])
        await spool.hold(Selection((ids[2],)), "by hand")
        assert 2 == await spool.move_lane(LANE, "new")
        assert [LANE, LANE, "new", "new"] == [v.recipients[0].lane for v in await everything(spool)]
        assert [ids[3]] == [c.spool_id for c in await claim(spool, lane="new")]
        assert 0 == await spool.move_lane("new", "new")
        assert 0 == await spool.move_lane("gone", "new")

    live(life, story)


def test_a_lane_note_remembers_since_when_and_the_last_success(life: Life) -> None:
    """Trouble of one class keeps its beginning; a note of trouble keeps the last success; notes outlive the process."""

    async def first(spool: Spool) -> None:
        await spool.note_lane(LaneNote("a", last_success_at=5.0))
        await spool.note_lane(LaneNote("a", "535", "configuration", "r1", since_at=10.0))
        await spool.note_lane(
            LaneNote("a", "535 again", "configuration", "r2", since_at=20.0, gate_until_at=30.0)
        )
        await spool.note_lane(LaneNote("B", klass="rate-limit", since_at=40.0))

    async def second(spool: Spool) -> None:
        expected = [
            LaneNote("B", "", "rate-limit", "", 40.0),
            LaneNote("a", "535 again", "configuration", "r2", 10.0, 30.0, 5.0),
        ]
        assert expected == await spool.lanes()
        await spool.note_lane(LaneNote("a", last_success_at=50.0))
        assert LaneNote("a", last_success_at=50.0) == (await spool.lanes())[1]

    live(life, first, second)


# -- people ---------------------------------------------------------------------------------------------


def test_a_person_holds_releases_and_deletes(life: Life) -> None:
    """Held mail is not claimed; released it is due; deleted it has failed, owes nothing and keeps its content."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test"))
        one = Selection((spool_id,))
        assert 2 == await spool.hold(one, "wait for Anna")
        assert (0, 0) == (await spool.hold(one, "again"), await spool.retry(one, START_AT))
        assert [] == await claim(spool)
        assert 2 == await spool.release(one, START_AT + 5)
        assert 0 == await spool.release(one, START_AT + 5)
        assert {LANE: START_AT + 5} == dict(await spool.due())
        view = await spool.show(spool_id)
        assert view is not None
        assert ["wait for Anna"] * 2 == [r.last_reply for r in view.recipients]
        assert 2 == await spool.delete(one, "not wanted")
        assert ["failed", "failed"] == await states(spool, spool_id)
        assert [] == await spool.debts(Debt.FAILURE, limit=10)
        assert await spool.content(spool_id) is not None
        assert (0, 0) == (await spool.delete(one, ""), await spool.hold(one, ""))

    live(life, story)


def test_what_a_person_bounces_is_reported_where_it_is_wished(life: Life) -> None:
    """Waiting and held recipients have failed, with what the remote said behind the reason; NEVER and the null path owe
    nothing, and what is on its way stays.
    """

    async def story(spool: Spool) -> None:
        wishes = ("", "NEVER", "DELAY", "FAILURE,DELAY")
        paths = tuple(ForwardPath(f"{n}@x.test", wish) for n, wish in enumerate(wishes))
        waiting = await accept(spool, _wishing(new_message(), paths))
        (got,) = await claim(spool)
        await spool.settle([settlement(got, DEFERRED, DEFERRED, DEFERRED, DEFERRED)])
        held = await accept(spool, new_message(notify=""))
        await spool.hold(Selection((held,)), "by hand")
        null = await accept(spool, new_message(reverse_path="", notify=""))
        assert 6 == await spool.bounce(Selection((waiting, held, null)), "given up")
        assert 0 == await spool.bounce(Selection((waiting, held, null)), "again")
        assert ["failed"] * 4 == await states(spool, waiting)
        assert [(waiting, [0, 3]), (held, [0])] == [
            (view.spool_id, [r.n for r in view.recipients])
            for view in await spool.debts(Debt.FAILURE, limit=10)
        ]
        view, other = await spool.show(waiting), await spool.show(null)
        assert view is not None and other is not None
        assert "given up; before that: 451 4.2.1 not now" == view.recipients[0].last_reply
        assert "given up" == other.recipients[0].last_reply
        assert "recipient.bounced" == view.events[-1].name
        assert await spool.content(waiting) is not None

    async def claimed(spool: Spool) -> None:
        await accept(spool)
        (got,) = await claim(spool)
        assert 0 == await spool.bounce(Selection(), "x")
        assert [] == await spool.settle([settlement(got, DELIVERED)])

    live(life, story)
    live(life, claimed)


def test_a_person_hastens_what_waits(life: Life) -> None:
    """Retry makes deferred mail due now, and nothing else."""

    async def story(spool: Spool) -> None:
        await accept(spool)
        (got,) = await claim(spool)
        assert 0 == await spool.retry(Selection(), START_AT)
        await spool.settle([settlement(got, DEFERRED)])
        assert [] == await claim(spool, START_AT + 1)
        assert 1 == await spool.retry(Selection(), START_AT + 1)
        assert 1 == len(await claim(spool, START_AT + 1))

    live(life, story)


def test_every_hastening_is_counted_across_lives(life: Life) -> None:
    """Whoever waits for a reason sees that a person asked, in any process; nothing moved counts nothing."""

    async def story(spool: Spool) -> None:
        assert 0 == await spool.n_hastened()
        assert 0 == await spool.retry(Selection(), START_AT)
        assert 0 == await spool.n_hastened()
        await accept(spool, new_message())
        assert 1 == await spool.retry(Selection(), START_AT)
        assert 1 == await spool.hold(Selection(), "")
        assert 1 == await spool.n_hastened()
        assert 1 == await spool.release(Selection(), START_AT)
        assert 2 == await spool.n_hastened()

    async def later(spool: Spool) -> None:
        assert 2 == await spool.n_hastened()

    live(life, story)
    live(life, later)


def test_what_is_on_its_way_cannot_be_taken_back(life: Life) -> None:
    """Hold and delete leave a claimed recipient alone: the remote may have it already."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool)
        (got,) = await claim(spool)
        everyone = Selection()
        assert (0, 0) == (await spool.hold(everyone, "x"), await spool.delete(everyone, "x"))
        assert [] == await spool.settle([settlement(got, DELIVERED)])
        assert ["delivered"] == await states(spool, spool_id)

    live(life, story)


def test_all_means_all_that_can_be_moved(life: Life) -> None:
    """An empty selection reaches the waiting mail behind any length of history."""

    async def story(spool: Spool) -> None:
        for _ in range(5):
            await accept(spool)
        await spool.settle([settlement(c, DELIVERED) for c in await claim(spool)])
        waiting = await accept(spool)
        assert 1 == await spool.hold(Selection(limit=3), "by hand")
        assert ["held"] == await states(spool, waiting)

    live(life, story)


# -- faces ----------------------------------------------------------------------------------------------


def test_a_list_is_chosen_by_id_and_by_state(life: Life) -> None:
    """Ids in any case, states, both, neither; oldest first; cut at the limit."""

    async def story(spool: Spool) -> None:
        a, b, c, d = [await accept(spool) for _ in range(4)]
        claims = await claim(spool, limit=2)
        await spool.settle([settlement(claims[0], DELIVERED)])
        await spool.hold(Selection((d,)), "by hand")

        async def ids(*chosen: str, states: tuple[State, ...] = (), limit: int = 100) -> list[str]:
            selection = Selection(tuple(SpoolId(i) for i in chosen), frozenset(states), limit)
            return [view.spool_id for view in await spool.list(selection)]

        assert [a, b, c, d] == await ids()
        assert [a, b] == await ids(limit=2)
        assert [b, d] == await ids(d.lower(), b, "ZZZZZZ", "no id", "")
        for state, expected in (
            (State.DELIVERED, [a]),
            (State.CLAIMED, [b]),
            (State.QUEUED, [c]),
            (State.HELD, [d]),
        ):
            assert expected == await ids(states=(state,))
        assert [] == await ids(states=(State.FAILED, State.EXPIRED))
        assert [a, c] == await ids(states=(State.QUEUED, State.DELIVERED, State.HELD), limit=2)
        assert [c] == await ids(a, c, states=(State.QUEUED,))

    live(life, story)


def test_a_message_is_shown_whole(life: Life) -> None:
    """show() reads ids in any case, says all that was given, and knows no stranger."""

    async def story(spool: Spool) -> None:
        given = new_message("a@x.test", at=START_AT + 1)
        spool_id = await accept(spool, given, b"12345")
        view = await spool.show(SpoolId(f" {spool_id.lower()} "))
        assert view is not None
        assert (spool_id, START_AT + 1, START_AT + 1 + LIFE_S, 5) == (
            view.spool_id, view.accepted_at, view.expires_at, view.size_octets,
        )  # fmt: skip
        assert ("scan@contoso.com", "<1@device.test>", FACTS, "") == (
            view.reverse_path, view.message_id, view.submitter, view.damaged,
        )  # fmt: skip
        (r,) = view.recipients
        assert ("a@x.test", "NEVER", "rfc822;a@x.test", LANE) == (r.address, r.notify, r.orcpt, r.lane)
        for stranger in ("ZZZZZZ", "", "0", "ZZZZZZZZZZZZZ", "../x", "é" * 6):
            assert await spool.show(SpoolId(stranger)) is None
            assert await spool.content(SpoolId(stranger)) is None

    live(life, story)


def test_recipients_are_counted_by_state(life: Life) -> None:
    """Each recipient once; a state that none is in does not appear."""

    async def story(spool: Spool) -> None:
        assert {} == dict(await spool.counts())
        held = await accept(spool, new_message("a@x.test", "b@x.test"))
        await spool.hold(Selection((held,)), "by hand")
        for fate in (DELIVERED, FAILED, DEFERRED):
            await accept(spool, new_message("a@x.test", "b@x.test"))
            (got,) = await claim(spool)
            await spool.settle([settlement(got, fate)])
        await accept(spool)
        await claim(spool)
        expected = {State.HELD: 2, State.DELIVERED: 2, State.FAILED: 2, State.QUEUED: 2, State.CLAIMED: 1}
        assert expected == dict(await spool.counts())

    live(life, story)


def test_every_move_leaves_one_event(life: Life) -> None:
    """The history of a message names each move, in order, and for whom."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test"))
        one = Selection((spool_id,))
        await spool.hold(one, "by hand")
        await spool.release(one, START_AT)
        await spool.retry(one, START_AT)
        await spool.move_lane(LANE, "new")
        (got,) = await claim(spool, lane="new")
        await spool.settle([settlement(got, DELIVERED, UNCERTAIN)])
        (got,) = await claim(spool, START_AT + 60, lane="new")
        await spool.lapse(START_AT + 999)
        (got,) = await claim(spool, START_AT + 60, lane="new")
        await spool.settle([settlement(got, DEFERRED)])
        await spool.expire(START_AT + LIFE_S)
        await spool.forgive([_owed(spool_id, 1)])
        both = [(n, name) for name in ("held", "released", "hastened", "moved") for n in (0, 1)]
        expected = [
            (-1, "message.accepted"), *[(n, f"recipient.{name}") for n, name in both],
            (-1, "message.claimed"), (0, "recipient.delivered"), (1, "recipient.uncertain"),
            (-1, "message.claimed"), (1, "recipient.uncertain"),
            (-1, "message.claimed"), (1, "recipient.deferred"), (1, "recipient.expired"), (1, "report.forgiven"),
        ]  # fmt: skip
        assert expected == await events(spool, spool_id)

    live(life, story)


def test_the_next_life_shows_the_same(life: Life) -> None:
    """Messages, events, lanes and debts are as they were, and so is what is due."""

    async def first(spool: Spool) -> tuple[object, ...]:
        ids = [await accept(spool, new_message("a@x.test", "b@x.test"), octets_of(40_000)) for _ in range(3)]
        claims = await claim(spool, limit=2)
        await spool.settle([settlement(claims[0], DELIVERED, DEFERRED), settlement(claims[1], FAILED, HELD)])
        kept.append(await _all_of(spool, ids))
        return kept[0]

    async def second(spool: Spool) -> None:
        assert kept[0] == await _all_of(spool, [view.spool_id for view in await everything(spool)])

    kept: list[tuple[object, ...]] = []
    live(life, first, second)


async def _all_of(spool: Spool, ids: list[SpoolId]) -> tuple[object, ...]:
    shown = [await spool.show(i) for i in ids]
    return (
        shown,
        await spool.debts(Debt.FAILURE, limit=10),
        dict(await spool.due()),
        dict(await spool.counts()),
    )


def test_a_closed_spool_promises_nothing(life: Life) -> None:
    """A commit after close() is refused in words, not left hanging."""

    async def story(spool: Spool) -> None:
        intake = spool.begin()
        intake.write(b"x")
        await spool.close()
        with pytest.raises(SpoolUnavailable):
            await intake.commit(new_message())

    live(life, story)


def test_ids_are_telephone_safe_and_sort() -> None:
    """No 0 O 1 I, six letters at least, in the order of the numbers."""
    ids = [spool_id_of(n) for n in range(1, 5000, 7)]

    assert sorted(ids) == ids
    assert not set("".join(ids)) & set("0O1I")
    assert {6} == {len(i) for i in ids}


def test_a_message_can_be_accepted_as_held(life: Life) -> None:
    """Its recipients wait for a person with the rule's word and reason; a claim in the commit is not made."""
    held = Hold("oversize", "41 MB, at most 35 MB go out")
    given = replace(new_message("a@x.test", "b@x.test"), held=held, claim_until_at=START_AT + LEASE_S)

    async def story(spool: Spool) -> None:
        intake = spool.begin()
        intake.write(b"Subject: x\r\n\r\nhi\r\n")
        assert await intake.commit(given) is None
        assert [] == await claim(spool)
        view = await spool.show(intake.spool_id)
        assert view is not None
        assert [("held", *held[:2])] * 2 == [(r.state.value, r.row, r.last_reply) for r in view.recipients]
        assert [
            (-1, "message.accepted", False),
            (0, "recipient.held", True),
            (1, "recipient.held", True),
        ] == [(e.n, e.name, e.detail == held.reason) for e in view.events]
        assert 2 == await spool.release(Selection(ids=(intake.spool_id,)), START_AT)
        assert [intake.spool_id] == [one.spool_id for one in await claim(spool)]

    live(life, story)


def test_a_held_message_can_owe_a_report_from_the_beginning(life: Life) -> None:
    """Written in the same commit, one debt for each recipient; it stays when a person lets the message go on."""
    held = Hold("refused", "550 5.7.1 not here", Debt.KEPT)

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, replace(new_message("a@x.test", "b@x.test"), held=held))
        await accept(spool, replace(new_message(), held=Hold("oversize", "too large")))
        await spool.release(Selection((spool_id,)), START_AT)
        (owing,) = await spool.debts(Debt.KEPT, limit=10)
        assert (spool_id, [0, 1]) == (owing.spool_id, [r.n for r in owing.recipients])
        await spool.forgive([_owed(spool_id, 0, Debt.KEPT), _owed(spool_id, 1, Debt.KEPT)])
        assert [] == await spool.debts(Debt.KEPT, limit=10)

    live(life, story)


def test_repairs_stand_in_the_history(life: Life) -> None:
    """What was changed in a message is written with it, also for the next life."""
    given = replace(new_message(), repairs="date: added\n+ Date: x")

    async def first(spool: Spool) -> list[tuple[int, str, str]]:
        await accept(spool, given)
        return []

    async def second(spool: Spool) -> list[tuple[int, str, str]]:
        (view,) = await everything(spool)
        shown = await spool.show(view.spool_id)
        assert shown is not None
        return [(e.n, e.name, e.detail) for e in shown.events if e.name == "message.repaired"]

    assert [(-1, "message.repaired", "date: added\n+ Date: x")] == live(life, first, second)


def test_a_note_stands_in_the_history_and_only_so_often(life: Life) -> None:
    """Behind the other events of its message; a hundred of a name at most; for a message that is gone it is nothing."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test"), b"x\r\n")
        await spool.note(spool_id, "message.duplicate", "came again")
        await spool.note(spool_id_of(999), "message.duplicate", "of nothing")
        view = await spool.show(spool_id)
        assert view is not None
        assert ("message.duplicate", -1, "came again") == (
            view.events[-1].name, view.events[-1].n, view.events[-1].detail,
        )  # fmt: skip
        for _ in range(MOST_NOTES):
            await spool.note(spool_id, "message.duplicate", "again")
        await spool.note(spool_id, "another.name", "")
        view = await spool.show(spool_id)
        assert view is not None
        names = [one.name for one in view.events]
        assert (MOST_NOTES, 1) == (names.count("message.duplicate"), names.count("another.name"))
        assert None is await spool.show(spool_id_of(999))

    live(life, story)


def test_recipients_of_one_message_may_wait_in_different_lanes(life: Life) -> None:
    """Each is claimed by its own lane, and only by that."""
    given = replace(new_message("a@x.test", "b@x.test", "c@x.test"), lanes=(LANE, "other", LANE))

    async def story(spool: Spool) -> None:
        await accept(spool, given)
        (mine,) = await claim(spool)
        (others,) = await claim(spool, lane="other")
        assert [0, 2] == [one.n for one in mine.recipients]
        assert ["b@x.test"] == [path.address for path in others.envelope.forward_paths]

    live(life, story)


def test_a_claim_has_no_more_recipients_than_its_lane_may_send_at_once(life: Life) -> None:
    """The rest of the message is another claim, with a lease of its own, and both settle."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message(*(f"r{n}@x.test" for n in range(5))))
        claims = await claim_due(
            spool, LANE, limit=9, now=START_AT, lease_until_at=START_AT + LEASE_S, recipients=2
        )
        assert [[0, 1], [2, 3], [4]] == [[one.n for one in part.recipients] for part in claims]
        assert 3 == len({part.lease for part in claims})
        assert [] == await spool.settle([settlement(part, Fate(0, State.DELIVERED)) for part in claims])
        view = await spool.show(spool_id)
        assert view is not None
        assert {State.DELIVERED} == {one.state for one in view.recipients}

    live(life, story)


def test_heads_say_what_must_be_alike_in_messages_that_go_together(life: Life) -> None:
    """The content's checksum, the names in it, and how it was handed in."""

    async def story(spool: Spool) -> None:
        given = new_message("a@x.test")
        plain = replace(given, envelope=Envelope("scan@x.test", given.envelope.forward_paths))
        envelope = replace(plain.envelope, body="8BITMIME", smtputf8=True, ret="HDRS", envid="QQ314")
        named = replace(plain, envelope=envelope, message_id="<1@erp>", header_from="erp@x.test")
        for new in (plain, named):
            await accept(spool, new)
        first, second = await spool.heads(LANE, now=START_AT + 1, most=9)
        (claimed, _) = await claim(spool, limit=9)
        octets = claimed.content.octets()
        assert octets is not None
        assert [zlib.crc32(octets)] * 2 == [first.like.crc, second.like.crc]
        assert (plain.message_id, plain.header_from) == (first.like.message_id, first.like.header_from)
        assert ("<1@erp>", "erp@x.test") == (second.like.message_id, second.like.header_from)
        assert [manner_of("7BIT", "", "", smtputf8=False), "8BITMIME 1 HDRS QQ314"] == [
            first.like.manner,
            second.like.manner,
        ]

    live(life, story)


def test_heads_are_the_first_of_each_flow_with_all_that_decides_about_them(life: Life) -> None:
    """Most urgent flows first, in them oldest due first; those of other lanes and states are not; behind a place."""

    async def story(spool: Spool) -> None:
        def of(device: str, priority: str = "normal", lane: str = LANE) -> NewMessage:
            facts = replace(FACTS, device=device, priority=priority)
            return replace(new_message("a@x.test", "b@x.test", lane=lane), submitter=facts)

        letter = await accept(spool, of("mailer", "bulk"))
        scans = [await accept(spool, of("scanner")) for _ in range(3)]
        alarm = await accept(spool, of("ups", "alarm"))
        await accept(spool, of("ups", "alarm", lane="other"))
        later = START_AT + 1
        found = await spool.heads(LANE, now=later, most=2)
        assert [alarm, *scans[:2], letter] == [head.spool_id for head in found]
        assert Flow("alarm", "ups") == found[0].flow
        assert ((0, "a@x.test"), (1, "b@x.test")) == found[0].recipients
        assert ("scan@contoso.com", "ups", 18) == (
            found[0].reverse_path,
            found[0].submitter.device,
            found[0].size_octets,
        )
        alarms = await spool.heads(
            LANE, now=later, most=2, flows={Flow("alarm", "ups"), Flow("alarm", "none")}
        )
        assert [alarm] == [head.spool_id for head in alarms]
        behind = {found[1].flow: Behind(found[2].due_at, found[2].spool_id)}
        rest = await spool.heads(LANE, now=later, most=2, behind=behind)
        assert [alarm, scans[2], letter] == [head.spool_id for head in rest]
        assert [] == await spool.heads(LANE, now=START_AT - 1, most=2)
        for claimed in await claim(spool, limit=9):
            assert claimed.spool_id in {alarm, letter, *scans}
        assert [] == await spool.heads(LANE, now=later, most=9)

    live(life, story)


def test_a_claim_keeps_the_order_that_was_asked_for_and_leaves_out_what_is_gone(life: Life) -> None:
    """Neither what is on its way already nor what never was is claimed, and neither is an error."""

    async def story(spool: Spool) -> None:
        first, second, third = [await accept(spool, new_message("a@x.test")) for _ in range(3)]
        until = START_AT + LEASE_S
        (taken,) = await spool.claim(LANE, which=[second], now=START_AT, lease_until_at=until)
        which = [third, second, spool_id_of(999_999), first]
        rest = await spool.claim(LANE, which=which, now=START_AT, lease_until_at=until)
        assert [[second], [third, first]] == [[taken.spool_id], [one.spool_id for one in rest]]
        assert 3 == len({taken.lease, *(one.lease for one in rest)})

    live(life, story)


def test_usage_is_kept_by_slice_and_replaced_and_forgotten(life: Life) -> None:
    """What a later look knows better replaces what was written; the rest stays over a restart."""

    async def story(spool: Spool) -> None:
        box = "mailbox scan@contoso.com"
        rows = [Usage(box, 300.0 * n, "normal", n, 2 * n, 1) for n in range(1, 5)]
        await spool.note_usage(rows)
        await spool.note_usage([rows[3]._replace(messages=9), rows[3]._replace(priority="bulk")])
        assert [rows[2], rows[3]._replace(priority="bulk"), rows[3]._replace(messages=9)] == list(
            await spool.usage(900.0)
        )
        await spool.forget_usage(1200.0)
        assert [1200.0, 1200.0] == [row.at for row in await spool.usage(0.0)]

    live(life, story)


def test_what_was_delivered_since_an_instant_is_counted_by_lane_and_priority(life: Life) -> None:
    """A process that died had not written its last minute of use down: the history has it."""

    async def story(spool: Spool) -> None:
        alarm = replace(new_message("a@x.test", "b@x.test"), submitter=replace(FACTS, priority="alarm"))
        await accept(spool, alarm)
        await accept(spool, new_message("c@x.test", lane="other"))
        await accept(spool, new_message("d@x.test"))
        (first, second), (other,) = await claim(spool, limit=9), await claim(spool, lane="other")
        await spool.settle([settlement(first, Fate(0, State.DELIVERED), Fate(1, State.DELIVERED))])
        await spool.settle([settlement(other, Fate(0, State.DELIVERED))])
        await spool.settle([settlement(second, Fate(0, State.FAILED))])
        found = {(row.budget, row.priority): row for row in await spool.settled_since(START_AT - 1)}
        assert {(LANE, "alarm"): (1, 2), ("other", "normal"): (1, 1)} == {
            key: (row.messages, row.recipients) for key, row in found.items()
        }
        assert [] == await spool.settled_since(START_AT + 1e6)

    live(life, story)


def test_what_a_recipient_had_of_a_sender_is_counted_by_lane_and_slice(life: Life) -> None:
    """Whatever the letters' case; what was settled together was one message, what was not taken is none."""

    async def story(spool: Spool) -> None:
        async def deliver(*messages: NewMessage, state: State = State.DELIVERED) -> None:
            for message in messages:
                await accept(spool, message)
            claims = await claim(spool, life.clock.at, lane=messages[0].lane, limit=9)
            await spool.settle([settlement(one, Fate(0, state)) for one in claims])

        ours, other = new_message("it@x.test"), new_message("IT@x.test", lane="other")
        await deliver(new_message("boss@x.test"), state=State.FAILED)
        await deliver(ours)
        life.clock.at += 1.0
        await deliver(new_message("IT@x.test"))
        life.clock.at += 1.0
        await deliver(ours, ours, ours)
        life.clock.at += SLICE_S
        await deliver(other)
        last = life.clock.now()
        sender = ours.envelope.reverse_path.lower()
        found = await spool.pairs_since(START_AT - 1)
        n_of = Counter({row.lane: 0 for row in found})
        for row in found:
            n_of[row.lane] += row.messages

        assert {(sender, "it@x.test")} == {(row.sender, row.address) for row in found}
        assert {LANE: 3, "other": 1} == n_of
        assert ("other", last) == (found[-1].lane, found[-1].at)
        assert [found[-1]] == list(await spool.pairs_since(last - 1.0))

    live(life, story)


def test_what_lanes_have_carried_is_told_message_by_message(life: Life) -> None:
    """Once for each, whatever its number of recipients; what was not taken is none."""

    async def story(spool: Spool) -> None:
        await accept(spool, new_message("a@x.test", "b@x.test"), b"four")
        await accept(spool, new_message("a@x.test"), b"refused")
        await accept(spool, new_message("a@x.test", lane="other"), b"sixsix")
        first, second = await claim(spool, life.clock.at, limit=9)
        later = replace(DEFERRED, next_attempt_at=START_AT + 0.5)
        await spool.settle([settlement(first, DELIVERED, later), settlement(second, FAILED)])
        life.clock.at += 1.0
        (again,) = await claim(spool, life.clock.at, limit=9)
        await spool.settle([settlement(again, DELIVERED)])
        (other,) = await claim(spool, life.clock.at, lane="other", limit=9)
        life.clock.at += 1.0
        await spool.settle([settlement(other, DELIVERED)])

        found = [OctetUse(LANE, START_AT + 1.0, 4), OctetUse("other", START_AT + 2.0, 6)]
        assert found == list(await spool.octets_since(START_AT - 1.0))
        assert found[1:] == list(await spool.octets_since(START_AT + 1.0))

    live(life, story)


def test_what_clients_have_had_is_told_slice_by_slice(life: Life) -> None:
    """By lane and client, whatever the priority: recipients that were delivered, and only those."""

    async def story(spool: Spool) -> None:
        plain = new_message("a@x.test")
        copier, alarming = (
            replace(plain.submitter, device="copier 1", priority=one) for one in ("normal", "alarm")
        )
        two = replace(new_message("a@x.test", "b@x.test"), submitter=copier)
        begin = (START_AT // SLICE_S + 1) * SLICE_S
        life.clock.at += begin + 10.0 - START_AT
        for new in (two, replace(plain, submitter=alarming), plain, replace(two, lane="other")):
            await accept(spool, new, b"x")
        claims = await claim(spool, life.clock.at, limit=9)
        await spool.settle(
            [
                settlement(
                    one, *[DELIVERED if one.submitter.device == "copier 1" else FAILED] * len(one.recipients)
                )
                for one in claims
            ]
        )
        life.clock.at += SLICE_S
        (other,) = await claim(spool, life.clock.at, lane="other", limit=9)
        await spool.settle([settlement(other, DELIVERED, DELIVERED)])

        first = ClientUse(LANE, "copier 1", begin, 3)
        second = ClientUse("other", "copier 1", begin + SLICE_S, 2)
        assert 3 == len(claims)
        assert [first, second] == list(await spool.clients_since(START_AT))
        assert [second] == list(await spool.clients_since(life.clock.now() - 1.0))

    live(life, story)


def test_a_queued_recipient_can_be_put_into_another_lane(life: Life) -> None:
    """It is due there at once, the history says so; one that is claimed or there already stays."""

    async def story(spool: Spool) -> None:
        spool_id = await accept(spool, new_message("a@x.test", "b@x.test"))
        moved = await spool.redirect([(spool_id, 1)], "other", now=START_AT, reason="shut for too long")
        assert [1, 0] == [moved, await spool.redirect([(spool_id, 1)], "other", now=START_AT, reason="again")]
        (mine,) = await claim(spool)
        assert [0] == [one.n for one in mine.recipients]
        assert 0 == await spool.redirect([(spool_id, 0)], "other", now=START_AT, reason="too late")
        (others,) = await claim(spool, lane="other")
        assert [1] == [one.n for one in others.recipients]
        view = await spool.show(spool_id)
        assert view is not None
        assert [1] == [event.n for event in view.events if event.name == "recipient.moved"]

    live(life, story)


TOO_LARGE = Outcome(Kind.FAILED, reply_text="552 5.3.4 too large")


def test_a_fate_can_hand_a_recipient_to_another_lane(life: Life) -> None:
    """In the same unit of work: no moment in which the old lane could take it again."""

    async def story(spool: Spool) -> None:
        await accept(spool)
        (mine,) = await claim(spool)
        fate = Fate(
            0,
            State.QUEUED,
            TOO_LARGE,
            START_AT,
            counted=False,
            lane="other",
        )
        await spool.settle([settlement(mine, fate)])
        assert [] == await claim(spool)
        (other,) = await claim(spool, lane="other")
        assert [0] == [one.attempts for one in other.recipients]

    live(life, story)
