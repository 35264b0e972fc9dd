"""Why a message that is due still waits, and for how long about: from the notes that the scheduler writes down.

Waiting for a budget is no attempt and no failure; whoever looks at the queue reads what it waits for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from relay365.cli.words.output import age

if TYPE_CHECKING:
    from relay365.spool.api import LaneNote, MessageView
    from relay365.spool.waiting.heads import Flow

PRIORITIES = ("alarm", "normal", "bulk")
_PER = {60.0: "a minute", 600.0: "in 10 minutes", 300.0: "in 5 minutes", 3600.0: "an hour", 86400.0: "a day"}
_UNITS = {
    "recipients": " recipients", "external": " external recipients of the tenant", "requests": " requests",
    "octets": " octets", "at-once": " at once",
}  # fmt: skip
_YIELDS = {
    "hours": "bulk mail has its hours", "pace": "bulk mail is spread over its hours, or the day",
    "reserve": "bulk mail leaves the rest of the day to others",
    "share": "{client} has had its share of the day, and leaves the rest to others",
}  # fmt: skip
_WHY = {"rate-limit": "Microsoft asked to wait", "transient": "the other side is unwell"}


class Wait(NamedTuple):
    """text: as a person reads it, "waits for scan@contoso.com: 30 a minute, about 4 min". about_s: None is unknown."""

    text: str
    about_s: float | None


def waits_of(views: Iterable[MessageView], notes: Mapping[str, LaneNote], now: float) -> dict[str, Wait]:
    """The wait of each message that is due and has not gone, by its id; oldest first, most urgent first."""
    from relay365.spool.waiting.heads import flow_of

    found: dict[str, Wait] = {}
    ahead: Counter[str] = Counter()
    for view in sorted(views, key=_rank):
        for lane in dict.fromkeys(one.lane for one in view.recipients if _is_due(one, now)):
            ahead[lane] += 1
            wait = _wait(lane, notes.get(lane), (flow_of(view.submitter), ahead[lane]), now)
            if wait is not None and view.spool_id not in found:
                found[view.spool_id] = wait
    return found


def _rank(view: MessageView) -> tuple[int, float]:
    priority = view.submitter.priority
    return PRIORITIES.index(priority) if priority in PRIORITIES else 1, view.accepted_at


def _is_due(recipient: Any, now: float) -> bool:
    at = recipient.next_attempt_at
    return recipient.state.value == "queued" and at is not None and at <= now


def _wait(lane: str, note: LaneNote | None, place: tuple[Flow, int], now: float) -> Wait | None:
    """None where nothing keeps it: it goes now, or the relay is not running. place: its flow, and its number."""
    if note is None:
        return None
    who = lane.partition("/")[2] or lane
    if note.held:
        return Wait(f"waits until {who} is healed: {note.held}", None)
    if note.gate_until_at > now:
        about_s = note.gate_until_at - now
        return Wait(f"waits for {who}: {_WHY.get(note.klass, 'closed')}, about {_span(about_s)}", about_s)
    flow, n_ahead = place
    later = [one for one in json.loads(note.budgets) if _opens_at(one) > now]
    yields = [one for one in later if one["name"] == "yields" and _is_of(one, flow)]
    full = [one for one in later if one["name"] != "yields"]
    if yields:
        return _yielding(who, max(yields, key=_opens_at), flow, now)
    if not full:
        return None
    tight = max(full, key=_opens_at)
    about_s = max(one_s for one_s in (_about(one, n_ahead, now) for one in full))
    limit, window_s = tight["limit"], tight["window_s"]
    unit = _UNITS.get(tight["name"], "")
    per = _PER.get(window_s, f"in {age(window_s)}") if window_s else ""
    others = f", {tight['foreign']} of them used by others" if tight["foreign"] else ""
    is_known = about_s < float("inf")
    about = f", about {_span(about_s)}" if is_known else ""
    said = f"{limit:,}{unit} {per}".strip()
    return Wait(f"waits for {who}: {said}{others}{about}", about_s if is_known else None)


def _is_of(entry: Mapping[str, Any], flow: Flow) -> bool:
    """Whether an entry of spool.api.YIELDS is about mail of a flow."""
    return entry["client"] == flow.client if entry["client"] else flow.priority == "bulk"


def _yielding(who: str, entry: Mapping[str, Any], flow: Flow, now: float) -> Wait:
    about_s = _opens_at(entry) - now
    is_known = about_s < float("inf")
    why = _YIELDS[entry["why"]].format(client=flow.client)
    about = f", about {_span(about_s)}" if is_known else ""
    return Wait(f"waits for {who}: {why}{about}", about_s if is_known else None)


def _span(seconds: float) -> str:
    """As age, with minutes that nobody reads as metres."""
    said = age(seconds)
    return f"{said}in" if said.endswith(" m") else said


def _opens_at(budget: Mapping[str, Any]) -> float:
    """Infinite where only the end of something on its way helps."""
    at = budget["opens_at"]
    return float("inf") if at is None else float(at)


def _about(budget: Mapping[str, Any], n_ahead: int, now: float) -> float:
    """Seconds until the n-th of those that wait has its place; a short window opens place by place."""
    opens_at, window_s = _opens_at(budget), budget["window_s"]
    wait_s = opens_at - now
    if budget["name"].startswith("messages"):
        free = max(1, budget["limit"] - budget["foreign"])
        return float(max(0.0, min(wait_s, window_s)) + (n_ahead - 1) * window_s / free)
    return float(wait_s)
