"""Alarm: looks for causes, tells channels what the ledger finds due, and keeps it. Acts; causes and ledger decide.

A channel that fails is tried again, each time later, and holds up nobody else. While the ledger cannot be written the
telling goes on: a restart would then tell again, which is better than silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from relay365.engine.alerts import causes
from relay365.engine.alerts.causes import Cause, Limits
from relay365.engine.alerts.digest import WEEK_S, Week, digest, next_at
from relay365.engine.alerts.ledger import Ledger, mutes_in, read_object, write_object
from relay365.engine.alerts.synthetic import ARRIVED, SERVED, TOOK, Synthetic
from relay365.engine.alerts.telling import (
    DIGEST,
    INFO,
    Channel,
    ChannelFailed,
    Message,
    message_of,
    trial_message,
)
from relay365.engine.reports.unknown import load
from relay365.engine.watch.scene import Scene, free_space
from relay365.errors import SpoolError

_LOG = logging.getLogger("relay365.alerts")

ROUND_S = 5.0
SPOOL_S = 60.0  # how often a row is written to see whether the disk takes it
PAUSES_S = (60.0, 300.0, 900.0, 3600.0)  # after a channel has failed
TEST_FILE, TESTED_FILE = "alerts-test.json", "alerts-tested.json"
SINCE = "watching since"
DIGEST_DUE = "digest due"


@dataclass(slots=True)
class _Sulk:
    """A channel that failed: until when it is left alone, and how often it has."""

    until_mono: float = 0.0
    n_failed: int = 0


@dataclass(slots=True)
class Alarm:
    """One per relay. devices_heard: by name, of this life; digest_at: "monday 07:30" or ""."""

    scene: Scene
    ledger: Ledger
    channels: Sequence[Channel]
    limits: Limits
    relay: str
    devices_heard: Mapping[str, float]
    digest_at: str = ""
    synthetic: Synthetic | None = None
    _sulks: dict[str, _Sulk] = field(default_factory=dict)
    _is_noted: bool = True

    def follow(self, fresh: Alarm) -> None:
        """See, judge and tell as a new one would, from now on; what was told is told, and nothing is asked anew."""
        self.scene, self.channels, self.limits = fresh.scene, fresh.channels, fresh.limits
        self.relay, self.digest_at, self.synthetic = fresh.relay, fresh.digest_at, fresh.synthetic
        self.ledger.again_after_s = fresh.ledger.again_after_s
        fresh.ledger.marks = self.ledger.marks  # its synthetic mail goes on from ours

    async def run(self) -> None:
        """One round after the other, until cancelled."""
        await asyncio.to_thread(self.ledger.load)
        self.ledger.marks.setdefault(SINCE, self.scene.clock.now())
        while True:
            await self.round()
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Look, tell, and write down."""
        clock, ledger, data = self.scene.clock, self.ledger, self.scene.data
        mutes = await asyncio.to_thread(mutes_in, data, clock.now())
        ledger.see(await self.look(), clock.now())
        channels = {one.name: one for one in self.channels}  # they may be others before all of them are told
        due = ledger.due(
            [name for name, one in channels.items() if not self._sulks_now(one)], mutes, clock.now()
        )
        for one in due:
            message = message_of(one, self.relay, clock.now())
            if not await self._tell(channels[one.channel], message):
                ledger.told(one, clock.now())
        ledger.tidy(clock.now(), [one.name for one in self.channels])
        is_digest = await self._digest()
        await self._test()
        await self._save(is_changed=bool(due) or is_digest)

    async def look(self) -> list[Cause]:
        """All that is wrong now."""
        scene, limits = self.scene, self.limits
        sample = await scene.look()
        now, mono, lanes = scene.clock.now(), scene.clock.mono(), list(scene.lanes.values())
        self.ledger.heard.update(self.devices_heard)
        began = self.ledger.marks.setdefault(SINCE, now)
        heard = {name: self.ledger.heard.get(name, began) for name in limits.silence_s}
        unknown = await asyncio.to_thread(load, scene.data)
        fresh = [one for one in unknown if now - one.last_at <= causes.DAY_S]
        free = free_space(scene.data)
        # a row is written only for whoever is told of it: an idle relay leaves its disk alone
        trouble = await scene.spool_trouble(SPOOL_S) if self.channels else ""
        return [
            *causes.of_lanes(lanes, mono, limits), *causes.of_queue(sample.depths, now, limits),
            *causes.of_freeze(scene.freeze(), sample.depths, now), *causes.of_spool(trouble),
            *causes.of_disk(free[0] if free is not None else None, limits), *causes.of_budgets(lanes, mono),
            *causes.of_ends(sample.ends, now, limits), *causes.of_reminders(now, limits),
            *causes.of_unknown([one.text for one in fresh], fresh[0].lane if fresh else ""),
            *causes.of_devices(heard, now, limits),
            *(await self.synthetic.step() if self.synthetic is not None else ()),
        ]  # fmt: skip

    def numbers(self) -> Iterator[tuple[str, Iterable[tuple[tuple[str, ...], float]]]]:
        """What /metrics says of it (engine.watch.exposition)."""
        marks = self.ledger.marks
        found = Counter({causes.WARNING: 0, causes.CRITICAL: 0})
        found.update(one.cause.severity for one in self.ledger.open.values() if not one.gone_at)
        yield "relay365_alerts", [((severity,), n) for severity, n in sorted(found.items())]
        for name, mark in (
            ("relay365_synthetic_seconds", TOOK),
            ("relay365_synthetic_timestamp_seconds", ARRIVED),
            ("relay365_synthetic_served_timestamp_seconds", SERVED),
        ):
            yield name, [((), marks[mark])] if mark in marks else ()

    def _sulks_now(self, channel: Channel) -> bool:
        return self.scene.clock.mono() < self._sulks.get(channel.name, _Sulk()).until_mono

    async def _tell(self, channel: Channel, message: Message) -> str:
        """Why it was not taken, or ""."""
        try:
            await channel.tell(message)
        except ChannelFailed as error:
            sulk = self._sulks.setdefault(channel.name, _Sulk())
            pause_s = PAUSES_S[min(sulk.n_failed, len(PAUSES_S) - 1)]
            sulk.n_failed += 1
            sulk.until_mono = self.scene.clock.mono() + pause_s
            _LOG.error("alert.not-sent channel=%s key=%r reason=%s", channel.name, message.key, error)
            return str(error)
        self._sulks.pop(channel.name, None)
        _LOG.warning("alert.sent channel=%s state=%s key=%r", channel.name, message.state, message.key)
        return ""

    async def _digest(self) -> bool:
        """Once a week, to all channels; a relay that was down at the time sends it when it is up again."""
        now, marks = self.scene.clock.now(), self.ledger.marks
        local = datetime.fromtimestamp(now).astimezone()
        coming = next_at(self.digest_at, local)
        due_at = marks.get(DIGEST_DUE, 0.0)
        if coming is None:
            return marks.pop(DIGEST_DUE, None) is not None
        if due_at and now < due_at <= coming.timestamp():
            return False
        marks[DIGEST_DUE] = coming.timestamp()
        if not due_at or now < due_at:  # the first time, or the file names another day
            return True
        message = Message(
            DIGEST, "digest", INFO, self.relay, "the week", "", "", now, now, text=await self._week(now)
        )
        for channel in self.channels:
            await self._tell(channel, message)
        return True

    async def _week(self, now: float) -> str:
        sample, ledger = self.scene.sample, self.ledger
        try:
            usage = await self.scene.store.usage(now - WEEK_S)
        except SpoolError:
            usage = ()
        week = Week(usage, sample.depths, ledger.open.values(), ledger.old, sample.ends, ledger.heard)
        return digest(week, now)

    async def _test(self) -> None:
        """`relay365 alerts test` asks by a file, and reads the answers from another one."""
        data = self.scene.data
        order = await asyncio.to_thread(read_object, data / TEST_FILE)
        if not order:
            return
        message = trial_message(self.relay, self.scene.clock.now())
        try:
            (data / TEST_FILE).unlink(missing_ok=True)
            answers = {channel.name: await self._tell(channel, message) for channel in self.channels}
            await asyncio.to_thread(
                write_object, data / TESTED_FILE, {"order": order.get("order"), "answers": answers}
            )
        except OSError as error:
            _LOG.error("alert.not-noted reason=%s", error)

    async def _save(self, *, is_changed: bool) -> None:
        """After each change, and once in a while for what was heard."""
        now, marks = self.scene.clock.now(), self.ledger.marks
        if not is_changed and self._is_noted and now - marks.get("saved", 0.0) < 60.0:
            return
        marks["saved"] = now
        try:
            await asyncio.to_thread(self.ledger.save)
            self._is_noted = True
        except OSError as error:
            if self._is_noted:
                _LOG.error("alert.not-noted reason=%s", error)
            self._is_noted = False
