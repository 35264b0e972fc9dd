"""The fire drill at a queue: what it counts, what it calls lost, and that it always thaws."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.claims import claim_due
from fakes.mail import put
from relay365.clock import SystemClock
from relay365.mail.outcome import Kind, Outcome
from relay365.spool.api import Fate, Settlement, State
from relay365.spool.history.search import History
from relay365.spool.ids import seq_of
from relay365.spool.sqlite import SqliteSpool
from relay365.spool.waiting.freeze import Freeze, read_freeze, thaw
from relay365.trial.outage import Drill, Moment, Plan, Report, thinned

CLOCK = SystemClock()
TAKEN = Outcome(Kind.DELIVERED, reply_text="250 2.0.0 OK")
Story = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A spool with one old message, and a drill of a second at it."""

    def __init__(self, data: Path, spool: SqliteSpool, for_s: float) -> None:
        now = CLOCK.now()
        self.data, self.spool = data, spool
        self.plan = Plan(Freeze(now, now + for_s, "drill", "alice"), 20.0)
        self.seen: list[Moment] = []
        self.drill: Drill | None = None

    async def put(self) -> int:
        """A device gives a message; its number."""
        return seq_of(await put(self.spool, CLOCK)) or 0

    async def deliver(self) -> None:
        """Everything that waits goes out."""
        now = CLOCK.now()
        for claim in await claim_due(self.spool, "way", limit=99, now=now, lease_until_at=now + 60):
            await self.spool.settle(
                [Settlement(claim.spool_id, claim.lease, (Fate(0, State.DELIVERED, TAKEN),))]
            )

    async def until_frozen(self, *, is_frozen: bool = True) -> None:
        """Wait for the order, or for its end."""
        while (read_freeze(self.data, CLOCK.now()) is not None) is not is_frozen:
            await asyncio.sleep(0.01)


def held(
    tmp_path: Path, story: Story, *, for_s: float = 1.2, told: tuple[int, ...] = ()
) -> tuple[Report, Scene]:
    """Hold a drill while a story is told."""

    async def run() -> tuple[Report, Scene]:
        spool = await SqliteSpool.open(tmp_path, clock=CLOCK)
        await put(spool, CLOCK)
        history, scene = History(tmp_path, CLOCK), Scene(tmp_path, spool, for_s)
        drill = scene.drill = Drill(history, tmp_path, CLOCK, replace(scene.plan, told_since=lambda at: told))
        telling = asyncio.ensure_future(story(scene))
        try:
            return await drill.run(scene.seen.append), scene
        finally:
            await telling
            await history.close()
            await spool.close()

    return asyncio.run(run())


def test_what_was_taken_and_what_waited_before_are_counted(tmp_path: Path) -> None:
    """Two in the drill beside one from before; all of them drain, and it is good."""

    async def story(scene: Scene) -> None:
        await scene.until_frozen()
        await scene.put()
        await scene.put()
        await scene.until_frozen(is_frozen=False)
        await scene.deliver()

    report, scene = held(tmp_path, story)

    assert report.is_good
    assert (2, 1, {"delivered": 3}, 3) == (
        report.messages, report.backlog, report.recipients, report.most_waiting,
    )  # fmt: skip
    assert ("", 0, (), 0) == (report.thawed_early, report.disobeyed, report.lost, report.still_waiting)
    assert report.drained_s is not None and 0.0 <= report.drained_s < 5.0
    assert 1.2 <= report.thawed_at - report.began_at < 4.0
    assert ["frozen", "draining"] == list(dict.fromkeys(moment.phase for moment in scene.seen))
    assert scene.seen == report.moments
    assert 0.5 < report.oldest_s < 30.0


def test_what_was_there_and_is_no_more_is_lost(tmp_path: Path) -> None:
    """Rows that vanish, old and new, and a message that a device was told of and nobody has; neither is good."""

    async def story(scene: Scene) -> None:
        await scene.until_frozen()
        number = await scene.put()
        await asyncio.sleep(1.1)  # the drill has looked
        await scene.spool._writer.do(
            lambda c: c.execute("DELETE FROM message WHERE seq IN (1, ?)", (number,)).fetchall()
        )
        await scene.until_frozen(is_frozen=False)
        await scene.deliver()

    vanished, _ = held(tmp_path, story, for_s=2.0)
    (tmp_path / "other").mkdir()

    async def quiet(scene: Scene) -> None:
        await scene.until_frozen(is_frozen=False)
        await scene.deliver()

    told, _ = held(tmp_path / "other", quiet, for_s=0.5, told=(1, 4711))

    assert (False, (1, 2)) == (vanished.is_good, vanished.lost)
    assert (False, (4711,)) == (told.is_good, told.lost)


def test_a_relay_that_goes_on_delivering_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken when the freeze was surely known, and settled before its end: nothing was drilled."""
    monkeypatch.setattr("relay365.trial.outage.KNOWN_S", 0.0)

    async def story(scene: Scene) -> None:
        await scene.until_frozen()
        await scene.put()
        await scene.deliver()

    report, _ = held(tmp_path, story)

    assert (False, 1, 2) == (report.is_good, report.disobeyed, report.while_frozen)


def test_a_person_ends_it_early_and_the_drain_goes_on(tmp_path: Path) -> None:
    """The first stop thaws; the relay is not left frozen for the rest of the time."""

    async def story(scene: Scene) -> None:
        await scene.until_frozen()
        await scene.put()
        assert scene.drill is not None
        scene.drill.stop.set()
        await scene.until_frozen(is_frozen=False)
        await scene.deliver()

    report, _ = held(tmp_path, story, for_s=600.0)

    assert report.is_good
    assert "the person who held it ended it" == report.thawed_early
    assert 1 == report.messages


def test_a_second_stop_ends_the_watching(tmp_path: Path) -> None:
    """What still waits then is said, and it is not good."""

    async def story(scene: Scene) -> None:
        assert scene.drill is not None
        await scene.until_frozen(is_frozen=False)
        await asyncio.sleep(0.2)
        scene.drill.stop.set()

    report, _ = held(tmp_path, story, for_s=0.3)

    assert (False, None, 1) == (report.is_good, report.drained_s, report.still_waiting)


def test_somebody_else_may_thaw(tmp_path: Path) -> None:
    """The drill sees it, and says so."""

    async def story(scene: Scene) -> None:
        await scene.until_frozen()
        thaw(scene.data)
        await scene.deliver()

    report, _ = held(tmp_path, story, for_s=600.0)

    assert "somebody else thawed the relay" == report.thawed_early


def test_it_is_thawed_however_it_ends(tmp_path: Path) -> None:
    """A fault while it watches, and a cancelled task."""

    async def run() -> None:
        spool = await SqliteSpool.open(tmp_path, clock=CLOCK)
        scene, history = Scene(tmp_path, spool, 600.0), History(tmp_path, CLOCK)

        def fail(moment: Moment) -> None:
            raise RuntimeError("the terminal is gone")

        try:
            with contextlib.suppress(RuntimeError):
                await Drill(history, tmp_path, CLOCK, scene.plan).run(fail)
            assert read_freeze(tmp_path, CLOCK.now()) is None
            task = asyncio.ensure_future(Drill(history, tmp_path, CLOCK, scene.plan).run(lambda moment: None))
            await scene.until_frozen()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert read_freeze(tmp_path, CLOCK.now()) is None
        finally:
            await history.close()
            await spool.close()

    asyncio.run(run())


def test_a_table_has_the_first_and_the_last_moment() -> None:
    """And no more rows than are read."""
    moments = [Moment("frozen", float(n), 0, 0, 0.0) for n in range(1000)]
    found = thinned(moments, 16)

    assert (16, 0.0, 999.0) == (len(found), found[0].at, found[-1].at)
    assert moments[:3] == thinned(moments[:3], 16)
