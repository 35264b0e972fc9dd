"""The scheduler with the reference spool and a route that does what the test says; the clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.lanes import a_parcel
from fakes.mail import DEVICE, put
from fakes.route import (
    DELIVERED,
    FAILED,
    LATER,
    MISCONFIGURED,
    NO_ANSWER,
    SENDER_REFUSED,
    THROTTLED,
    FakeRoute,
    Judge,
    always,
)
from relay365.engine.lane import Lane, lanes_of
from relay365.engine.roads.advice import NOT_BY_THIS_ROAD, NoAdvice
from relay365.engine.scheduler import Scheduler
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.catalogue.rows import catalogue
from relay365.rules.retry import POISON_TRIES, Policy
from relay365.spool.api import Claim, ClaimedRecipient, MessageView, NewMessage, Selection, State
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.heads import Head, flow_of


class House:
    """One scheduler at work."""

    def __init__(self, judge: Judge, limits: LaneLimits | None = None) -> None:
        self.clock = FakeClock()
        self.spool = MemorySpool(self.clock)
        self.route = FakeRoute(judge, limits)
        self.scheduler = Scheduler(self.spool, [self.route], self.clock, Policy((60.0,), jitter=0.0))

    async def put(self, *to: str, sender: str = "scan@contoso.com") -> SpoolId:
        spool_id = await put(self.spool, self.clock, *to, sender=sender)
        self.scheduler.accepted("way")
        return spool_id

    async def view(self, spool_id: SpoolId) -> MessageView:
        view = await self.spool.show(spool_id)
        assert view is not None
        return view

    async def states(self, spool_id: SpoolId) -> list[State]:
        return [recipient.state for recipient in (await self.view(spool_id)).recipients]

    async def settled(self) -> None:
        """Let everything that can happen without time passing happen."""
        for _ in range(50):
            self.scheduler.accepted("way")
            self.scheduler._wake.set()  # its ticks are of the real clock
            await asyncio.sleep(0)

    async def pass_s(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        await self.settled()


def story(tell: Callable[[House], Awaitable[None]], judge: Judge, limits: LaneLimits | None = None) -> None:
    """Run a scheduler while the story is told, and end it in order."""

    async def run() -> None:
        house = House(judge, limits)
        task = asyncio.ensure_future(house.scheduler.run())
        try:
            await tell(house)
        finally:
            await house.scheduler.stop(1.0)
            await task
        assert house.route.is_closed

    asyncio.run(run())


def test_each_recipient_gets_the_state_of_its_outcome() -> None:
    """Delivered, failed with a report owed, deferred by the schedule, each for itself."""

    async def tell(house: House) -> None:
        spool_id = await house.put("a@x", "b@x", "c@x")
        await house.settled()

        assert [State.DELIVERED, State.FAILED, State.QUEUED] == await house.states(spool_id)
        assert [spool_id] == [view.spool_id for view in await house.spool.debts(Debt.FAILURE, limit=9)]
        view = await house.view(spool_id)
        assert house.clock.now() + 60.0 == view.recipients[2].next_attempt_at

    story(tell, always(DELIVERED, FAILED, LATER))


def test_the_lanes_connections_are_never_exceeded() -> None:
    """Ten messages over two connections: two at once, all delivered."""

    async def tell(house: House) -> None:
        ids = [await house.put() for _ in range(10)]
        await house.settled()

        assert [[State.DELIVERED]] * 10 == [await house.states(spool_id) for spool_id in ids]
        assert 2 == house.route.n_most

    story(tell, always(DELIVERED))


def test_the_window_lets_thirty_through_and_the_rest_later() -> None:
    """Thirty in the first minute; nothing claimed that cannot start; the rest after the window has passed."""

    async def tell(house: House) -> None:
        for _ in range(35):
            await house.put()
        await house.settled()
        counts = await house.spool.counts()
        assert (30, 5) == (counts[State.DELIVERED], counts[State.QUEUED])

        await house.pass_s(60.05)
        assert 30 == (await house.spool.counts())[State.DELIVERED]
        await house.pass_s(0.2)
        assert {State.DELIVERED: 35} == dict(await house.spool.counts())

    story(tell, always(DELIVERED), LaneLimits(2, 30))


def test_a_throttle_gates_the_lane_and_is_no_attempt() -> None:
    """Nothing else is tried until the gate opens; then everything goes."""
    answers = [THROTTLED, DELIVERED]

    async def tell(house: House) -> None:
        ids = [await house.put() for _ in range(4)]
        await house.settled()
        assert 1 == len(house.route.consignments)
        assert [0, 0, 0, 0] == [(await house.view(i)).recipients[0].attempts for i in ids]
        assert {State.QUEUED: 4} == dict(await house.spool.counts())

        await house.pass_s(30.0)
        assert {State.DELIVERED: 4} == dict(await house.spool.counts())

    story(tell, lambda consignment: (answers.pop(0) if len(answers) > 1 else answers[0],), LaneLimits(1))


def test_a_fault_of_the_set_up_holds_the_lane_and_a_probe_heals_it() -> None:
    """One probe a minute; the note tells faces why; the first success lets the rest go."""
    broken = [True]

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        return (MISCONFIGURED if broken[0] else DELIVERED,)

    async def tell(house: House) -> None:
        for _ in range(5):
            await house.put()
        await house.settled()
        (note,) = await house.spool.lanes()
        assert ("535 5.7.3 no", "auth-refused") == (note.held, note.row)
        assert 1 == len(house.route.consignments)

        await house.pass_s(61.0)
        assert 2 == len(house.route.consignments)
        broken[0] = False
        await house.pass_s(61.0)
        assert {State.DELIVERED: 5} == dict(await house.spool.counts())
        (note,) = await house.spool.lanes()
        assert "" == note.held

    story(tell, judge, LaneLimits(1))


def test_a_refused_sender_is_held_and_is_not_tried_a_third_time() -> None:
    """Four messages of a sender that may not send: two tries; another sender goes on."""

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        return (SENDER_REFUSED if consignment.header_from == "bad@x" else DELIVERED,)

    async def tell(house: House) -> None:
        ids = [await house.put(sender="bad@x") for _ in range(4)]
        good = await house.put(sender="good@x")
        await house.settled()

        assert [[State.HELD]] * 4 == [await house.states(i) for i in ids]
        assert [State.DELIVERED] == await house.states(good)
        assert 2 == sum(one.header_from == "bad@x" for one in house.route.consignments)

    story(tell, judge, LaneLimits(1))


def test_no_answer_after_the_dot_is_marked_and_tried_again() -> None:
    """A possible duplicate says so for ever, also after it was delivered."""
    answers = [NO_ANSWER, DELIVERED]

    async def tell(house: House) -> None:
        spool_id = await house.put()
        await house.settled()
        assert (await house.view(spool_id)).recipients[0].possible_duplicate
        await house.pass_s(61.0)

        assert [State.DELIVERED] == await house.states(spool_id)
        assert (await house.view(spool_id)).recipients[0].possible_duplicate

    story(tell, lambda consignment: (answers.pop(0),))


def test_a_fault_of_ours_in_a_route_defers_and_does_not_end_the_lane() -> None:
    """A message that makes the route raise waits; the next one is delivered."""
    spoiled: set[str] = set()

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        if consignment.spool_id in spoiled:
            raise KeyError("a bug")
        return (DELIVERED,)

    async def tell(house: House) -> None:
        house.route.gate.clear()
        bad = await house.put()
        spoiled.add(bad)
        good = await house.put()
        house.route.gate.set()
        await house.settled()

        assert ([State.QUEUED], [State.DELIVERED]) == (await house.states(bad), await house.states(good))
        assert "fault in route way: KeyError" == (await house.view(bad)).recipients[0].last_reply

    story(tell, judge)


def test_a_stop_settles_what_is_on_the_wire() -> None:
    """A delivery that does not end is cancelled, and its outcome is written: nothing stays claimed."""

    async def run() -> None:
        house = House(always(DELIVERED))
        task = asyncio.ensure_future(house.scheduler.run())
        house.route.gate.clear()
        ids = [await house.put() for _ in range(6)]
        await house.settled()
        await house.scheduler.stop(0.05)
        await task
        views = [(await house.view(i)).recipients[0] for i in ids]

        assert {State.QUEUED} == {view.state for view in views}
        assert 2 == sum(view.possible_duplicate for view in views)

    asyncio.run(run())


def test_mail_of_a_route_that_is_gone_goes_to_the_first_one() -> None:
    """A route was renamed in the configuration: what waited in its lane is not forgotten."""

    async def run() -> None:
        house = House(always(DELIVERED))
        spool_id = await put(house.spool, house.clock, lane="old")
        task = asyncio.ensure_future(house.scheduler.run())
        await house.settled()
        assert [State.DELIVERED] == await house.states(spool_id)
        await house.scheduler.stop(1.0)
        await task

    asyncio.run(run())


def test_held_mail_of_a_route_that_is_gone_is_moved_too() -> None:
    """It stays held; released, it goes out by a route that there is. The lanes that there are keep theirs."""

    async def run() -> None:
        house = House(always(DELIVERED))
        ids = [await put(house.spool, house.clock, lane=lane) for lane in ("old", "older", "way")]
        await house.spool.hold(Selection(), "by mina")
        task = asyncio.ensure_future(house.scheduler.run())
        await house.settled()
        views = [(await house.view(one)).recipients[0] for one in ids]
        await house.spool.release(Selection(), house.clock.now())
        house.scheduler.accepted("way")
        await house.settled()
        ends = [await house.states(one) for one in ids]
        await house.scheduler.stop(1.0)
        await task

        assert [("way", State.HELD)] * 3 == [(one.lane, one.state) for one in views]
        assert [[State.DELIVERED]] * 3 == ends

    asyncio.run(run())


def test_a_clock_that_is_set_back_does_not_stop_a_lane() -> None:
    """Waits are monotonic: mail that comes after the wall clock went back a month goes at once."""

    async def tell(house: House) -> None:
        await house.settled()
        real_mono = house.clock.mono()
        house.clock.at -= 30 * 86_400.0
        house.clock.mono = lambda: real_mono + 5.0  # type: ignore[method-assign]
        spool_id = await house.put()
        await house.settled()

        assert [State.DELIVERED] == await house.states(spool_id)

    story(tell, always(DELIVERED))


def test_a_person_who_healed_the_route_need_not_wait_for_the_probe() -> None:
    """`queue retry` opens a held lane within a second; a gate that the remote asked for stays shut."""
    broken = [True]

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        return (MISCONFIGURED if broken[0] else DELIVERED,)

    async def tell(house: House) -> None:
        spool_id = await house.put()
        await house.settled()
        broken[0] = False
        await house.spool.retry(Selection((spool_id,)), house.clock.now())
        await house.pass_s(1.1)

        assert [State.DELIVERED] == await house.states(spool_id)

    async def tell_throttled(house: House) -> None:
        spool_id = await house.put()
        await house.settled()
        await house.spool.retry(Selection((spool_id,)), house.clock.now())
        await house.pass_s(1.1)

        assert 1 == len(house.route.consignments)

    story(tell, judge)
    story(tell_throttled, always(THROTTLED))


async def accept_at_once(house: House, *to: str, facts: SubmitterFacts = DEVICE) -> SpoolId | None:
    """As a session does it: reserve, commit claimed, hand over; None where there is no room."""
    until_at = house.scheduler.reserve("way", flow=flow_of(facts))
    if not until_at:
        return None
    intake = house.spool.begin()
    now = house.clock.now()
    paths = tuple(ForwardPath(address) for address in to or ("lena@fabrikam.com",))
    envelope = Envelope("scan@contoso.com", paths)
    claim = await intake.commit(NewMessage(envelope, facts, "way", now, now + 9e5, claim_until_at=until_at))
    assert claim is not None
    house.scheduler.take(claim)
    return intake.spool_id


def test_fresh_mail_is_delivered_without_the_queue() -> None:
    """With room it is claimed in its own commit and started at once, each recipient with its own fate."""

    async def tell(house: House) -> None:
        await house.settled()
        house.scheduler._lanes["way"].look_at = house.clock.mono() + 1.0
        spool_id = await accept_at_once(house, "a@x", "b@x", "c@x")
        assert spool_id is not None
        await house.settled()

        assert [State.DELIVERED, State.FAILED, State.QUEUED] == await house.states(spool_id)
        assert ["message.accepted", "message.claimed"] == [
            event.name for event in (await house.view(spool_id)).events[:2]
        ]

    story(tell, always(DELIVERED, FAILED, LATER))


def test_a_flood_of_alarms_that_go_at_once_keeps_the_last_place_for_another() -> None:
    """Three alarms of one client are its share of ten; then it waits like others while another's alarm goes at once."""
    ups = SubmitterFacts("l", "192.0.2.9", device="ups", priority="alarm")
    limits = LaneLimits(2, 10, alarms=True)

    async def tell(house: House) -> None:
        went = []
        for facts in [ups] * 10 + [replace(ups, device="fire")]:
            await house.settled()
            house.scheduler.lanes["way"].look_at = house.clock.mono() + 1.0
            went.append(await accept_at_once(house, facts=facts) is not None)
        await house.settled()

        assert [True] * 9 + [False, True] == went
        assert 10 == len(house.route.consignments)

    story(tell, always(DELIVERED), limits)


def test_room_that_was_kept_for_nothing_comes_back() -> None:
    """A commit that failed gives its place back; without that a lane would shut for ever."""

    async def tell(house: House) -> None:
        await house.settled()
        lane = house.scheduler._lanes["way"]
        for _ in range(5):
            lane.look_at = house.clock.mono() + 1.0
            assert house.scheduler.reserve("way")
            house.scheduler.release("way")

        assert 2 == lane.room(house.clock.mono())

    story(tell, always(DELIVERED))


def test_fresh_mail_of_a_lane_that_has_shut_meanwhile_goes_to_the_queue() -> None:
    """Between reserve and commit the remote throttled us: the claim goes back, not an attempt, no duplicate."""
    answers = [THROTTLED, DELIVERED]

    async def tell(house: House) -> None:
        await house.settled()
        lane = house.scheduler._lanes["way"]
        lane.look_at = house.clock.mono() + 1.0
        lane.n_reserved += 1
        lane.health.throttle(THROTTLED, 0, house.clock.mono(), 0.0)
        lane.n_reserved -= 1
        until_at = house.clock.now() + 60.0
        intake = house.spool.begin()
        envelope = Envelope("scan@contoso.com", (ForwardPath("lena@fabrikam.com"),))
        now = house.clock.now()
        claim = await intake.commit(
            NewMessage(envelope, DEVICE, "way", now, now + 9e5, claim_until_at=until_at)
        )
        assert claim is not None
        lane.n_reserved += 1
        house.scheduler.take(claim)
        await house.settled()
        recipient = (await house.view(intake.spool_id)).recipients[0]

        assert (State.QUEUED, 0, False) == (recipient.state, recipient.attempts, recipient.possible_duplicate)
        assert [] == house.route.consignments

    story(tell, lambda consignment: (answers[-1],))


def test_a_poison_message_is_set_aside_and_never_blocks_the_rest() -> None:
    """It makes the route raise every time; between its tries other mail passes; after eight it is held, with words."""
    spoiled: set[str] = set()

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        if consignment.spool_id in spoiled:
            raise ValueError("a bug")
        return (DELIVERED,)

    async def tell(house: House) -> None:
        house.route.gate.clear()
        bad = await house.put()
        spoiled.add(bad)
        house.route.gate.set()
        for n in range(POISON_TRIES):
            good = await house.put()
            await house.settled()
            assert [State.DELIVERED] == await house.states(good)
            assert [State.HELD if n == POISON_TRIES - 1 else State.QUEUED] == await house.states(bad)
            await house.pass_s(61.0)
        recipient = (await house.view(bad)).recipients[0]
        assert ("set-aside", "message", POISON_TRIES) == (recipient.row, recipient.klass, recipient.attempts)

    story(tell, judge)


def test_lanes_of_one_mailbox_share_its_minute() -> None:
    """SMTP and Graph of the same mailbox: what one has sent the other must not send again."""
    limits = LaneLimits(2, 1, budget="mailbox scan@contoso.com")
    routes = [FakeRoute(always(DELIVERED), limits, name) for name in ("smtp", "graph")]
    scheduler = Scheduler(MemorySpool(FakeClock()), routes, FakeClock(), Policy())
    smtp, graph = scheduler.lanes.values()
    assert (1, 1) == (smtp.room(0.0), graph.room(0.0))
    smtp.start(a_parcel(), 0.0)

    assert (0, 0) == (smtp.room(0.0), graph.room(0.0))


def test_a_throttle_of_the_mailbox_holds_for_its_other_road() -> None:
    """The day's quota is the mailbox's: the other road of it is shut as well, a stranger's is not."""

    async def tell() -> None:
        clock = FakeClock()
        spool, mine = MemorySpool(clock), LaneLimits(2, budget="mailbox scan@contoso.com")
        routes = [
            FakeRoute(always(THROTTLED), mine, "smtp"),
            FakeRoute(always(DELIVERED), mine, "graph"),
            FakeRoute(always(DELIVERED), LaneLimits(2), "connector"),
        ]
        scheduler = Scheduler(spool, routes, clock, Policy((60.0,), jitter=0.0))
        task = asyncio.ensure_future(scheduler.run())
        await put(spool, clock, "a@x", lane="smtp")
        scheduler.accepted("smtp")
        for _ in range(30):
            await asyncio.sleep(0)
        assert [0, 0, 2] == [lane.room(clock.mono()) for lane in scheduler.lanes.values()]
        await scheduler.stop(1.0)
        await task

    asyncio.run(tell())


def test_two_roads_of_one_mailbox_have_its_connections_together() -> None:
    """Two each would be four: three are on their way at once, and all ten go, whoever is done first."""

    async def tell() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        limits = LaneLimits(2, budget="mailbox scan@contoso.com", at_once_per_budget=3)
        one, other = (FakeRoute(always(DELIVERED), limits, name) for name in ("one", "other"))
        scheduler = Scheduler(spool, [one, other], clock, Policy((60.0,), jitter=0.0))
        task = asyncio.ensure_future(scheduler.run())
        for route in (one, other):
            route.gate.clear()
            for _ in range(5):
                await put(spool, clock, "a@x", lane=route.name)

        async def look() -> None:
            for _ in range(50):
                clock.pass_s(0.1)
                for route in (one, other):
                    scheduler.accepted(route.name)
                await asyncio.sleep(0)

        await look()
        assert (2, 1) == (one.n_now, other.n_now)
        one.gate.set()
        await look()
        assert (0, 5, 2) == (one.n_now, len(one.consignments), other.n_now)
        other.gate.set()
        await look()
        assert 10 == (await spool.counts())[State.DELIVERED]
        await scheduler.stop(1.0)
        await task

    asyncio.run(tell())


class Adviser(NoAdvice):
    """Another road for one address; what is known of recipients by number, for as long as `known_now` says it."""

    def __init__(self, other: str = "") -> None:
        self.other = other
        self.known_now: dict[int, Outcome] = {}

    def instead_of(self, claim: Claim, recipient: ClaimedRecipient) -> str:
        return "other" if recipient.path.address == self.other else ""

    async def known(self, claim: Claim) -> dict[int, Outcome]:
        return self.known_now


def test_what_the_trace_has_is_not_sent_again() -> None:
    """An uncertain delivery is asked about before it goes again; what nobody found goes, and no place is lost."""

    async def tell(house: House) -> None:
        adviser = Adviser()
        house.scheduler.advice = adviser
        spool_id = await house.put("a@x", "b@x")
        await house.settled()
        assert [(State.QUEUED, True)] * 2 == [
            (one.state, one.possible_duplicate) for one in (await house.view(spool_id)).recipients
        ]
        later = Outcome(
            Kind.DEFERRED, klass=Class.TRANSIENT, row="asks-trace", retry_after_s=120.0, offered=False
        )
        adviser.known_now = {0: later, 1: later}
        await house.pass_s(70.0)
        assert 1 == len(house.route.consignments)
        adviser.known_now = {0: replace(DELIVERED, reply_text="not sent again")}
        await house.pass_s(121.0)
        assert [["b@x"]] == [
            [path.address for path in one.envelope.forward_paths] for one in house.route.consignments[1:]
        ]
        assert State.DELIVERED is (await house.states(spool_id))[0]
        assert 2 == house.scheduler.lanes["way"].room(house.clock.mono())

    story(tell, always(NO_ANSWER))


def test_advice_that_breaks_costs_the_lane_no_place() -> None:
    """A fault of ours in front of the route is one like a fault in it: deferred, and the lane goes on."""

    class Broken(NoAdvice):
        async def known(self, claim: Claim) -> dict[int, Outcome]:
            raise RuntimeError("a fault")

    async def tell(house: House) -> None:
        house.scheduler.advice = Broken()
        spool_id = await house.put("a@x")
        await house.settled()
        await house.pass_s(70.0)
        (one,) = (await house.view(spool_id)).recipients
        assert (State.QUEUED, "route-fault", 2) == (one.state, one.row, one.attempts)
        assert 1 == len(house.route.consignments)
        assert 2 == house.scheduler.lanes["way"].room(house.clock.mono())

    story(tell, always(NO_ANSWER))


@pytest.mark.parametrize(("kind", "row"), [("fake", "larger-than-remote-takes"), ("graph", "")])
def test_what_a_road_can_never_carry_is_handed_to_the_next(kind: str, row: str) -> None:
    """At once, without an attempt counted and without a report; where there is no other it fails as always."""
    no = replace(FAILED, row=row, reply_text="not by this road")

    async def tell() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        way = FakeRoute(always(no), name="way")
        way.kind = kind
        routes = [way, FakeRoute(always(DELIVERED), name="other")]
        scheduler = Scheduler(spool, routes, clock, Policy((60.0,), jitter=0.0))
        scheduler.advice = Adviser(other="a@x")
        task = asyncio.ensure_future(scheduler.run())
        spool_id = await put(spool, clock, "a@x", "b@x")
        scheduler.accepted("way")
        for _ in range(60):
            await asyncio.sleep(0)
        view = await spool.show(spool_id)
        assert view is not None
        assert [(State.DELIVERED, "other", 1), (State.FAILED, "way", 1)] == [
            (one.state, one.lane, one.attempts) for one in view.recipients
        ]
        await scheduler.stop(1.0)
        await task

    asyncio.run(tell())


def test_a_message_with_more_recipients_than_one_transaction_may_have_goes_through_the_queue() -> None:
    """It cannot be claimed in the commit that accepts it; the queue divides it."""

    async def tell(house: House) -> None:
        await house.settled()
        assert 0.0 == house.scheduler.reserve("way", 3)
        spool_id = await house.put("a@x", "b@x", "c@x")
        await house.settled()
        assert [2, 1] == [len(one.envelope.forward_paths) for one in house.route.consignments]
        assert {State.DELIVERED} == set(await house.states(spool_id))

    story(tell, always(DELIVERED), LaneLimits(2, recipients=2))


def test_the_rows_that_hand_over_are_rows_of_the_catalogue() -> None:
    """A word that no outcome bears would hand nothing over."""
    assert set() == NOT_BY_THIS_ROAD - {row.id for row in catalogue()}


LETTER = b"Message-ID: <1@erp>\r\nFrom: erp@contoso.com\r\n\r\nhello\r\n"


async def put_alike(house: House, to: str, content: bytes = LETTER, message_id: str = "<1@erp>") -> SpoolId:
    """One of many messages of one client, each for one person."""
    intake = house.spool.begin()
    intake.write(content)
    now = house.clock.now()
    envelope = Envelope("erp@contoso.com", (ForwardPath(to),))
    new = NewMessage(
        envelope, DEVICE, "way", now, now + 9e5, message_id=message_id, header_from="erp@contoso.com"
    )
    await intake.commit(new)
    return intake.spool_id


def test_the_same_content_for_many_is_one_message_of_the_minute() -> None:
    """Forty letters one by one, three at once and thirty a minute: one transaction, forty recipients, forty fates."""

    async def tell(house: House) -> None:
        ids = [await put_alike(house, f"r{n}@x") for n in range(40)]
        await house.settled()
        (consignment,) = house.route.consignments
        assert [f"r{n}@x" for n in range(40)] == [one.address for one in consignment.envelope.forward_paths]
        assert {State.DELIVERED: 40} == dict(await house.spool.counts())
        reply = (await house.view(ids[0])).recipients[0].last_reply
        assert reply.startswith(f"250 2.0.0 OK (together with {ids[1]}, {ids[2]}, ")
        assert 29 == house.scheduler.lanes["way"].places(house.clock.mono())

    story(tell, always(DELIVERED), LaneLimits(3, 30))


def test_two_messages_for_one_person_stay_two() -> None:
    """The same letter twice to each of two: two transactions, everybody in both."""

    async def tell(house: House) -> None:
        for to in ("a@x", "b@x", "a@x", "b@x"):
            await put_alike(house, to)
        await house.settled()
        assert [["a@x", "b@x"]] * 2 == [
            [path.address for path in one.envelope.forward_paths] for one in house.route.consignments
        ]

    story(tell, always(DELIVERED), LaneLimits(3, 30))


def test_the_day_is_not_overdrawn_by_company() -> None:
    """Fifty recipients a day, forty are used: ten of the next forty go, the others wait in the queue."""

    async def tell(house: House) -> None:
        for round_ in ("first", "second"):
            for n in range(40):
                await put_alike(house, f"{round_}{n}@x")
            await house.settled()
        sent = [path for one in house.route.consignments for path in one.envelope.forward_paths]
        assert 50 == len(sent) == len(set(sent))
        assert {State.DELIVERED: 50, State.QUEUED: 30} == dict(await house.spool.counts())

    story(tell, always(DELIVERED), LaneLimits(3, 30, recipients_per_day=50))


def test_a_content_that_is_refused_in_company_is_refused_for_each_alone() -> None:
    """Nobody fails because of the company: each gets the final no for itself, and a report."""

    async def tell(house: House) -> None:
        ids = [await put_alike(house, f"r{n}@x") for n in range(3)]
        await house.settled()
        assert 3 == len(house.route.consignments[0].envelope.forward_paths)
        assert {State.QUEUED} == {state for one in ids for state in await house.states(one)}
        await house.pass_s(6.0)
        assert [1, 1, 1] == [len(one.envelope.forward_paths) for one in house.route.consignments[1:]]
        assert {State.FAILED} == {state for one in ids for state in await house.states(one)}
        assert {1} == {(await house.view(one)).recipients[0].attempts for one in ids}
        assert 3 == len(await house.spool.debts(Debt.FAILURE, limit=9))

    refused = replace(FAILED, scope=Scope.MESSAGE, row="content")
    story(tell, always(refused), LaneLimits(1, 30))


class Digests(NoAdvice):
    """A rule that holds for everybody."""

    hostname = "relay.test"

    def digest_from(self, head: Head) -> int:
        return 5


def test_a_storm_to_one_person_goes_as_a_digest() -> None:
    """Twelve alarms wait behind a shut gate: one transaction, one recipient, twelve fates."""
    answers = [THROTTLED, DELIVERED]

    async def tell(house: House) -> None:
        house.scheduler.advice = Digests()
        ids = [await put_alike(house, "it@x", b"Subject: %d\r\n\r\n" % n, f"<{n}@erp>") for n in range(12)]
        await house.settled()
        await house.pass_s(31.0)
        digest = house.route.consignments[-1]
        assert ["it@x"] == [one.address for one in digest.envelope.forward_paths]
        octets = digest.content.octets()
        assert octets is not None
        assert b"Subject: [12 messages] 11\r\n" in octets
        assert all(b"8bit\r\n" not in octets and b"Subject: %d\r\n\r\n" % n in octets for n in range(12))
        for one in ids:
            assert "in digest <digest." in (await house.view(one)).recipients[0].last_reply
        assert {State.DELIVERED: 12} == dict(await house.spool.counts())

    story(tell, lambda _: (answers.pop(0) if len(answers) > 1 else answers[0],), LaneLimits(1, 30))


def test_fewer_than_the_rule_asks_for_go_by_themselves() -> None:
    """Four where five make a digest."""

    async def tell(house: House) -> None:
        house.scheduler.advice = Digests()
        for n in range(4):
            await put_alike(house, "it@x", b"Subject: %d\r\n\r\n" % n, f"<{n}@erp>")
        await house.settled()
        assert [b"Subject: %d\r\n\r\n" % n for n in range(4)] == [
            one.content.octets() for one in house.route.consignments
        ]

    story(tell, always(DELIVERED), LaneLimits(1, 30))


def test_a_stop_in_company_leaves_every_claim_uncertain() -> None:
    """What the wire had when the relay was stopped may have been delivered to all; each is asked for by itself."""

    async def run() -> None:
        house = House(always(DELIVERED), LaneLimits(1, 30))
        task = asyncio.ensure_future(house.scheduler.run())
        house.route.gate.clear()
        ids = [await put_alike(house, f"r{n}@x") for n in range(3)]
        await house.settled()
        await house.scheduler.stop(0.05)
        await task
        views = [(await house.view(one)).recipients[0] for one in ids]

        assert [(State.QUEUED, True)] * 3 == [(one.state, one.possible_duplicate) for one in views]

    asyncio.run(run())


class Changed:
    """A scheduler whose lanes are replaced while it works."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.other = FakeRoute(always(DELIVERED), LaneLimits(2), "way")

    async def follow(self, *routes: FakeRoute) -> list[Lane]:
        scheduler = self.house.scheduler
        async with scheduler.between_rounds():
            left = scheduler.follow(lanes_of(routes, self.house.clock), Policy((60.0,), jitter=0.0))
        await self.house.settled()
        return left

    def reserve(self, n: int) -> None:
        """Keep places for mail that is being accepted: nothing is due, as far as the lane knows."""
        self.house.scheduler.lanes["way"].look_at = float("inf")
        for _ in range(n):
            assert self.house.scheduler.reserve("way")


def test_other_lanes_from_one_moment_to_the_next() -> None:
    """What is on its way ends on its own route; what waits goes by the new one; the old one is given back."""

    async def tell(house: House) -> None:
        changed = Changed(house)
        house.route.gate.clear()
        first = [await house.put() for _ in range(2)]
        await house.settled()
        second = await house.put()
        left = await changed.follow(changed.other)
        await house.settled()
        assert ["way"] == [lane.name for lane in left]
        assert (2, 1) == (left[0].n_in_flight, len(changed.other.consignments))
        assert [State.DELIVERED] == await house.states(second)
        house.route.gate.set()
        await house.settled()
        assert [[State.DELIVERED]] * 2 == [await house.states(one) for one in first]
        assert (0, 2, 1) == (
            left[0].n_in_flight,
            len(house.route.consignments),
            len(changed.other.consignments),
        )
        await house.route.close()

    story(tell, always(DELIVERED))


def test_a_place_that_was_kept_in_a_lane_that_changes() -> None:
    """Mail that is being accepted goes by the new route, and its place is given back to the new lane."""

    async def tell(house: House) -> None:
        changed, scheduler = Changed(house), house.scheduler
        changed.reserve(2)
        await changed.follow(changed.other)
        assert 2 == scheduler.lanes["way"].n_reserved
        scheduler.release("way")
        claim = await _accepted(house, scheduler)
        scheduler.take(claim)
        await house.settled()
        assert (0, 1, 0) == (
            scheduler.lanes["way"].n_reserved, len(changed.other.consignments), len(house.route.consignments),
        )  # fmt: skip
        await house.route.close()

    story(tell, always(DELIVERED))


def test_a_place_that_was_kept_in_a_lane_that_goes() -> None:
    """What was accepted for it goes back to the queue, where whoever knows the rules finds it."""

    async def tell(house: House) -> None:
        changed, scheduler = Changed(house), house.scheduler
        changed.reserve(2)
        await changed.follow(FakeRoute(always(DELIVERED), LaneLimits(2), "other"))
        scheduler.release("way")
        claim = await _accepted(house, scheduler)
        scheduler.take(claim)
        await house.settled()
        assert [State.QUEUED] == await house.states(claim.spool_id)
        assert [] == house.route.consignments
        assert not scheduler.reserve("way")
        left = await changed.follow(house.route)
        assert ["other"] == [lane.name for lane in left]

    story(tell, always(DELIVERED))


async def _accepted(house: House, scheduler: Scheduler) -> Claim:
    """A message that a session has put into the lane `way` and claimed in the same commit."""
    spool_id = await put(house.spool, house.clock)
    now = house.clock.now()
    (claim,) = await house.spool.claim("way", which=[spool_id], now=now, lease_until_at=now + 60)
    return claim


def test_a_lane_that_is_left_writes_nothing_down_under_its_name() -> None:
    """The name is another one's now."""

    async def tell(house: House) -> None:
        changed = Changed(house)
        house.route.gate.clear()
        await house.put()
        await house.settled()
        await changed.follow(changed.other)
        house.route.gate.set()
        await house.settled()
        assert [] == [note for note in await house.spool.lanes() if note.held]
        await house.route.close()

    story(tell, always(MISCONFIGURED))


def test_a_sender_that_a_person_releases_is_tried_again_at_once() -> None:
    """Two refusals stop it; the cause is healed and its mail released: all of it goes, and is not held again."""
    healed: list[bool] = []

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        return (DELIVERED if healed else SENDER_REFUSED,)

    async def tell(house: House) -> None:
        ids = [await house.put("a@x") for _ in range(4)]
        await house.settled()
        assert [State.HELD] * 4 == [state for one in ids for state in await house.states(one)]
        n_tried = len(house.route.consignments)
        assert 2 == n_tried
        healed.append(True)
        await house.spool.release(Selection(), house.clock.now())
        await house.settled()
        assert [State.DELIVERED] * 4 == [state for one in ids for state in await house.states(one)]

    story(tell, judge, LaneLimits(1))
