"""In how many seconds a message would start in each lane, as the scheduler reckons it; for `route explain`.

Apart from purse, which says what was used: here a lane's pause, its budgets and what waits in it become one number, the
same as engine.lane has it. From the queue and the scheduler's notes, beside the service and without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from relay365.cli.running import purse

if TYPE_CHECKING:
    from relay365.cli.running.purse import Books, Owner
    from relay365.routes.api import LaneLimits


async def read_starts(
    spool: Any, limits: Mapping[str, LaneLimits], now: float, *, is_running: bool
) -> dict[str, float]:
    """By lane. is_running: whether a service writes its notes now; others are old."""
    from relay365.spool.api import State

    usage = tuple(await spool.usage(now - purse.DAY_S - purse.SLICE_S))
    notes = {note.lane: note for note in await spool.lanes()}
    books = purse.Books(now, is_running, usage, notes)
    waiting: Counter[str] = Counter()
    for depth in await spool.depths():
        waiting[depth.lane] += depth.recipients * (depth.state == State.QUEUED.value)
    return {
        lane: start_s(books, owner, lane, waiting[lane])
        for owner in purse.owners_of(limits)
        for lane in owner.lanes
    }


def start_s(books: Books, owner: Owner, lane: str, n_waiting: int) -> float:
    """When its pause is over and its budgets have room, behind what waits in it."""
    note = books.notes.get(lane)
    opens = [note.gate_until_at] if note else []
    opens += [one["opens_at"] for one in purse.standing(books, owner) if one["opens_at"] is not None]
    windows = [(limits.messages, limits.window_s)] if (limits := owner.limits).messages is not None else []
    slowest_s = max((span / n for n, span in (*windows, *limits.windows)), default=0.0)
    return max(0.0, n_waiting * slowest_s, *(at - books.now for at in opens))
