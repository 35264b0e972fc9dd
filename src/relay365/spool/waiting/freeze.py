"""Freeze: mail is taken and nothing is delivered until an instant. An order beside the database, for the service.

Apart from holds, which stop messages one by one: this stops all of them for a while, whatever their state. The order
has its own end, so that a relay is never left frozen by a command that died. What is no order freezes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from relay365.owner import open_for_owner
from relay365.replace import put_in_place

FILE = "freeze.json"
LONGEST_S = 7 * 86_400.0
"""A frozen relay is for a window of work; longer than this it would be forgotten."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """One order. Instants are epoch seconds; by: who gave it, as far as the system knows."""

    began_at: float
    until_at: float
    reason: str = ""
    by: str = ""


def read_freeze(data: Path, now: float) -> Freeze | None:
    """The order that holds now; None where there is none, it is over, or it cannot be read: for faces."""
    try:
        return look_for_freeze(data, now)
    except OSError:
        return None


def look_for_freeze(data: Path, now: float) -> Freeze | None:
    """As read_freeze(). Raises OSError where there may be an order, and nobody can say: no right, no descriptors."""
    try:
        text = (data / FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = json.loads(text)
        freeze = Freeze(
            float(found["began_at"]), float(found["until_at"]), str(found["reason"]), str(found["by"])
        )
    except (ValueError, TypeError, KeyError):
        return None
    until_at = min(freeze.until_at, freeze.began_at + LONGEST_S)
    return freeze if freeze.began_at - LONGEST_S < now < until_at else None


def write_freeze(data: Path, freeze: Freeze) -> None:
    """Give the order, as a whole and synced; raises OSError."""
    fresh = data / f"{FILE}.new"
    handle = open_for_owner(fresh, data)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(freeze)) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    put_in_place(fresh, data / FILE)


def thaw(data: Path) -> None:
    """Take the order back; nothing where there is none. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        (data / FILE).unlink()
