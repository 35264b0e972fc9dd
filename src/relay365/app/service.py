"""The running service: built from a configuration, started, and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from relay365.app.advisor import Advisor
from relay365.app.alerting import posts_of
from relay365.app.doors import gate_of, host_name, identity_of, limits_of, offers_of
from relay365.app.keyring import Keyring
from relay365.app.roads import build_routes, site_of
from relay365.app.supervisor import Supervisor
from relay365.app.watching import Watching
from relay365.app.ways.fates import limit_of, readers_of
from relay365.clock import SystemClock
from relay365.config import Config, split_host_port
from relay365.engine.accounts import Accounts
from relay365.engine.alerts.alarm import Alarm
from relay365.engine.alerts.channels.letter import PostOffice
from relay365.engine.attempts.bookkeeper import Bookkeeper
from relay365.engine.blackbox.archive import Archive
from relay365.engine.blackbox.box import BlackBox
from relay365.engine.blackbox.upstream import Upstream
from relay365.engine.contents.workshop import workshop_of
from relay365.engine.doors.locks import LOCKS_FILE, Locks
from relay365.engine.fates.watch import Desk
from relay365.engine.keeper import Duties, Keeper
from relay365.engine.listener import Access, Listener, SessionCount, drain, look_after
from relay365.engine.reports.audience import Audience
from relay365.engine.reports.recall import recall
from relay365.engine.reports.unknown import UnknownReplies
from relay365.engine.roads.chooser import Chooser
from relay365.engine.roads.diverter import Diverter
from relay365.engine.scheduler import Scheduler
from relay365.engine.session import Reception
from relay365.errors import ConfigError, SpoolError
from relay365.net.loop import loop_factory
from relay365.net.tls import own_names
from relay365.routes.api import Route
from relay365.rules import retry
from relay365.rules.admission.rulebook import rules_of
from relay365.rules.routing import RoadMap
from relay365.spool.api import Spool
from relay365.spool.sqlite import SqliteSpool

_LOG = logging.getLogger("relay365")

SESSIONS_END_S = 4.0  # SIGTERM to exit within ten seconds: sessions first, then what is on the wire
ATTEMPTS_END_S = 3.0


def run(config: Config, *, config_path: Path, announce: Callable[[Mapping[str, Any]], None]) -> int:
    """Run the relay in the foreground until SIGTERM or SIGINT; gives the exit code.

    announce is called once, with the ready event, when every socket listens. Raises ConfigError, DataInUseError,
    SpoolError and OSError before that.
    """
    raise_file_limit()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(serve(config, config_path=config_path, announce=announce))


async def serve(config: Config, *, config_path: Path, announce: Callable[[Mapping[str, Any]], None]) -> int:
    """As run(), inside a loop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
        else:
            loop.add_signal_handler(number, stopping.set)
    relay = await Relay.start(config, config_path.parent, stopping.set)
    metrics = relay.watching.address
    announce({"event": "ready", "listeners": list(relay.addresses), "web": None, "metrics": metrics})
    supervisor = Supervisor.of(os.environ, os.getpid())
    supervisor.ready(f"ready on {', '.join(relay.addresses)}")
    living = loop.create_task(supervisor.live())
    await stopping.wait()
    supervisor.stopping()
    code = await relay.stop()
    living.cancel()
    return code


class Relay:
    """A running relay: start() builds it and listens, stop() ends it in order."""

    def __init__(
        self,
        config: Config,
        base: Path,
        spool: Spool,
        routes: list[Route],
        upstream: Upstream,
        watching: Watching,
    ) -> None:
        self._config, self._base = config, base
        self._clock = SystemClock()
        self._spool = spool
        self._scheduler = Scheduler(
            spool, watching.timed(routes), self._clock, retry.Policy(config.queue.retry)
        )
        self._chooser = Chooser(RoadMap.of(config), self._scheduler.lanes, self._clock)
        users = {user.name: user.password_hash for user in config.user}
        self._accounts = Accounts(
            self._data / config.server.users, users, self._clock, Locks(self._clock, self._data / LOCKS_FILE)
        )
        self._box = BlackBox(
            Archive(self._data),
            self._clock,
            most_sessions=config.log.sessions,
            head_octets=config.log.content_head,
            upstream=upstream,
        )
        self._count = SessionCount(config.server.max_sessions, config.server.max_sessions_per_address)
        self._listeners: list[Listener] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.addresses: tuple[str, ...] = ()
        self.watching = watching

    @property
    def _data(self) -> Path:
        return self._base / self._config.server.data

    @classmethod
    async def start(cls, config: Config, base: Path, died: Callable[[], None]) -> Relay:
        """Build everything, listen, begin to deliver. Raises ConfigError, DataInUseError, SpoolError, OSError.

        base: what relative paths in the configuration are relative to; died is called when a part has ended that
        must not end.
        """
        keyring = Keyring()
        # before the spool: a bad secret must not leave a lock behind
        upstream = Upstream(SystemClock())
        site = site_of(config, base, keyring)
        if config.log.sessions:
            site = replace(site, ears=upstream.ear)
        routes = build_routes(config, base, site)
        readers = readers_of(config, routes, site, keyring.clock)
        data = base / config.server.data
        spool = await SqliteSpool.open(data, clock=SystemClock(), disk_floor_octets=config.queue.disk_floor)
        watching = Watching(posts_of(config, base))
        spool.witness = watching.tally.accepted
        relay = cls(config, base, spool, routes, upstream, watching)
        try:
            books = await relay._recall()
            await relay._listen()
            alarm = await relay._watch(keyring, routes)
        except (OSError, ConfigError, SpoolError):
            for listener in relay._listeners:
                listener.stop()
            await spool.close()
            raise
        keeper = Keeper(spool, relay._clock, relay._duties(routes))
        scheduler = relay._scheduler
        scheduler.advice = Advisor(relay._chooser, readers.again(relay._clock), host_name(config))
        desk = Desk(spool, relay._clock, limit_of(config, scheduler.lanes, relay._clock))
        diverter = Diverter(spool, relay._chooser, scheduler.lanes, relay._clock, scheduler.accepted)
        loop = asyncio.get_running_loop()
        for work in (
            scheduler.run(),
            diverter.run(),
            readers.run(desk),
            keeper.run(),
            look_after(relay._listeners, relay._clock),
            relay._box.run(),
            UnknownReplies(relay._data, relay._clock).run(),
            keyring.run(),
            books.run(),
            alarm.run(),
        ):
            task = loop.create_task(work)
            task.add_done_callback(lambda task: _report_end(task, died))
            relay._tasks.append(task)
        _LOG.info(
            "service.ready listeners=%s routes=%s",
            ",".join(relay.addresses),
            ",".join(relay._scheduler.lanes),
        )
        return relay

    async def _watch(self, keyring: Keyring, routes: list[Route]) -> Alarm:
        """Let others see how it is, where the file says so; gives who calls them."""
        lanes, duties = self._scheduler.lanes, self._duties(routes)
        parts = lanes, self._count, self._spool
        scene = self.watching.scene_of(self._config, (self._base, self._data), parts, keyring)
        await self.watching.open(self._config, scene)
        office = PostOffice(
            self._spool, lanes, self._clock, duties.hostname, duties.author_of, duties.accepted
        )
        return self.watching.alarm(self._config, scene, office, self._chooser.lane_of)

    async def _recall(self) -> Bookkeeper:
        """Before the first mail comes: gates, holds and budgets are as an earlier life has left them."""
        lanes, now, mono = self._scheduler.lanes, self._clock.now(), self._clock.mono()
        for note in await self._spool.lanes():
            if note.lane in lanes:
                recall(lanes[note.lane], note, now, mono)
        books = Bookkeeper(self._spool, lanes, self._clock)
        await books.restore()
        return books

    async def stop(self) -> int:
        """No new sessions; open ones finish or hear 421; what is on the wire settles; then the spool closes.

        Takes less than ten seconds. Gives the exit code: 1 when a part of the relay had died.
        """
        _LOG.info("service.stopping sessions=%d", len(self._count.sessions))
        self.watching.is_stopping = True
        code = int(any(task.done() for task in self._tasks))
        for listener in self._listeners:
            listener.stop()
        await drain(self._count, SESSIONS_END_S)
        await self._scheduler.stop(ATTEMPTS_END_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.watching.close()
        await self._box.close()
        self._accounts.close()
        await self._spool.close()
        return code

    async def _listen(self) -> None:
        config, addresses = self._config, []
        hostname, rules, lodge = host_name(config), rules_of(config), self.watching.lodge
        names = own_names(hostname, [split_host_port(one.address)[0] for one in config.listener])
        workshop = workshop_of(config, self._data)
        if workshop.twins is not None:
            await workshop.twins.recall(self._clock.now())
        for one in config.listener:
            identity = identity_of(one, names, self._base, self._data, self._clock.now())
            reception = Reception(
                one.address, offers_of(config, one, hostname), limits_of(config),
                identity.context if identity is not None else None, one.tls == "implicit",
                gate_of(rules, one, lodge), self._accounts.verify, self._spool, self._chooser.lanes_of,
                config.queue.give_up, self._scheduler.accepted, self._clock, self._scheduler, self._box,
                one.xclient_from, workshop,
            )  # fmt: skip
            access = Access(one.hosts, one.proxy_from, one.review_by, identity)
            listener = Listener(reception, self._count, access)
            addresses.append(await listener.open(*split_host_port(one.address)))
            self._listeners.append(listener)
        self.addresses = tuple(addresses)
        self.watching.is_listening = True

    def _duties(self, routes: list[Route]) -> Duties:
        hostname, queue, scheduler = host_name(self._config), self._config.queue, self._scheduler
        authors = {route.lane: getattr(route, "mailbox", "") for route in routes}
        return Duties(
            hostname=hostname,
            give_up_s=queue.give_up,
            keep_s=queue.keep,
            lane_of=self._chooser.lane_of,
            author_of=lambda lane: authors.get(lane) or f"postmaster@{hostname}",
            kept=lambda: frozenset(name for name, lane in scheduler.lanes.items() if lane.health.keeps_mail),
            accepted=scheduler.accepted,
            audience=Audience.of(self._config),
            warn_after_s=queue.warn_after,
        )


def _report_end(task: asyncio.Task[None], died: Callable[[], None]) -> None:
    """A part that ends by a fault of ours ends the service: half a relay would take mail and never deliver it."""
    if not task.cancelled() and task.exception() is not None:
        _LOG.critical("service.died", exc_info=task.exception())
        died()


def raise_file_limit() -> None:
    """Use all file descriptors that the system allows; the soft limit of 1,024 is less than our sessions."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
