"""Parts: the parts of a running relay, and how each is made from a Build; the same at a start and at a reload."""

from __future__ import annotations

from dataclasses import dataclass, replace

from relay365.app.advisor import Advisor
from relay365.app.doors import gate_of, host_name, limits_of, offers_of
from relay365.app.live.build import Build
from relay365.app.live.listeners import Listeners, Receive
from relay365.app.watching import Watching
from relay365.app.ways.fates import limit_of
from relay365.clock import Clock
from relay365.config import Config
from relay365.config import Listener as ListenerTable
from relay365.engine.accounts import Accounts
from relay365.engine.alerts.alarm import Alarm
from relay365.engine.alerts.channels.letter import PostOffice
from relay365.engine.attempts.bookkeeper import Bookkeeper
from relay365.engine.attempts.orders import Orders
from relay365.engine.blackbox.archive import Archive
from relay365.engine.blackbox.box import BlackBox
from relay365.engine.blackbox.upstream import Upstream
from relay365.engine.contents.workshop import Workshop
from relay365.engine.doors.locks import LOCKS_FILE, Locks
from relay365.engine.fates.watch import Desk
from relay365.engine.keeper import Duties
from relay365.engine.listener import SessionCount
from relay365.engine.reports.audience import Audience
from relay365.engine.reports.recall import recall
from relay365.engine.roads.chooser import Chooser
from relay365.engine.scheduler import Scheduler
from relay365.engine.session import Reception
from relay365.engine.watch.scene import Scene
from relay365.mail.outcome import Outcome
from relay365.net.identity import Identity
from relay365.rules import retry
from relay365.rules.admission.rulebook import rules_of
from relay365.rules.ourselves import own_sender
from relay365.rules.routing import RoadMap
from relay365.spool.sqlite import SqliteSpool


@dataclass(slots=True)
class Parts:
    """See the module. build: what all of it follows now."""

    build: Build
    clock: Clock
    spool: SqliteSpool
    scheduler: Scheduler
    chooser: Chooser
    accounts: Accounts
    box: BlackBox
    watching: Watching
    listeners: Listeners

    @classmethod
    def of(
        cls, build: Build, clock: Clock, spool: SqliteSpool, upstream: Upstream, watching: Watching
    ) -> Parts:
        """Parts that wait for their first mail; none of them runs, and nobody listens yet."""
        config, data = build.config, build.site.data
        scheduler = Scheduler(spool, watching.timed(build.routes), clock, retry.Policy(config.queue.retry))
        scheduler.orders = Orders(spool, clock, data)
        log = config.log
        return cls(
            build, clock, spool, scheduler,
            Chooser(RoadMap.of(config), scheduler.lanes, clock),
            Accounts(data / config.server.users, users_of(config), clock, Locks(clock, data / LOCKS_FILE)),
            BlackBox(
                Archive(data), clock, most_sessions=log.sessions, head_octets=log.content_head, upstream=upstream
            ),
            watching,
            Listeners(SessionCount(config.server.max_sessions, config.server.max_sessions_per_address)),
        )  # fmt: skip

    async def recall(self) -> Bookkeeper:
        """Before the first mail comes: gates, holds and budgets are as an earlier life has left them."""
        lanes, now, mono = self.scheduler.lanes, self.clock.now(), self.clock.mono()
        for note in await self.spool.lanes():
            if note.lane in lanes:
                recall(lanes[note.lane], note, now, mono)
        books = Bookkeeper(self.spool, lanes, self.clock)
        await books.restore()
        return books

    def receive(self, build: Build, workshop: Workshop) -> Receive:
        """What is behind each listener of a configuration."""
        config, lodge = build.config, self.watching.lodge
        hostname, rules = host_name(config), rules_of(config)

        def reception(one: ListenerTable, identity: Identity | None) -> Reception:
            return Reception(
                one.address, offers_of(config, one, hostname), limits_of(config),
                identity.context if identity is not None else None, one.tls == "implicit",
                gate_of(rules, one, lodge), self.accounts.verify, self.spool, self.chooser.lanes_of,
                config.queue.give_up, self.scheduler.accepted, self.clock, self.scheduler, self.box,
                one.xclient_from, workshop,
            )  # fmt: skip

        return reception

    def duties(self, build: Build) -> Duties:
        """What the keeper keeps to."""
        config, scheduler = build.config, self.scheduler
        hostname, queue = host_name(config), config.queue
        authors = _authors(build)
        return Duties(
            hostname=hostname,
            give_up_s=queue.give_up,
            keep_s=queue.keep,
            lane_of=self.chooser.lane_of,
            author_of=lambda lane: authors.get(lane) or f"postmaster@{hostname}",
            kept=lambda: frozenset(
                name
                for name, lane in scheduler.lanes.items()
                if lane.health.keeps_mail or scheduler.orders.is_frozen
            ),
            accepted=scheduler.accepted,
            audience=Audience.of(config),
            warn_after_s=queue.warn_after,
        )

    def scene(self, build: Build, before: Scene | None = None) -> Scene:
        """What is looked at. before: the one until now, of which all that was counted still holds."""
        parts = self.scheduler.lanes, self.listeners.count, self.spool
        place = build.site.base, build.site.data
        scene = self.watching.scene_of(build.config, place, parts, build.site.keyring)
        scene = replace(scene, freeze=lambda: self.scheduler.orders.freeze)
        if before is None:
            return scene
        before.forget_ends()
        return replace(scene, sample=before.sample, busy=before.busy)

    def alarm(self, build: Build, scene: Scene) -> Alarm:
        """Who calls people."""
        duties = self.duties(build)
        authors = _authors(build)
        office = PostOffice(
            self.spool, self.scheduler.lanes, self.clock, duties.hostname, lambda lane: authors.get(lane, ""),
            duties.accepted,
        )  # fmt: skip
        return self.watching.alarm(build.config, scene, office, self.chooser.lane_of)

    def advisor(self, build: Build) -> Advisor:
        """Whom the scheduler asks."""
        return Advisor(self.chooser, build.reading.readers.again(self.clock), host_name(build.config))

    def desk(self) -> Desk:
        """Where what is learnt later arrives; it knows the configuration of the moment."""

        def reached(lane: str, outcome: Outcome) -> None:
            limit_of(self.build.config, self.scheduler.lanes, self.clock)(lane, outcome)

        return Desk(self.spool, self.clock, reached)


def _authors(build: Build) -> dict[str, str]:
    """By lane: the address that our own mail may come from, "" where the configuration does not tell."""
    tables = dict(zip(build.config.route_names(), build.config.route, strict=True))
    return {
        route.lane: own_sender(build.config, tables[route.name], getattr(route, "mailbox", ""))
        for route in build.routes
    }


def users_of(config: Config) -> dict[str, str]:
    """Logins of the file: name -> hash."""
    return {user.name: user.password_hash for user in config.user}
