"""The parts of a relay as a configuration wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from relay365.app.live.build import Build
from relay365.app.live.parts import Parts, users_of
from relay365.app.watching import Watching
from relay365.clock import SystemClock
from relay365.config import parse
from relay365.engine.alerts.telling import Message
from relay365.engine.blackbox.upstream import Upstream
from relay365.engine.contents.workshop import Workshop
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.spool.api import LaneNote, Selection
from relay365.spool.sqlite import SqliteSpool

FILE = """
[server]
name = "relay.test"
data = "./data"
max_sessions = 7
[[listener]]
address = "127.0.0.1:0"
tls = "none"
require_auth = true
[[allow]]
network = "127.0.0.0/8"
[[user]]
name = "printer"
password_hash = "hash"
[queue]
give_up = "2d"
[[route]]
kind = "hve"
mailbox = "bulk@contoso.com"
domains = ["contoso.com"]
password = { file = "password" }
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
"""
LANE = "hve/bulk@contoso.com"


def _story(folder: Path, told: Callable[[Parts], Awaitable[None]], more: str = "") -> None:
    (folder / "password").write_text("x")

    async def run() -> None:
        clock = SystemClock()
        upstream = Upstream(clock)
        build = Build.of(parse(FILE + more, "x.toml"), folder, upstream.ear)
        spool = await SqliteSpool.open(folder / "data", clock=clock)
        parts = Parts.of(build, clock, spool, upstream, Watching(build.posts))
        try:
            await told(parts)
        finally:
            await parts.box.close()
            parts.accounts.close()
            await spool.close()

    asyncio.run(run())


def test_lanes_limits_and_logins_are_those_of_the_file(tmp_path: Path) -> None:
    """In its order; nobody listens yet."""

    async def told(parts: Parts) -> None:
        assert [LANE, "smarthost"] == list(parts.scheduler.lanes)
        assert (7, {}) == (parts.listeners.count.most, parts.listeners.opened)
        assert {"printer": "hash"} == users_of(parts.build.config)
        assert ["printer"] == parts.accounts.names()

    _story(tmp_path, told)


def test_what_is_behind_a_listener(tmp_path: Path) -> None:
    """Its table decides about the login, the other tables about the life of a message."""

    async def told(parts: Parts) -> None:
        receive = parts.receive(parts.build, Workshop())
        reception = receive(parts.build.config.listener[0], None)
        client = reception.gate.client(SubmitterFacts(reception.name, "127.0.0.1"))

        assert ("127.0.0.1:0", 172_800.0, None) == (reception.name, reception.keep_s, reception.tls)
        assert "required" == client.login

    _story(tmp_path, told)


def test_who_reports_come_from(tmp_path: Path) -> None:
    """The mailbox of the lane, or the postmaster here; lanes that wait for a person or a quota keep their mail."""

    async def told(parts: Parts) -> None:
        duties = parts.duties(parts.build)
        throttle = Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, None, "452 slow down")
        parts.scheduler.lanes[LANE].health.throttle(throttle, 0, parts.clock.mono(), 0.5)

        assert ("bulk@contoso.com", "postmaster@relay.test") == (
            duties.author_of(LANE), duties.author_of("smarthost"),
        )  # fmt: skip
        assert {LANE} == duties.kept()

    _story(tmp_path, told)


def test_who_alerts_come_from(tmp_path: Path) -> None:
    """The mailbox of the lane; of a way without one what the file says of our domains; else nobody: a null path."""
    channel = '[[alerts.channel]]\nkind = "mail"\nto = "it@contoso.com"\n'
    ours = '[sender]\ndomains = ["contoso.com"]\n'
    alert = Message("alert", "k", "critical", "relay.test", "w", "y", "d", 0.0, 60.0)

    async def senders(parts: Parts) -> list[tuple[str, str]]:
        (letter,) = parts.alarm(parts.build, parts.scene(parts.build)).channels
        await letter.tell(alert)
        await letter.tell(replace(alert, lane=LANE))
        views = await parts.spool.list(Selection())
        return [(view.recipients[0].lane, view.reverse_path) for view in views]

    async def unknown(parts: Parts) -> None:
        assert [(LANE, "bulk@contoso.com"), ("smarthost", "")] == await senders(parts)

    async def known(parts: Parts) -> None:
        assert ("smarthost", "postmaster@contoso.com") == (await senders(parts))[-1]

    _story(tmp_path, unknown, channel)
    _story(tmp_path, known, channel + ours)


def test_an_earlier_lifes_hold_is_recalled(tmp_path: Path) -> None:
    """And that of a lane that is gone is not."""

    async def told(parts: Parts) -> None:
        for lane in (LANE, "gone"):
            await parts.spool.note_lane(
                LaneNote(lane, "535 5.7.3 no", "configuration", "auth-refused", 1.0, 0.0, 0.0)
            )
        await parts.recall()
        held = parts.scheduler.lanes[LANE].health.held

        assert held is not None
        assert "535 5.7.3 no" == held.reply_text

    _story(tmp_path, told)


def test_a_limit_that_is_reported_later_shuts_the_lane_of_the_moment(tmp_path: Path) -> None:
    """The desk asks for the configuration when the report comes, not when it was made."""

    async def told(parts: Parts) -> None:
        reached = parts.desk().limit_reached
        reached("gone", Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, None, "x"))
        reached(LANE, Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, None, "x", retry_after_s=60.0))

        assert parts.scheduler.lanes[LANE].room(parts.clock.mono()) == 0
        assert parts.scheduler.lanes["smarthost"].room(parts.clock.mono()) > 0

    _story(tmp_path, told)


def test_a_scene_goes_on_from_the_one_before(tmp_path: Path) -> None:
    """What was counted holds; what ends is read anew."""

    async def told(parts: Parts) -> None:
        before = parts.scene(parts.build)
        before.sample.ends_mono = before.sample.counted_mono = 5.0
        after = parts.scene(parts.build, before)

        assert after.sample is before.sample
        assert (5.0, float("-inf")) == (after.sample.counted_mono, after.sample.ends_mono)

    _story(tmp_path, told)
