"""Alerting: channels and limits of [alerts], from the configuration; secrets are read before the spool opens."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from urllib.parse import urlsplit

from relay365.app.vault import read_secret
from relay365.config import Channel as ChannelTable
from relay365.config import Config
from relay365.engine.alerts.alarm import Alarm
from relay365.engine.alerts.causes import Limits, Reminder
from relay365.engine.alerts.channels.letter import Letter, PostOffice
from relay365.engine.alerts.channels.posting import Posting, as_card, as_json
from relay365.engine.alerts.channels.syslog_line import SyslogLine
from relay365.engine.alerts.ledger import Ledger
from relay365.engine.alerts.synthetic import LaneOf, Plan, Synthetic
from relay365.engine.alerts.telling import Channel
from relay365.engine.watch.scene import Scene
from relay365.errors import ConfigError

Posts = Sequence[tuple[str, str, str]]
"""(address, secret or "", file with the roots or "") for each channel of the file; all "" where it posts nothing."""


def posts_of(config: Config, base: Path) -> Posts:
    """What channels post with; raises ConfigError where a secret cannot be read or the address is none to trust."""
    found = []
    for n, one in enumerate(config.alerts.channel, 1):
        where = f"[[alerts.channel]] {n}"
        if one.url is None:
            found.append(("", "", ""))
            continue
        try:
            url = read_secret(one.url, base)
            secret = read_secret(one.secret, base) if one.secret is not None else ""
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.where}", error.expected, error.found, error.hint) from error
        if not _is_safe(url):
            raise ConfigError(
                f"{where}: url = {one.url}", "an https address", "another one, which is not shown"
            )
        found.append((url, secret, str(base / one.ca_file) if one.ca_file else ""))
    return found


def _is_safe(url: str) -> bool:
    """https; in clear only to this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_here = host == "localhost" or (parts.scheme == "http" and ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_here))


def channels_of(config: Config, posts: Posts, office: PostOffice) -> list[Channel]:
    """The channels in the order of the file, named by their kinds, with a number where that is taken."""
    found: list[Channel] = []
    taken: list[str] = []
    for one, post in zip(config.alerts.channel, posts, strict=True):
        n = taken.count(one.kind) + 1
        taken.append(one.kind)
        found.append(_channel(one.kind if n == 1 else f"{one.kind}-{n}", one, post, office))
    return found


def _channel(name: str, one: ChannelTable, post: tuple[str, str, str], office: PostOffice) -> Channel:
    url, secret, ca_file = post
    match one.kind:
        case "webhook":
            return Posting(name, url, as_json, secret=secret, ca_file=ca_file)
        case "teams":
            return Posting(name, url, as_card, ca_file=ca_file)
        case "syslog":
            return SyslogLine(name, one.address)
        case "mail":
            return Letter(name, one.to, one.route, office)


def begin_of(day: date) -> float:
    """When a day begins, local time."""
    return datetime.combine(day, time()).astimezone().timestamp()


def alarm_of(
    config: Config, scene: Scene, channels: Sequence[Channel], office: PostOffice, heard: Mapping[str, float],
    lane_of: LaneOf,
) -> Alarm:  # fmt: skip
    """Who calls people. heard: when each device last gave a message; lane_of: the way of a new message."""
    alerts = config.alerts
    silence_s = {one.name: one.expects for one in config.device if one.expects is not None}
    reminders = tuple(Reminder(begin_of(one.on), one.what, one.do) for one in alerts.reminder)
    limits = Limits(
        alerts.unwell_after, alerts.queue_age, alerts.disk_free, alerts.ends_within, silence_s, reminders
    )
    ledger = Ledger(scene.data, alerts.again_after)
    plan = Plan(alerts.probe_to, alerts.probe_every, alerts.probe_within)
    synthetic = Synthetic(plan, office, lane_of, lambda: ledger.marks) if plan.to else None
    return Alarm(scene, ledger, channels, limits, office.hostname, heard, alerts.digest, synthetic)
