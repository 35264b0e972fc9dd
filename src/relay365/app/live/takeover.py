"""Takeover: a running relay follows another configuration. First everything is made and tried, then nothing can fail.

Mail that is being accepted or delivered is not touched: sessions go on with what they began with, deliveries end on
the route that they began on, and a route that is not needed any more is ended when its last one has ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from relay365.app.live.build import Build
from relay365.app.live.listeners import Identities, Listeners, Receive
from relay365.app.live.parts import Parts, users_of
from relay365.app.live.plan import Plan, difference, effective
from relay365.app.watching import Bound
from relay365.config import Config
from relay365.engine.alerts.alarm import Alarm
from relay365.engine.attempts.bookkeeper import Bookkeeper
from relay365.engine.contents.workshop import Workshop, workshop_of
from relay365.engine.keeper import Keeper
from relay365.engine.lane import Lane
from relay365.engine.reports.recall import recall
from relay365.engine.roads.rerouting import Rerouting
from relay365.engine.roads.succession import Succession, succeed
from relay365.errors import ConfigError, SpoolError
from relay365.rules import retry
from relay365.rules.routing import RoadMap

_LOG = logging.getLogger("relay365")

QUIET_S = 0.2  # how often a lane that is left is asked whether its last delivery has ended
STRAYS_S = (
    0.0,
    1.0,
    5.0,
    30.0,
)  # when mail is looked for that a session or a delivery put into a lane that is gone


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a change needs, made and tried; nothing of it is in use yet."""

    plan: Plan
    build: Build
    identities: Identities
    receive: Receive
    workshop: Workshop
    listeners: Listeners
    endpoint: Bound | None


@dataclass(slots=True)
class Takeover:
    """One per relay. workshop: what is done to contents now. ending: what still ends of earlier configurations."""

    parts: Parts
    workshop: Workshop
    keeper: Keeper
    books: Bookkeeper
    alarm: Alarm
    ending: set[asyncio.Task[None]] = field(default_factory=set)

    async def prepare(self, config: Config) -> Prepared:
        """Make and try all of it; raises ConfigError, and nothing has changed then."""
        parts, present = self.parts, self.parts.build
        wanted, clock = effective(present.config, config), parts.clock
        base, ear = present.site.base, parts.box.upstream.ear
        build = await asyncio.to_thread(Build.of, wanted, base, ear, present)
        marks = tuple({name: way.mark for name, way in one.ways.items()} for one in (present, build))
        plan = difference(present.config, config, (marks[0], marks[1]))
        identities = await asyncio.to_thread(build.identities, clock.now())
        workshop = await self._workshop(wanted)
        receive = parts.receive(build, workshop)
        endpoint = await parts.watching.bind(wanted, self.alarm.scene)
        try:
            listeners = await parts.listeners.bind(wanted, plan, identities, receive)
        except ConfigError:
            if endpoint is not None:
                await endpoint[0].close()
            raise
        return Prepared(plan, build, identities, receive, workshop, listeners, endpoint)

    async def perform(self, ready: Prepared) -> None:
        """Follow it: what is prepared holds at one instant, between two rounds of the scheduler."""
        parts, build, before = self.parts, ready.build, self.parts.build
        stays = {r.lane for n, way in build.ways.items() if before.ways.get(n) is way for r in way.routes}
        async with parts.scheduler.between_rounds():
            wanted = parts.watching.timed(build.routes)
            heirs = succeed(parts.scheduler.lanes, wanted, stays, parts.clock)
            try:
                await self._remember(heirs)
            except SpoolError as error:  # then it is learnt from the remote's own words
                _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, 0.0)
            left = parts.scheduler.follow(heirs.lanes, retry.Policy(build.config.queue.retry))
            self._follow(ready)
        await parts.watching.follow(build.config, self.alarm.scene, ready.endpoint)
        ended = self._begin(self._end(left))
        if ready.plan.reroutes:
            self._begin(self._reroute([lane.name for lane in left], ended))

    async def _remember(self, heirs: Succession) -> None:
        """What an earlier configuration or life has used and learnt of lanes that come. Raises SpoolError."""
        await self.books.take_in(heirs.strangers())
        clock, present = self.parts.clock, self.parts.scheduler.lanes
        for note in await self.parts.spool.lanes():
            if note.lane in heirs.lanes and note.lane not in present:
                recall(heirs.lanes[note.lane], note, clock.now(), clock.mono())

    def _follow(self, ready: Prepared) -> None:
        """Without a pause, so that nobody sees half of it."""
        parts, build, config = self.parts, ready.build, ready.build.config
        parts.build, self.workshop = build, ready.workshop
        parts.chooser.follow(RoadMap.of(config))
        parts.scheduler.advice = parts.advisor(build)
        parts.accounts.follow(build.site.data / config.server.users, users_of(config))
        parts.box.follow(config.log.sessions, config.log.content_head)
        count = parts.listeners.count
        count.most, count.most_per_address = (
            config.server.max_sessions,
            config.server.max_sessions_per_address,
        )
        parts.listeners.follow(config, ready.listeners, ready.identities, ready.receive)
        build.site.keyring.keys[:] = build.keys
        parts.watching.posts = build.posts
        numbers = parts.watching.numbers
        self.alarm.follow(parts.alarm(build, parts.scene(build, self.alarm.scene)))
        parts.watching.numbers = numbers  # of the alarm that stays
        self.keeper.follow(parts.duties(build))

    async def close(self) -> None:
        """End at once what still ends; harmless when there is nothing."""
        for task in self.ending:
            task.cancel()
        await asyncio.gather(*self.ending, return_exceptions=True)

    async def _workshop(self, config: Config) -> Workshop:
        """What is remembered of earlier messages stays, as long as it is remembered for the same time."""
        before = self.parts.build.config.duplicates.window
        if config.duplicates.window == before:
            return replace(workshop_of(config), twins=self.workshop.twins)
        fresh = workshop_of(config, self.parts.build.site.data)
        if fresh.twins is not None:
            await fresh.twins.recall(self.parts.clock.now())
        return fresh

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.ending.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.ending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _LOG.error("config.unfinished", exc_info=task.exception())

    async def _end(self, left: Sequence[Lane]) -> None:
        """End the routes of these lanes, when nothing is on its way in any of them: they may share what they end."""
        try:
            while any(lane.n_in_flight or lane.ready for lane in left):  # noqa: ASYNC110 - a lane is no condition
                await asyncio.sleep(QUIET_S)
        finally:
            for lane in left:
                await lane.route.close()
        await self._forget({lane.name for lane in left} - self.parts.scheduler.lanes.keys())

    async def _forget(self, gone: Collection[str]) -> None:
        """Nobody need heal a lane that is gone; when it opens stays written, should the lane come back."""
        try:
            for note in await self.parts.spool.lanes():
                if note.lane in gone and note.held:
                    await self.parts.spool.note_lane(replace(note, held="", klass="", row=""))
        except SpoolError as error:
            _LOG.warning("lane.not-noted lane=%s reason=%s", ",".join(gone), error)

    async def _reroute(self, left: Sequence[str], ended: asyncio.Task[None]) -> None:
        """Mail that waits goes by the rules that hold now; what is still put into a lane that is gone is looked for."""
        parts = self.parts
        rerouting = Rerouting(
            parts.spool, parts.chooser, parts.scheduler.lanes, parts.clock, parts.scheduler.accepted
        )
        look = rerouting.all
        for wait_s in STRAYS_S:
            await asyncio.sleep(wait_s)
            if wait_s == STRAYS_S[-1]:
                await asyncio.wait([ended])
            try:
                await look()
                for lane in left:
                    await rerouting.held(lane)
                look = rerouting.strays
            except SpoolError as error:
                _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, wait_s)
