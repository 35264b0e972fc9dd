"""What was used is written down and restored: over a stop, over a death, and for a mailbox that is new to us."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

import pytest

from fakes.claims import claim_due
from fakes.clock import FakeClock
from fakes.lanes import a_parcel
from fakes.mail import DEVICE, put
from fakes.route import DELIVERED, THROTTLED, FakeRoute
from relay365.engine.attempts.bookkeeper import FLUSH_S, Bookkeeper
from relay365.engine.lane import Lane, lanes_of
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import DAY_S, Messages, Slices
from relay365.rules.quota.day import Day
from relay365.spool.api import YIELDS, Fate, NewMessage, Settlement, State
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.usage import SLICE_S, Usage

BOX = "mailbox scan@contoso.com"
LIMITS = LaneLimits(
    2, 30, budget=BOX, recipients_per_day=1000, tenant="contoso.com", external_per_day=500,
    own_domains=frozenset({"contoso.com"}),
)  # fmt: skip


class Life:
    """One life of the relay, as far as budgets go."""

    def __init__(self, spool: MemorySpool, clock: FakeClock, limits: LaneLimits = LIMITS) -> None:
        self.spool, self.clock = spool, clock
        self.lanes = lanes_of([FakeRoute(lambda consignment: (DELIVERED,), limits)], clock)
        self.books = Bookkeeper(spool, self.lanes, clock)

    @property
    def lane(self) -> Lane:
        return next(iter(self.lanes.values()))

    def used(self) -> tuple[int, int, int]:
        """Messages of the minute, recipients of the day, external ones of the tenant."""
        minute, day, external = (
            self.lane.order.vector.budgets[key] for key in ("messages", "recipients", "external")
        )
        assert isinstance(minute, Messages)
        assert isinstance(day, Slices)
        assert isinstance(external, Slices)
        mono = self.clock.mono()
        return minute.log.n_taken(mono), day.used(mono), external.used(mono)

    def deliver(self, *addresses: str) -> None:
        """In memory only."""
        mono = self.clock.mono()
        started = self.lane.start(a_parcel(*addresses), mono)
        self.lane.finish(started, "scan@contoso.com", (DELIVERED,), mono, 0.5)

    def counted_by_graph(self) -> tuple[int, int]:
        """Requests of ten minutes, octets of five."""
        requests, octets = (self.lane.order.vector.budgets[key] for key in ("requests", "octets"))
        assert isinstance(requests, Slices)
        assert isinstance(octets, Slices)
        mono = self.clock.mono()
        return requests.used(mono), octets.used(mono)

    async def deliver_in_spool(self, *addresses: str, size: int = 1) -> None:
        """As the history of the mail shows it, and in memory."""
        at = self.clock.now()
        paths = tuple(ForwardPath(one) for one in addresses)
        intake = self.spool.begin()
        intake.write(b"x" * size)
        await intake.commit(
            NewMessage(Envelope("scan@contoso.com", paths), DEVICE, self.lane.name, at, at + 1e6)
        )
        (claim,) = await claim_due(self.spool, self.lane.name, limit=1, now=at, lease_until_at=at + 60)
        fates = tuple(Fate(one.n, State.DELIVERED) for one in claim.recipients)
        await self.spool.settle([Settlement(claim.spool_id, claim.lease, fates)])
        self.deliver(*addresses)


async def known(clock: FakeClock) -> MemorySpool:
    """A spool that has seen this mailbox before, long ago."""
    spool = MemorySpool(clock)
    at = (clock.now() - DAY_S) // SLICE_S * SLICE_S
    await spool.note_usage([Usage(name, at, "normal", 0, 0, 0) for name in (BOX, "tenant contoso.com")])
    return spool


def test_a_stop_and_a_start_lose_nothing() -> None:
    """Recipients of the day and the tenant are there again; the minute is over."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock)
        await life.books.restore()
        life.deliver("a@contoso.com", "b@fabrikam.com")
        life.deliver("c@fabrikam.com")
        await life.books.flush()
        clock.pass_s(3600.0)
        life = Life(spool, clock)
        await life.books.restore()
        assert (0, 3, 2) == life.used()
        clock.pass_s(DAY_S)
        assert (0, 0, 0) == life.used()

    asyncio.run(story())


def test_a_death_loses_nothing_either() -> None:
    """What was not written down is counted from the history of the mail; its recipients all count as external."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock)
        await life.books.restore()
        await life.deliver_in_spool("a@contoso.com")
        await life.books.flush()
        await life.deliver_in_spool("b@contoso.com", "c@contoso.com")
        await life.deliver_in_spool("d@contoso.com")
        clock.pass_s(5.0)
        life = Life(MemorySpool(clock, spool), clock)
        await life.books.restore()
        assert (3, 4, 4) == life.used()

    asyncio.run(story())


def test_what_was_on_its_way_at_a_death_may_have_gone_out() -> None:
    """One message was claimed: it has its place for a minute; a relay that starts for the first time loses none."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        await put(spool, clock, lane="way")
        (_,) = await claim_due(spool, "way", limit=1, now=clock.now(), lease_until_at=clock.now() + 60)
        life = Life(MemorySpool(clock, spool), clock)
        await life.books.restore()
        assert 1 == life.used()[0]
        clock.pass_s(61.0)
        assert 0 == life.used()[0]

    asyncio.run(story())


def test_the_hour_of_a_pair_outlives_a_death() -> None:
    """Two of a storm went before it: one more may go, in another life and to the same recipient; and to others."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock, replace(LIMITS, pair_per_hour=3))
        await life.books.restore()
        for _ in range(2):
            clock.pass_s(60.0)
            await life.deliver_in_spool("it@contoso.com")
        clock.pass_s(1740.0)
        after = Life(MemorySpool(clock, spool), clock, replace(LIMITS, pair_per_hour=3))
        await after.books.restore()
        after.deliver("IT@contoso.com")

        mono = clock.mono()
        fits = [after.lane.order.fits(a_parcel(one), mono) for one in ("it@contoso.com", "boss@contoso.com")]
        assert [False, True] == fits
        assert not after.lane.order.fits(a_parcel("it@contoso.com"), mono + 1859.0)
        assert after.lane.order.fits(a_parcel("it@contoso.com"), mono + 1861.0)

    asyncio.run(story())


def test_what_graph_has_counted_outlives_a_death() -> None:
    """Requests by the size of what went, octets, and a request for what was on its way; each as long as its window."""
    limits = replace(LIMITS, requests=(100, 600.0), octets_window=(50_000_000, 300.0))

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock, limits)
        await life.books.restore()
        for size in (1000, 8_000_000):
            clock.pass_s(200.0)
            await life.deliver_in_spool("it@contoso.com", size=size)
        await put(spool, clock, lane=life.lane.name)
        (_,) = await claim_due(
            spool, life.lane.name, limit=1, now=clock.now(), lease_until_at=clock.now() + 60
        )
        clock.pass_s(150.0)
        after = Life(MemorySpool(clock, spool), clock, limits)
        await after.books.restore()

        assert (1 + 5 + 1, 8_000_000) == after.counted_by_graph()
        clock.pass_s(260.0)
        assert (5 + 1, 0) == after.counted_by_graph()

    asyncio.run(story())


def test_slices_add_up_over_flushes_and_lives() -> None:
    """The same slice is written again with the sum; uncertain deliveries that only memory knew stay counted."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock)
        await life.books.restore()
        life.deliver("a@fabrikam.com")
        await life.books.flush()
        life.deliver("b@fabrikam.com")
        await life.books.flush()
        life = Life(MemorySpool(clock, spool), clock)
        await life.books.restore()
        life.deliver("c@fabrikam.com")
        await life.books.flush()
        rows = [row for row in await spool.usage(clock.now() - SLICE_S) if row.budget == BOX]
        assert [(3, 3, 3)] == [(row.messages, row.recipients, row.external) for row in rows]
        assert (1, 3, 3) == life.used()

    asyncio.run(story())


def test_half_of_a_mailbox_that_is_new_to_us_is_believed_used_for_a_day() -> None:
    """Nobody knows what others sent from it today; a second start does not double the doubt."""

    async def story() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        for n in range(2):
            life = Life(spool, clock)
            await life.books.restore()
            assert (0, 500 + n, 250 + n) == life.used()
            life.deliver("a@fabrikam.com")
            await life.books.flush()
            clock.pass_s(3600.0)
            spool = MemorySpool(clock, spool)
        clock.pass_s(DAY_S + SLICE_S)
        assert 0 == life.used()[1]

    asyncio.run(story())


@pytest.mark.parametrize(("days", "used"), [(0.5, 1), (3.0, 500)])
def test_after_a_gap_that_nobody_knows_of_half_is_believed_used(days: float, used: int) -> None:
    """Off for half a day, the books have the day before; off for three, they have nothing that still counts."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock)
        await life.books.restore()
        await life.deliver_in_spool("a@fabrikam.com")
        await life.books.flush()
        clock.pass_s(days * DAY_S)
        after = Life(MemorySpool(clock, spool), clock)
        await after.books.restore()

        assert used == after.used()[1]

    asyncio.run(story())


def test_faces_see_budgets_and_bulk_is_counted() -> None:
    """A round writes the lane's note with its budgets, and once a minute what waits."""

    async def story() -> None:
        clock = FakeClock()
        spool = await known(clock)
        life = Life(spool, clock)
        await life.books.restore()
        at = clock.now()
        intake = spool.begin()
        letter = replace(DEVICE, priority="bulk")
        paths = (ForwardPath("a@x.test"), ForwardPath("b@x.test"))
        await intake.commit(NewMessage(Envelope("s@x.test", paths), letter, life.lane.name, at, at + 1e6))
        life.deliver("a@fabrikam.com")
        clock.pass_s(FLUSH_S)
        await life.books.round()
        (note,) = await spool.lanes()
        budgets = {one["name"]: one for one in json.loads(note.budgets)}
        assert (1, 30, 60.0) == tuple(budgets["messages"][key] for key in ("used", "limit", "window_s"))
        assert (1, 1000) == (budgets["recipients"]["used"], budgets["recipients"]["limit"])
        assert 2 == life.lane.order.n_waiting_bulk
        assert [1] == [row.recipients for row in await spool.usage(at - SLICE_S) if row.budget == BOX]

    asyncio.run(story())


def test_others_and_a_day_that_ends_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal below our count, and each level of the day: a line in the log, not one in each round."""
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        clock = FakeClock()
        life = Life(await known(clock), clock)
        await life.books.restore()
        life.deliver(*(f"a{n}@contoso.com" for n in range(800)))
        await life.books.round()
        await life.books.round()
        life.deliver(*(f"b{n}@contoso.com" for n in range(150)))
        life.lane.order.learn(THROTTLED, clock.mono())
        for _ in range(3):
            await life.books.round()
            clock.pass_s(10.0)

    asyncio.run(story())
    said = [record.getMessage().split(" ")[0] for record in caplog.records]

    assert 1 == said.count("quota.shared")
    assert 2 == said.count("quota.low")


def test_others_connections_are_said_once_and_never_our_own(caplog: pytest.LogCaptureFixture) -> None:
    """The fourth sender is refused while one is ours: others have two. While three are ours, nobody knows."""
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        clock = FakeClock()
        life = Life(await known(clock), clock)
        await life.books.restore()
        for n_ours in (3, 1, 1):
            life.lane.health.crowd(n_ours)
            await life.books.round()
            clock.pass_s(10.0)

    asyncio.run(story())
    said = [record.getMessage() for record in caplog.records if "quota.shared" in record.getMessage()]

    assert [f"quota.shared owner={BOX!r} budget=connections others=2 ours=1 limit=3"] == said


def test_a_mailbox_that_comes_while_the_relay_runs() -> None:
    """Its earlier use is restored into its own budgets, and goes on being written with the slice that is open."""

    async def story() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        running = Life(spool, clock)
        at = clock.now() // SLICE_S * SLICE_S
        await spool.note_usage([Usage("mailbox new@contoso.com", at, "normal", 2, 40, 40)])
        await running.books.restore()
        before = running.used()
        limits = replace(LIMITS, budget="mailbox new@contoso.com", external_per_day=None)
        new = lanes_of([FakeRoute(lambda consignment: (DELIVERED,), limits, "new")], clock)
        await running.books.take_in(new)
        day = new["new"].order.vector.budgets["recipients"]
        assert isinstance(day, Slices)
        assert (40, before) == (day.used(clock.mono()), running.used())
        running.lanes.update(new)
        new["new"].order.tally.add("normal", 3, 3)
        await running.books.flush()
        (row,) = [row for row in await spool.usage(0.0) if row.budget == limits.budget]
        assert (3, 43) == (row.messages, row.recipients)

    asyncio.run(story())


def test_what_a_client_has_had_of_the_day_outlives_a_death() -> None:
    """A scanner in a loop is not let loose by a restart; it is told once in each life."""

    async def story() -> None:
        clock = FakeClock()
        spool, limits = await known(clock), replace(LIMITS, recipients_per_day=4, client_share=50)
        life = Life(spool, clock, limits)
        await life.books.restore()
        await life.deliver_in_spool("a@contoso.com", "b@contoso.com")
        clock.pass_s(3600.0)
        life = Life(MemorySpool(clock, spool), clock, limits)
        await life.books.restore()
        day = life.lane.order.vector.budgets["recipients"]
        assert isinstance(day, Day)
        assert not day.has_had_its_share(DEVICE.peer_address, clock.mono())

        day.know("ups", 1, clock.mono())
        assert [(DEVICE.peer_address, 2)] == [hog[:2] for hog in day.hogs(clock.mono())]
        assert 2 == day.used(clock.mono())
        clock.pass_s(DAY_S)
        assert [] == day.hogs(clock.mono())

    asyncio.run(story())


def test_a_client_that_has_had_its_share_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Until it has less again; and what waits for its share is noted for whoever looks at the queue."""

    async def story() -> None:
        clock = FakeClock()
        life = Life(await known(clock), clock, replace(LIMITS, recipients_per_day=4, client_share=50))
        await life.books.restore()
        day = life.lane.order.vector.budgets["recipients"]
        assert isinstance(day, Day)
        for client, amount in (("ups", 1), ("copier 1", 3)):
            day.know(client, amount, clock.mono())
            day.add(amount, clock.mono())
        for _ in range(2):
            await life.books.round()
        (note,) = await life.spool.lanes()
        (entry,) = [one for one in json.loads(note.budgets) if one["name"] == YIELDS]
        assert ("copier 1", "share") == (entry["client"], entry["why"])
        assert clock.now() + DAY_S - SLICE_S <= entry["opens_at"] <= clock.now() + DAY_S + 2 * SLICE_S
        clock.pass_s(2 * DAY_S)
        await life.books.round()
        assert [] == life.lane.order.hogs(clock.mono())

    with caplog.at_level(logging.WARNING, "relay365.scheduler"):
        asyncio.run(story())
    said = [one.getMessage() for one in caplog.records if one.getMessage().startswith("quota.client")]
    assert [f"quota.client owner={BOX!r} client='copier 1' used=3"] == said
