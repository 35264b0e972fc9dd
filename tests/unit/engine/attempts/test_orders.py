"""Orders of a person beside the service: a freeze and a retry, seen within a second."""

from __future__ import annotations

import asyncio
import errno
import logging
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.mail import put
from fakes.route import DELIVERED, FakeRoute, always
from relay365.engine.attempts.orders import TICK_S, Orders
from relay365.engine.scheduler import Scheduler
from relay365.rules.retry import Policy
from relay365.spool.api import Selection, State
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.freeze import FILE, Freeze, thaw, write_freeze


def order_at(clock: FakeClock, for_s: float = 600.0) -> Freeze:
    """A freeze that begins now."""
    return Freeze(clock.now(), clock.now() + for_s, "window", "alice")


def test_a_freeze_is_seen_and_its_end_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each is told once, in the log."""
    clock = FakeClock()
    orders = Orders(MemorySpool(clock), clock, tmp_path)

    async def scene() -> list[bool]:
        seen = [orders.is_frozen]
        for step in (lambda: write_freeze(tmp_path, order_at(clock)), lambda: None, lambda: thaw(tmp_path)):
            step()
            clock.pass_s(TICK_S)
            await orders.hear()
            seen.append(orders.is_frozen)
        return seen

    with caplog.at_level(logging.WARNING):
        assert [False, True, True, False] == asyncio.run(scene())
    assert [
        "service.frozen until=1970-01-12T13:56:40+00:00 by=alice reason=window",
        "service.thawed by=a person",
    ] == [record.getMessage() for record in caplog.records]


def test_it_ends_by_itself_although_nobody_looks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The command that gave it may be dead; the next look says why it is over."""
    clock = FakeClock()
    write_freeze(tmp_path, order_at(clock, 600.0))
    orders = Orders(MemorySpool(clock), clock, tmp_path)
    begins = orders.is_frozen
    clock.pass_s(600.0)

    assert (True, False) == (begins, orders.is_frozen)
    with caplog.at_level(logging.WARNING):
        asyncio.run(orders.hear())
    assert "service.thawed by=its own end" == caplog.records[-1].getMessage()


def test_a_freeze_that_cannot_be_read_for_a_moment_holds_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No descriptors, no right: nothing is delivered for that, until the order's own end; each reason is told once."""
    clock = FakeClock()
    write_freeze(tmp_path, order_at(clock, 600.0))
    orders, file = Orders(MemorySpool(clock), clock, tmp_path), tmp_path / FILE

    async def scene() -> list[bool]:
        seen = []
        file.unlink()
        file.mkdir()  # it is there, and nobody can read it
        for _ in range(2):
            clock.pass_s(TICK_S)
            await orders.hear()
            seen.append(orders.is_frozen)
        clock.pass_s(600.0)
        await orders.hear()
        return [*seen, orders.is_frozen]

    with caplog.at_level(logging.ERROR):
        assert [True, True, False] == asyncio.run(scene())
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told.startswith("service.freeze-unread frozen=True reason=[Errno")


def test_a_crowd_that_takes_every_descriptor_thaws_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The freeze holds on; nothing is said of it, for it is about the crowd."""
    clock = FakeClock()
    write_freeze(tmp_path, order_at(clock))
    orders = Orders(MemorySpool(clock), clock, tmp_path)

    def full(self: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "read_bytes", full)
    clock.pass_s(TICK_S)
    caplog.clear()
    asyncio.run(orders.hear())

    assert orders.is_frozen
    assert [] == caplog.records


def test_a_relay_that_starts_within_a_freeze_is_frozen_at_once(tmp_path: Path) -> None:
    """Before its first look: fresh mail would go out at once otherwise."""
    clock = FakeClock()
    write_freeze(tmp_path, order_at(clock))

    assert Orders(MemorySpool(clock), clock, tmp_path).is_frozen
    assert not Orders(MemorySpool(clock), clock).is_frozen


def test_a_retry_is_heard_once_and_at_most_each_second() -> None:
    """The first look only learns the count: what was asked of an earlier life is done."""
    clock = FakeClock()
    spool = MemorySpool(clock)
    orders = Orders(spool, clock)

    async def scene() -> list[bool]:
        await put(spool, clock, "a@x.test")
        heard = [await orders.hear()]
        await spool.retry(Selection(), clock.now())
        heard.append(await orders.hear())  # too soon
        for _ in range(2):
            clock.pass_s(TICK_S)
            heard.append(await orders.hear())
        return heard

    assert [False, False, True, False] == asyncio.run(scene())


def test_a_frozen_scheduler_takes_and_starts_nothing(tmp_path: Path) -> None:
    """No place for fresh mail, no claim; what was claimed goes back; when it is over all of it goes out."""
    clock = FakeClock()
    spool, route = MemorySpool(clock), FakeRoute(always(DELIVERED))
    scheduler = Scheduler(spool, [route], clock, Policy((60.0,), jitter=0.0))
    write_freeze(tmp_path, order_at(clock, 600.0))
    scheduler.orders = Orders(spool, clock, tmp_path)

    async def until(state: State) -> dict[State, int]:
        for _ in range(200):
            scheduler.accepted("way")
            scheduler._wake.set()  # its ticks are of the real clock
            await asyncio.sleep(0.005)
            if set(counts := dict(await spool.counts())) == {state}:
                return counts
        return dict(await spool.counts())

    async def scene() -> tuple[float, dict[State, int], dict[State, int]]:
        await put(spool, clock, "a@x.test")
        await put(spool, clock, "b@x.test")
        running = asyncio.ensure_future(scheduler.run())
        frozen = scheduler.reserve("way"), await until(State.QUEUED)
        await asyncio.sleep(0.1)
        assert {State.QUEUED: 2} == dict(await spool.counts())
        clock.pass_s(600.0)
        thawed = await until(State.DELIVERED)
        await scheduler.stop(1.0)
        await running
        return (*frozen, thawed)

    assert (0.0, {State.QUEUED: 2}, {State.DELIVERED: 2}) == asyncio.run(scene())


def test_the_freeze_that_holds_is_shown(tmp_path: Path) -> None:
    """With its reason and its end, for alerts and metrics; none when it is over."""
    clock = FakeClock()
    write_freeze(tmp_path, order_at(clock, 600.0))
    orders = Orders(MemorySpool(clock), clock, tmp_path)
    held = orders.freeze
    clock.pass_s(600.0)

    assert (order_at(FakeClock(), 600.0), None) == (held, orders.freeze)
