"""Questions to the queue: can it be opened beside the service, does anything in it wait for a person.

And to our own mail in it: as whom does it go.
"""

from __future__ import annotations

from pathlib import Path

from relay365.clock import Clock
from relay365.config import Config
from relay365.doctor.finding import Finding, bad, good, warn
from relay365.errors import SpoolError
from relay365.rules.ourselves import doubts
from relay365.spool.api import State
from relay365.spool.sqlite import SqliteSpool


async def alerts(config: Config) -> Finding:
    """Whether alerts by mail have a sender that the other side knows, by each route that may carry them."""
    found = list(doubts(config))
    if found:
        return warn(found[0].what, found[0].why, f"{found[0].do}; then: relay365 alerts test")
    return good("alerts by mail go out as a sender that the route may use")


async def store(data: Path, clock: Clock) -> Finding:
    """Whether the queue opens, and what it holds."""
    if not (data / "spool.db").exists():
        return good("there is no queue yet")
    try:
        spool = await SqliteSpool.open(data, clock=clock, exclusive=False)
        try:
            counts = await spool.counts()
            lanes = await spool.lanes()
        finally:
            await spool.close()
    except SpoolError as error:
        do = "keep a copy of the data directory before anything else, then: relay365 status"
        return bad("the queue cannot be opened", str(error) or error.text, do)
    waiting = counts.get(State.QUEUED, 0) + counts.get(State.CLAIMED, 0)
    held = [lane for lane in lanes if lane.held]
    if held:
        first = held[0]
        do = f"relay365 explain {first.row}" if first.row else "relay365 status"
        return bad(f"route {first.lane} is held, {waiting} wait", first.held, do)
    if counts.get(State.HELD, 0):
        return warn(
            f"{counts[State.HELD]} held for a person",
            "their senders or contents were stopped",
            "relay365 queue list --all",
        )
    return good(f"the queue opens; {waiting} wait")
