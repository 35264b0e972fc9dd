"""Channels from the file: secrets read, addresses that are none to trust refused, names that are unique."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.watched import a_scene
from relay365.app.alerting import alarm_of, channels_of, posts_of
from relay365.config import Config, parse
from relay365.engine.alerts.channels.letter import PostOffice
from relay365.errors import ConfigError
from relay365.spool.memory import MemorySpool

BASE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[[route]]
kind = "smarthost"
host = "127.0.0.1:26"
[[device]]
name = "ups-2"
match = { address = "127.0.0.1/32" }
expects = "8d"
[[device]]
name = "nas"
match = { address = "127.0.0.2/32" }
"""
HOOK = '[[alerts.channel]]\nkind = "webhook"\nurl = { file = "hook.url" }\n'
SYSLOG = '[[alerts.channel]]\nkind = "syslog"\naddress = "udp://127.0.0.1:514"\n'


def _config(*channels: str) -> Config:
    return parse(BASE + "".join(channels), "x.toml")


@pytest.mark.parametrize("url", ["https://hook.test/x?sig=1", "http://127.0.0.1:9/x", "http://localhost:9/"])
def test_an_address_is_read_from_its_file(url: str, tmp_path: Path) -> None:
    """https; in clear only to this machine."""
    (tmp_path / "hook.url").write_text(url + "\n")

    assert [(url, "", ""), ("", "", "")] == posts_of(_config(HOOK, SYSLOG), tmp_path)


@pytest.mark.parametrize(
    "url", ["http://hook.test/SECRET", "ftp://127.0.0.1/SECRET", "SECRET", "https:///SECRET"]
)
def test_an_address_that_is_none_to_trust_is_refused_and_not_shown(url: str, tmp_path: Path) -> None:
    """It says which channel."""
    (tmp_path / "hook.url").write_text(url)
    with pytest.raises(ConfigError) as caught:
        posts_of(_config(SYSLOG, HOOK), tmp_path)

    assert caught.value.where.startswith("[[alerts.channel]] 2: url")
    assert "SECRET" not in str(caught.value)


def test_a_missing_secret_is_said(tmp_path: Path) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError, match=r"\[\[alerts.channel\]\] 1"):
        posts_of(_config(HOOK), tmp_path)


def test_channels_have_names_of_their_own(tmp_path: Path) -> None:
    """The kind, with a number where that is taken; silence is expected of who says `expects`."""
    clock = FakeClock()
    scene = a_scene(tmp_path, clock)
    office = PostOffice(MemorySpool(clock), scene.lanes, clock, "relay.test", str, lambda lane: None)
    (tmp_path / "hook.url").write_text("https://hook.test/")
    config = _config(HOOK, SYSLOG, HOOK)
    channels = channels_of(config, posts_of(config, tmp_path), office)
    alarm = alarm_of(config, scene, channels, office, {}, lambda envelope, facts: "one")

    assert ["webhook", "syslog", "webhook-2"] == [one.name for one in channels]
    assert ({"ups-2": 691_200.0}, "relay.test") == (alarm.limits.silence_s, alarm.relay)


def test_reminders_begin_with_their_day_here(tmp_path: Path) -> None:
    """At midnight of local time, and the alarm sees them."""
    from datetime import date, datetime

    config = _config('[[alerts.reminder]]\non = 2026-12-07\nwhat = "move"\ndo = "relay365 init"\n')
    clock = FakeClock()
    office = PostOffice(MemorySpool(clock), {}, clock, "relay.test", str, print)
    (one,) = alarm_of(config, a_scene(tmp_path, clock), [], office, {}, lambda *_: "one").limits.reminders
    begin = datetime.fromtimestamp(one.at).astimezone()

    assert (date(2026, 12, 7), 0, "move", "relay365 init") == (begin.date(), begin.hour, one.what, one.do)
