"""Ledger: what was told of which cause, by which channel, and when; on disk, so that a restart tells nothing twice.

Decides what is due; who sends says afterwards what went out. The mutes are a file of their own, written by
`relay365 alerts mute`, because that is another process.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from relay365.engine.alerts.causes import Cause
from relay365.replace import put_in_place

FILE, MUTES_FILE = "alerts.json", "alerts-muted.json"
HEALED_AFTER_S = 60.0  # what comes back sooner was not healed
MOST_OLD = 200
ALL = "*"

ALERT, AGAIN, HEALED = "alert", "again", "healed"


@dataclass(slots=True)
class Entry:
    """One cause that was seen. told: by channel, when; level: the highest that was told; gone_at: 0 while it is."""

    cause: Cause
    since_at: float
    seen_at: float
    gone_at: float = 0.0
    told: dict[str, float] = field(default_factory=dict)
    level: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    """What one channel is to be told now. state: alert, again or healed."""

    channel: str
    state: str
    entry: Entry


class Ledger:
    """One per relay. Instants are epoch seconds."""

    def __init__(self, data: Path, again_after_s: float) -> None:
        self._file = data / FILE
        self.again_after_s = again_after_s
        self.open: dict[str, Entry] = {}
        self.old: list[dict[str, Any]] = []
        self.heard: dict[str, float] = {}
        self.marks: dict[str, float] = {}

    def load(self) -> None:
        """What an earlier life has told; a file that cannot be read has nothing."""
        found = read_object(self._file)
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            entries = [Entry(**{**one, "cause": Cause(*one["cause"])}) for one in found.get("open", [])]
            self.open = {one.cause.key: one for one in entries}
            self.old = list(found.get("old", []))
            self.heard = {str(name): float(at) for name, at in found.get("heard", {}).items()}
            marks = {str(name): float(at) for name, at in found.get("marks", {}).items()}
            self.marks.clear()
            self.marks.update(marks)

    def see(self, causes: Iterable[Cause], now: float) -> None:
        """All causes of this moment: new ones are opened, the words of others renewed, the rest is going."""
        seen = {cause.key: cause for cause in causes}
        for key, cause in seen.items():
            entry = self.open.setdefault(key, Entry(cause, now, now))
            entry.cause, entry.seen_at, entry.gone_at = cause, now, 0.0
        for key, entry in self.open.items():
            if key not in seen and not entry.gone_at:
                entry.gone_at = now

    def due(self, channels: Iterable[str], mutes: Mapping[str, float], now: float) -> list[Due]:
        """What is to be told. Muted causes wait; they are told when the mute ends, if they still are."""
        found = []
        muted = {key for key, until_at in mutes.items() if until_at > now}
        for channel in channels:
            for key, entry in self.open.items():
                state = "" if muted & {key, ALL} else self._state(channel, entry, now)
                if state:
                    found.append(Due(channel, state, entry))
        return found

    def _state(self, channel: str, entry: Entry, now: float) -> str:
        told_at = entry.told.get(channel)
        if entry.gone_at:
            return HEALED if told_at is not None and now - entry.gone_at >= HEALED_AFTER_S else ""
        if told_at is None:
            return ALERT
        if entry.cause.level > entry.level.get(channel, 0) or now - told_at >= self.again_after_s:
            return AGAIN
        return ""

    def told(self, due: Due, now: float) -> None:
        """A channel has taken it."""
        entry = due.entry
        if due.state == HEALED:
            del entry.told[due.channel]
        else:
            entry.told[due.channel], entry.level[due.channel] = now, entry.cause.level

    def tidy(self, now: float, channels: Iterable[str]) -> None:
        """Close what is healed and told to all that knew of it; a channel that is gone need not be told."""
        known = set(channels)
        for key, entry in list(self.open.items()):
            if entry.gone_at and now - entry.gone_at >= HEALED_AFTER_S and not known & set(entry.told):
                del self.open[key]
                self.old.append({
                    "key": key, "what": entry.cause.what, "since_at": entry.since_at, "healed_at": entry.gone_at,
                })  # fmt: skip
        del self.old[:-MOST_OLD]

    def save(self) -> None:
        """Blocks. Raises OSError."""
        value = {
            "open": [{**asdict(one), "cause": list(one.cause)} for one in self.open.values()],
            "old": self.old, "heard": self.heard, "marks": self.marks,
        }  # fmt: skip
        write_object(self._file, value)


def read_object(file: Path) -> dict[str, Any]:
    """A JSON object; {} where there is none."""
    try:
        value = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_object(file: Path, value: Mapping[str, Any]) -> None:
    """Whole or not at all. Raises OSError."""
    part = file.with_suffix(".part")
    with part.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(value, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    put_in_place(part, file)


def mutes_in(data: Path, now: float) -> dict[str, float]:
    """What is muted, and until when; "*" is everything."""
    found = read_object(data / MUTES_FILE)
    pairs = [(key, until) for key, until in found.items() if isinstance(until, int | float)]
    return {key: float(until) for key, until in pairs if until > now}


def mute(data: Path, key: str, until_at: float, now: float) -> None:
    """Mute one cause or "*" until an instant; one that lies behind ends a mute. Raises OSError."""
    write_object(data / MUTES_FILE, {**mutes_in(data, now), key: until_at})
