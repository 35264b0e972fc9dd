"""A day in numbers: what came in and what ended since an instant, and when each way last worked.

Apart from the search, which gives messages: here they are only counted, by the indexes of numbers and of ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import apsw

from relay365.spool.sqlite.later import first_since
from relay365.spool.sqlite.reads import QUERIES, settled_since


class Day(NamedTuple):
    """accepted: messages, our own reports among them; the others are recipients that came to that end."""

    accepted: int
    delivered: int
    failed: int
    expired: int


def day(connection: apsw.Connection, since_at: float) -> Day:
    """What was since an instant, in epoch seconds."""
    (accepted,) = connection.execute(QUERIES["n_from"], (first_since(connection, since_at),)).fetchone() or (
        0,
    )
    ended = {
        state: n
        for state in ("delivered", "failed", "expired")
        for (n,) in connection.execute(QUERIES["n_ended"], (state, since_at))
    }
    return Day(int(accepted), **ended)


def last_deliveries(connection: apsw.Connection, since_at: float) -> Mapping[str, float]:
    """When each lane last delivered something since an instant; a lane that has not does not appear."""
    found: dict[str, float] = {}
    for row in settled_since(connection, since_at):
        found[row.budget] = max(row.at, found.get(row.budget, 0.0))
    return found
