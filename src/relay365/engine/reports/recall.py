"""Recall: what an earlier life of the process wrote down about a lane holds on after a restart.

The counterpart of bulletin, which wrote it. A quota of a day is not over because the relay was started again, and a
hold keeps the mail in its lane alive until a probe has shown that the way is healed.
"""

from __future__ import annotations

import logging

from relay365.engine.health import LONGEST_GATE_S
from relay365.engine.lane import Lane
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.catalogue.rows import Row, catalogue
from relay365.spool.api import LaneNote

_LOG = logging.getLogger("relay365.scheduler")


def recall(lane: Lane, note: LaneNote, now: float, mono: float) -> None:
    """Put a lane into the state of its note. now in epoch seconds, mono on the lane's clock.

    A hold is probed at once: whoever starts a relay may just have healed it. A throttle stands until its time, but
    never longer than any remote may ask for: the clock may have been set back. An outage is found out anew.
    """
    row = next((row for row in catalogue() if row.id == note.row), None)
    since_mono = mono - max(0.0, now - note.since_at)
    reason = _reason(note, row)
    if reason is None:
        return
    if reason.klass is Class.RATE_LIMIT:
        wait_s = min(note.gate_until_at - now, LONGEST_GATE_S)
        if wait_s > 0:
            lane.health.resume(reason, since_mono, mono + wait_s)
        return
    lane.health.resume(reason, since_mono, mono)
    if note.held:
        lane.health.told = reason.row or reason.reply_text
        _LOG.error("lane.held lane=%s row=%s reply=%r", lane.name, reason.row, reason.reply_text)


def _reason(note: LaneNote, row: Row | None) -> Outcome | None:
    """The outcome that shut the lane; None where nothing of it lasts."""
    is_hold = bool(note.held) or (row is not None and row.klass is Class.CONFIGURATION)
    klass = Class.CONFIGURATION if is_hold else Class.RATE_LIMIT
    if not is_hold and note.klass != Class.RATE_LIMIT.value:
        return None
    scope = row.scope if row is not None else Scope.MAILBOX
    words = note.held or (row.title if row is not None else note.klass)
    until_s = row.until_s if row is not None else 0.0
    return Outcome(Kind.DEFERRED, scope, klass, None, words, note.row, until_s=until_s)
