"""Causes: what needs a person now, from what is seen. Decides, never acts.

A cause has a key that stays the same as long as it is the same trouble; its level rises when it gets worse, and then it
is told again. The words are the three lines that a person at night needs: what, why, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from relay365.engine.lane import Lane
from relay365.engine.watch.scene import End
from relay365.mail.outcome import Class
from relay365.routes.catalogue.rows import catalogue
from relay365.rules.quota.day import Hog
from relay365.rules.quota.notice import NEAR, OVER
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.freeze import Freeze

DAY_S = 86_400.0
WARNING, CRITICAL = "warning", "critical"
FREEZE_S = 3600.0  # as long as one lasts where nobody says how long
AGAIN_FROZEN_S = 21_600.0
_DAYS_OF_ENDS = (7, 3, 1, 0)  # within the limit of the file these are told anew, each once
_DAY_BUDGETS = ("recipients", "external")


class Cause(NamedTuple):
    """One trouble. lane: the way that is unwell, so that no alert of it goes there; "" for none."""

    key: str
    severity: str
    what: str
    why: str
    do: str
    lane: str = ""
    level: int = 0


class Reminder(NamedTuple):
    """A day of somebody's own. at: when it begins, epoch seconds; do: "" where he has not said how."""

    at: float
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """When something is a trouble; seconds and octets. silence_s: by device, how long it may be silent."""

    unwell_after_s: float
    queue_age_s: float
    disk_free_octets: int
    ends_within_s: float
    silence_s: Mapping[str, float]
    reminders: tuple[Reminder, ...] = ()


def of_lanes(lanes: Iterable[Lane], mono: float, limits: Limits) -> Iterator[Cause]:
    """Lanes that wait for a person, and lanes that have not worked for long."""
    for lane in lanes:
        health, complaint = lane.health, lane.health.complaint(mono)
        if complaint is not None:
            do = f"relay365 explain {complaint.row}" if complaint.row else "relay365 explain --unknown"
            yield Cause(
                f"lane-held {lane.name} {complaint.row}", CRITICAL, f"route {lane.name} waits for a person",
                f"{_title(complaint.row)}{complaint.reply_text!r}; all mail is kept", do, lane.name,
            )  # fmt: skip
            continue
        unwell_s = mono - health.unwell_since if health.unwell_since is not None else 0.0
        reason = health.gate_reason or health.held
        if unwell_s >= limits.unwell_after_s and reason is not None:
            is_quota = reason.klass is Class.RATE_LIMIT
            yield Cause(
                f"lane-unwell {lane.name}", WARNING, f"route {lane.name} has not worked for {spoken(unwell_s)}",
                f"{_title(reason.row)}{reason.reply_text!r}; all mail is kept",
                "relay365 quota status" if is_quota else "relay365 doctor upstream", lane.name,
            )  # fmt: skip


def _title(row: str) -> str:
    found = next((one.title for one in catalogue() if one.id == row), "")
    return f"{found}: " if found else ""


def of_queue(depths: Sequence[Depth], now: float, limits: Limits) -> Iterator[Cause]:
    """Mail that waits for too long, each lane for itself."""
    for lane in dict.fromkeys(one.lane for one in depths if one.state == "queued"):
        oldest_at = min(one.oldest_at for one in depths if one.lane == lane and one.state == "queued")
        if oldest_at and now - oldest_at >= limits.queue_age_s:
            n = sum(one.recipients for one in depths if one.lane == lane and one.state == "queued")
            yield Cause(
                f"queue-old {lane}", WARNING, f"mail waits in {lane} for {spoken(now - oldest_at)}",
                f"{n} recipients wait there; the last answer to each says why", "relay365 queue list", lane,
            )  # fmt: skip


def of_freeze(freeze: Freeze | None, depths: Sequence[Depth], now: float) -> Iterator[Cause]:
    """A freeze that lasts: whoever ordered it may have forgotten it. Told again every six hours."""
    if freeze is not None and now - freeze.began_at >= FREEZE_S:
        frozen_s, n = now - freeze.began_at, sum(one.recipients for one in depths if one.state == "queued")
        reason = f": {freeze.reason}" if freeze.reason else ""
        yield Cause(
            "frozen", WARNING, f"nothing has been delivered for {spoken(frozen_s)}: the queue is frozen",
            f"{freeze.by or 'a person'} said so{reason}; {n} recipients wait, for {spoken(freeze.until_at - now)} more",
            "relay365 queue thaw, if that is over", "", int(frozen_s // AGAIN_FROZEN_S),
        )  # fmt: skip


def of_spool(trouble: str) -> Iterator[Cause]:
    """A queue that cannot be written; "" while it can."""
    if trouble:
        yield Cause(
            "spool", CRITICAL, "the queue cannot be written",
            f"{trouble}; devices hear 451 or 452, and most of them forget their mail then", "relay365 doctor local",
        )  # fmt: skip


def of_disk(free_octets: int | None, limits: Limits) -> Iterator[Cause]:
    """A disk that nears the floor."""
    if free_octets is not None and free_octets < limits.disk_free_octets:
        yield Cause(
            "disk", CRITICAL, f"the disk of the queue has {free_octets // 2**20} MiB left",
            "below [queue] disk_floor devices hear 452, and most of them forget their mail then",
            "make room there, or shorten [queue] keep; then: relay365 doctor local",
        )  # fmt: skip


def of_budgets(lanes: Iterable[Lane], mono: float) -> Iterator[Cause]:
    """A day that is nearly used up, and use by others; a budget that several lanes share is told once."""
    told: set[str] = set()
    for lane in lanes:
        for key, one in lane.order.standings(mono).items():
            limits = lane.route.limits
            owner = (limits.tenant if key == "external" else limits.budget) or lane.name
            name = f"{key} {owner}"
            if name in told:
                continue
            told.add(name)
            share = (one.used + one.foreign) / one.limit if one.limit else 0.0
            if key in _DAY_BUDGETS and share >= NEAR:
                level = 2 if share >= OVER else 1
                yield Cause(
                    f"budget {name}", WARNING, f"{share:.0%} of a day's {key} of {owner} are used",
                    f"{one.used + one.foreign} of {one.limit} in 24 hours; when they are used up, mail waits",
                    "relay365 quota status", "", level,
                )  # fmt: skip
            if key == "recipients":
                yield from _of_hogs(lane.order.hogs(mono), owner, one.limit)
            if one.foreign:
                yield Cause(
                    f"foreign {name}", WARNING, f"others use {owner}, too",
                    f"Microsoft counts {one.foreign} {key} more than we have sent",
                    "give them a mailbox of their own; relay365 quota status shows the share",
                )  # fmt: skip


def _of_hogs(hogs: Iterable[Hog], owner: str, limit: int) -> Iterator[Cause]:
    for one in hogs:
        yield Cause(
            f"client {owner} {one.client}", WARNING, f"{one.client} alone has used {one.used / limit:.0%} of a day's "
            f"recipients of {owner}",
            f"{one.used} of {limit} in 24 hours; from here on it leaves others what they are expected to need",
            f'in a loop? stop it, then: relay365 queue hold --where "device:{one.client}"; if it is right so: '
            "[[tenant]] client_share_per_day",
        )  # fmt: skip


def of_ends(ends: Iterable[End], now: float, limits: Limits) -> Iterator[Cause]:
    """What ends soon, or has ended; told anew at 7, 3 and 1 days. What cannot renew itself is told at once."""
    for one in ends:
        left_s = one.at - now
        if one.note or left_s <= limits.ends_within_s:
            level = sum(left_s <= days * DAY_S for days in _DAYS_OF_ENDS)
            words = f"ends in {spoken(left_s)}" if left_s > 0 else "HAS ENDED"
            is_ours = one.of.startswith("listener ")
            why = (
                "devices that check it refuse us then"
                if is_ours
                else "the sign-in is refused then, and mail waits"
            )
            yield Cause(
                f"ends {one.of} {one.what}", CRITICAL if level > 1 else WARNING, f"{one.what} of {one.of} {words}",
                f"{why}; it does not renew itself: {one.note}" if one.note else why,
                "put the renewed chain and key in place; they are read at once"
                if is_ours
                else "relay365 token status says which; relay365 app rotate renews an application's certificate",
                "", level,
            )  # fmt: skip


def of_reminders(now: float, limits: Limits) -> Iterator[Cause]:
    """Days of somebody's own that have come."""
    for one in limits.reminders:
        if now >= one.at:
            yield Cause(
                f"reminder {one.what}", WARNING, one.what,
                "[[alerts.reminder]] of the configuration asks for it from today on; nothing has failed",
                f"{one.do or 'do it'}; then take the reminder out of the file, and: relay365 reload",
            )  # fmt: skip


def of_unknown(texts: Sequence[str], lane: str) -> Iterator[Cause]:
    """Replies of the last day that the catalogue does not know."""
    if texts:
        yield Cause(
            "unknown-replies", WARNING, f"{len(texts)} replies came that the catalogue does not know",
            f"the last one, in {lane}: {texts[0]!r}; it counts as passing, and is tried again",
            "relay365 explain --unknown, then report it, so that it can be classified",
        )  # fmt: skip


def of_devices(heard: Mapping[str, float], now: float, limits: Limits) -> Iterator[Cause]:
    """Devices that should have spoken. heard: when each last did, or when we began to listen for it."""
    for name, allowed_s in limits.silence_s.items():
        silent_s = now - heard.get(name, now)
        if silent_s > allowed_s:
            yield Cause(
                f"silent {name}", WARNING, f"device {name} has been silent for {spoken(silent_s)}",
                f"[[device]] expects says at least one message in {spoken(allowed_s)}",
                f"relay365 device show {name}; then send a test from the device itself",
            )  # fmt: skip


def spoken(seconds: float) -> str:
    """A time in its largest unit: `9 d`, `4 h`, `12 m`, `30 s`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0.0, seconds))} s"
