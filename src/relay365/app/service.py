"""The running service: built from a configuration, started, and stopped in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from relay365.app.live.build import Build
from relay365.app.live.draining import Draining
from relay365.app.live.opening import Opening
from relay365.app.live.parts import Parts
from relay365.app.live.plan import Plan
from relay365.app.live.reloader import Reloader
from relay365.app.live.standing import Standing
from relay365.app.live.takeover import Takeover
from relay365.app.renewing.renewer import Renewer
from relay365.app.supervisor import Supervisor
from relay365.app.watching import Watching
from relay365.clock import SystemClock
from relay365.config import Config
from relay365.engine.blackbox.upstream import Upstream
from relay365.engine.contents.workshop import workshop_of
from relay365.engine.control.requests import Control
from relay365.engine.keeper import Keeper
from relay365.engine.listener import drain, look_after
from relay365.engine.reports.unknown import UnknownReplies
from relay365.engine.roads.diverter import Diverter
from relay365.errors import ConfigError, SpoolError
from relay365.net.loop import loop_factory, when_ended
from relay365.spool.sqlite import SqliteSpool

_LOG = logging.getLogger("relay365")

SESSIONS_END_S = 4.0  # SIGTERM to exit within ten seconds: sessions first, then what is on the wire
ATTEMPTS_END_S = 3.0


def run(config: Config, *, config_path: Path, announce: Callable[[Mapping[str, Any]], None]) -> int:
    """Run the relay in the foreground until SIGTERM or SIGINT; gives the exit code. SIGHUP: read the file again.

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
    when_ended(stopping.set)
    asked = asyncio.Event()
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, asked.set)  # what is asked of a start is done behind it
    relay = await Relay.start(config, config_path.parent, stopping.set)
    supervisor = Supervisor.of(os.environ, os.getpid())
    reloader = Reloader(relay, config_path, supervisor)
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, reloader.begin)
    if asked.is_set():
        reloader.begin()
    draining = Draining(relay.parts, stopping.set, lambda: supervisor.ready(relay.status()))
    relay.begin("draining", draining.run())
    requests = {
        "reload": reloader.answer,
        "route-open": Opening(relay.parts).answer,
        "drain": draining.answer,
        "standing": Standing(relay.parts).answer,
    }
    relay.begin("control", Control(relay.parts.build.site.data, requests, relay.parts.clock).run())
    metrics = relay.watching.address
    announce({"event": "ready", "listeners": list(relay.addresses), "web": None, "metrics": metrics})
    supervisor.ready(relay.status())
    gc.freeze()  # all that a start has made stays: a full collection looks at it no more, and takes 6 ms, not 27
    living = loop.create_task(supervisor.live())
    await stopping.wait()
    supervisor.stopping()
    await reloader.end()
    code = await relay.stop()
    living.cancel()
    return code


class Relay:
    """A running relay: start() builds it and listens, reload() changes it, stop() ends it in order."""

    def __init__(self, parts: Parts, takeover: Takeover, died: Callable[[], None]) -> None:
        self.parts = parts
        self._takeover, self._died = takeover, died
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens, in the order of the file, with the real ports."""
        return tuple(self.parts.listeners.addresses.values())

    @property
    def watching(self) -> Watching:
        """How it is seen."""
        return self.parts.watching

    def status(self) -> str:
        """One line for whoever supervises it."""
        if self.parts.listeners.count.closed is not None:
            return "draining: it takes no mail, and delivers what waits"
        return f"ready on {', '.join(self.addresses)}"

    @classmethod
    async def start(cls, config: Config, base: Path, died: Callable[[], None]) -> Relay:
        """Build everything, listen, begin to deliver. Raises ConfigError, DataInUseError, SpoolError, OSError.

        base: what relative paths in the configuration are relative to; died is called when a part has ended that
        must not end.
        """
        clock = SystemClock()
        upstream = Upstream(clock)
        build = Build.of(
            config, base, upstream.ear
        )  # before the spool: a bad secret must not leave a lock behind
        build.site.keyring.keys[:] = build.keys
        spool = await SqliteSpool.open(
            build.site.data, clock=clock, disk_floor_octets=config.queue.disk_floor
        )
        watching = Watching(build.posts)
        watching.lodge.shares.share = config.queue.disk_share / 100
        spool.witness = watching.tally.accepted
        parts = Parts.of(build, clock, spool, upstream, watching)
        try:
            relay = cls(parts, await _opened(parts), died)
        except (OSError, ConfigError, SpoolError):
            parts.listeners.stop()
            await spool.close()
            raise
        relay._begin_all()
        _LOG.info(
            "service.ready listeners=%s routes=%s", ",".join(relay.addresses), ",".join(parts.scheduler.lanes)
        )
        return relay

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a part until the end of the relay; one that dies ends it."""
        task = self._tasks[name] = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda task: _report_end(task, self._died))

    def _begin_all(self) -> None:
        parts, takeover = self.parts, self._takeover
        scheduler, spool, clock = parts.scheduler, parts.spool, parts.clock
        scheduler.advice = parts.advisor(parts.build)
        diverter = Diverter(spool, parts.chooser, scheduler.lanes, clock, scheduler.accepted)
        for name, work in (
            ("scheduler", scheduler.run()),
            ("diverter", diverter.run()),
            ("readers", parts.build.reading.readers.run(parts.desk())),
            ("keeper", takeover.keeper.run()),
            ("certificates", look_after(parts.listeners.opened.values(), clock)),
            ("black box", parts.box.run()),
            (
                "shares",
                parts.watching.lodge.shares.run(
                    parts.build.site.data, parts.build.config.queue.disk_floor, spool, clock
                ),
            ),
            ("unknown replies", UnknownReplies(parts.build.site.data, clock).run()),
            (
                "renewer",
                Renewer(
                    lambda: parts.build,
                    clock,
                    takeover.alarm.scene.forget_ends,
                    parts.watching.troubles,
                ).run(),
            ),
            ("keyring", parts.build.site.keyring.run()),
            ("books", takeover.books.run()),
            ("alarm", takeover.alarm.run()),
        ):
            self.begin(name, work)

    async def reload(self, config: Config) -> Plan:
        """Follow another configuration, and drop no session; gives what it changed. Raises ConfigError: nothing has."""
        before = self.parts.build.reading
        ready = await self._takeover.prepare(config)
        await self._takeover.perform(ready)
        reading = self.parts.build.reading
        if reading is not before:
            readers = self._tasks.pop("readers")
            readers.cancel()
            await asyncio.wait([readers])
            self.begin("readers", reading.readers.run(self.parts.desk()))
        return ready.plan

    async def stop(self) -> int:
        """No new sessions; open ones finish or hear 421; what is on the wire settles; then the spool closes.

        Takes less than ten seconds. Gives the exit code: 1 when a part of the relay had died.
        """
        parts = self.parts
        _LOG.info("service.stopping sessions=%d", len(parts.listeners.count.sessions))
        self.watching.is_stopping = True
        tasks = list(self._tasks.values())
        code = int(any(task.done() for task in tasks))
        parts.listeners.stop()
        await drain(parts.listeners.count, SESSIONS_END_S)
        await parts.scheduler.stop(ATTEMPTS_END_S)
        await self._takeover.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.watching.close()
        await parts.box.close()
        parts.accounts.close()
        await parts.spool.close()
        return code


async def _opened(parts: Parts) -> Takeover:
    """Recall, listen, and let others see how it is, where the file says so."""
    build, config = parts.build, parts.build.config
    books = await parts.recall()
    workshop = workshop_of(config, build.site.data)
    if workshop.twins is not None:
        await workshop.twins.recall(parts.clock.now())
    await parts.listeners.open(config, build.identities(parts.clock.now()), parts.receive(build, workshop))
    parts.watching.is_listening = True
    scene = parts.scene(build)
    await parts.watching.open(config, scene)
    keeper = Keeper(parts.spool, parts.clock, parts.duties(build))
    return Takeover(parts, workshop, keeper, books, parts.alarm(build, scene))


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
