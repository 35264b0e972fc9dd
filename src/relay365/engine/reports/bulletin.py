"""Bulletin: what is said about a lane's health, once to the journal and each time for `relay365 status`.

Apart from the scheduler, which acts on the health: here is only when a person is called, and in which words.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from relay365.engine.health import Health
from relay365.engine.lane import Lane
from relay365.mail.outcome import Class, Outcome
from relay365.spool.api import YIELDS, LaneNote

_LOG = logging.getLogger("relay365.scheduler")


def say(lane: Lane, now: float, mono: float) -> LaneNote:
    """Log a hold once, when it begins or its reason changes, and its end; give the note. now in epoch seconds."""
    health = lane.health
    complaint, reason = health.complaint(mono), health.held or health.gate_reason
    if complaint is not None and (complaint.row or complaint.reply_text) != health.told:
        health.told = complaint.row or complaint.reply_text
        _LOG.error("lane.held lane=%s row=%s reply=%r", lane.name, complaint.row, complaint.reply_text)
    elif health.held is None and health.told:
        _LOG.info("lane.resumed lane=%s row=%s", lane.name, health.told)
        health.told = ""
    return LaneNote(
        lane=lane.name,
        held=complaint.reply_text if complaint is not None else "",
        klass=_class(health, reason, complaint),
        row=reason.row if reason is not None else "",
        since_at=_since(health, now, mono) if reason is not None else 0.0,
        gate_until_at=now + max(0.0, health.gate_until - mono) if reason is not None else 0.0,
        last_success_at=0.0 if reason is not None else now,
        budgets=_budgets(lane, now, mono),
    )


def _budgets(lane: Lane, now: float, mono: float) -> str:
    """See LaneNote: opens_at in epoch seconds, None where only the end of something on its way helps."""
    budgets: list[dict[str, Any]] = [
        {
            "name": key, "used": one.used, "limit": one.limit, "window_s": one.window_s, "foreign": one.foreign,
            "opens_at": None if one.opens_in_s is None else round(now + one.opens_in_s, 3),
        }
        for key, one in lane.order.standings(mono).items()
    ]  # fmt: skip
    budgets += [
        {
            "name": YIELDS, "client": one.client, "why": one.why,
            "opens_at": None if one.opens_at is None else round(now + one.opens_at - mono, 3),
        }
        for one in lane.order.yields(mono)
    ]  # fmt: skip
    return json.dumps(budgets)


def _class(health: Health, reason: Outcome | None, complaint: Outcome | None) -> str:
    """The class in a word; a fault of configuration that may still pass by itself is called transient."""
    if health.held is not None and complaint is None:
        return Class.TRANSIENT.value
    return reason.klass.value if reason is not None and reason.klass is not None else ""


def _since(health: Health, now: float, mono: float) -> float:
    return now if health.unwell_since is None else now - (mono - health.unwell_since)
