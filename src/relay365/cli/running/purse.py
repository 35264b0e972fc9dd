"""What was used of every budget and what waits for it, from the spool and the configuration; for `quota`.

Works beside the service and without it: the day's use lies in the spool, the short windows in the notes that the
scheduler writes down. A budget belongs to an owner: a mailbox that several lanes send from, or one lane.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relay365.routes.api import LaneLimits
    from relay365.rules.quota.forecast import Mailbox, Outside, Run
    from relay365.rules.quota.notice import Meter, Notice
    from relay365.spool.api import LaneNote
    from relay365.spool.waiting.usage import Usage

DAY_S, SLICE_S = 86_400.0, 300.0
MOST_WAITING = 20_000  # messages that are looked at; more are told as `at least`
RECIPIENTS, EXTERNAL = "recipients", "external"
AT_ONCE = "at-once"
ASSUMED = "unknown"  # the scheduler's priority for use from before it knew a mailbox


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a budget: `mailbox scan@contoso.com`, or a lane's name. limits: those of its first lane."""

    word: str
    lanes: tuple[str, ...]
    limits: LaneLimits


@dataclass(frozen=True, slots=True)
class Books:
    """What the spool knows. waiting: by lane; is_whole: whether all that waits was counted."""

    now: float
    is_running: bool = False
    usage: tuple[Usage, ...] = ()
    notes: Mapping[str, LaneNote] = field(default_factory=dict)
    waiting: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    is_whole: bool = True


def owners_of(limits: Mapping[str, LaneLimits]) -> list[Owner]:
    """The owners of all lanes, in the order of the file."""
    lanes: dict[str, list[str]] = {}
    for lane, one in limits.items():
        lanes.setdefault(one.budget or lane, []).append(lane)
    return [Owner(word, tuple(own), limits[own[0]]) for word, own in lanes.items()]


async def read_books(
    spool: Any, limits: Mapping[str, LaneLimits], now: float, *, days: float = 1.0, is_running: bool = False
) -> Books:
    """Read the spool. days: how far back use is wanted."""
    from relay365.spool.api import Selection, State

    waits = frozenset({State.QUEUED, State.CLAIMED})
    views = await spool.list(Selection(states=waits, limit=MOST_WAITING))
    counts: dict[str, Counter[tuple[int, int]]] = {}
    for view in views:
        lanes: dict[str, list[str]] = {}
        for recipient in view.recipients:
            if recipient.state in waits:
                lanes.setdefault(recipient.lane, []).append(recipient.address)
        for lane, addresses in lanes.items():
            each = (len(addresses), _n_external(addresses, limits.get(lane)))
            counts.setdefault(lane, Counter())[each] += 1
    return Books(
        now,
        is_running,
        tuple(await spool.usage(now - days * DAY_S - SLICE_S)),
        {note.lane: note for note in await spool.lanes()},
        {lane: _runs(found) for lane, found in counts.items()},
        len(views) < MOST_WAITING,
    )


def _n_external(addresses: Iterable[str], limits: LaneLimits | None) -> int:
    if limits is None or not limits.tenant:
        return 0
    return sum(address.rpartition("@")[2].lower() not in limits.own_domains for address in addresses)


def _runs(counts: Counter[tuple[int, int]]) -> tuple[Run, ...]:
    from relay365.rules.quota.forecast import Run

    return tuple(Run(n, recipients, external) for (recipients, external), n in sorted(counts.items()))


# -- what was used ---------------------------------------------------------------------------------------------------


def meter(books: Books, words: Iterable[str], what: str, limit: int, foreign: int = 0) -> Meter:
    """A day's budget of some owners together. what: `recipients` or `external`."""
    from relay365.rules.quota.notice import Meter

    rows = list(_rows(books, words, what))
    known = tuple((row.at, getattr(row, what)) for row in rows if row.priority != ASSUMED)
    assumed = tuple((row.at, getattr(row, what)) for row in rows if row.priority == ASSUMED)
    return Meter(limit, known, foreign, assumed)


def by_priority(books: Books, words: Iterable[str], what: str) -> dict[str, int]:
    """Who used it in the last 24 hours."""
    found: Counter[str] = Counter()
    for row in _rows(books, words, what):
        found[row.priority] += getattr(row, what)
    return dict(found)


def _rows(books: Books, words: Iterable[str], what: str) -> Iterator[Usage]:
    """The slices of the last 24 hours with something of it.

    What is assumed of a mailbox says nothing of the outside of its tenant.
    """
    known, since_at = frozenset(words), books.now - DAY_S - SLICE_S
    for row in books.usage:
        is_guess = row.priority == ASSUMED and what == EXTERNAL and not row.budget.startswith("tenant ")
        if row.budget in known and row.at > since_at and getattr(row, what) and not is_guess:
            yield row


def payers_of(books: Books, tenant: str, owners: Iterable[Owner]) -> list[str]:
    """The words under which a tenant's external recipients stand: its own, or those of its owners where it has none."""
    own = f"tenant {tenant}"
    if any(row.budget == own for row in books.usage):
        return [own]
    return [owner.word for owner in owners if owner.limits.tenant == tenant]


# -- status ----------------------------------------------------------------------------------------------------------


def standing(books: Books, owner: Owner) -> list[dict[str, Any]]:
    """Every budget of an owner: name, used, limit, window, when it opens, what others used, and who used the day."""
    noted = _noted(books, owner)
    return [_budget(books, owner, key, noted.get(key, {})) for key in _limits(owner.limits)]


def _budget(books: Books, owner: Owner, key: str, note: Mapping[str, Any]) -> dict[str, Any]:
    limit, window_s = _limits(owner.limits)[key]
    foreign, opens_at = int(note.get("foreign") or 0), note.get("opens_at") or None
    if key == RECIPIENTS:
        day = _day(books, [owner.word], key, limit, foreign)
        fresh = int(note.get("used") or 0) if books.is_running else 0  # slices are written once a minute
        return {"name": key, **day, "used": max(day["used"], fresh), "yields": yielding(books, owner)}
    is_live = books.is_running if key == AT_ONCE else _is_true(books, owner, window_s)
    used = int(note.get("used") or 0) if is_live else 0
    is_full = is_live and opens_at is not None and opens_at > books.now
    return {
        "name": key, "used": used, "limit": limit, "window_s": window_s,
        "opens_at": opens_at if is_full else None, "foreign": foreign if is_live else 0,
    }  # fmt: skip


def yielding(books: Books, owner: Owner) -> list[str]:
    """The clients that have had their share of the day and wait; of a service that runs."""
    notes = [books.notes[lane] for lane in owner.lanes if lane in books.notes] if books.is_running else []
    entries = [one for note in notes for one in json.loads(note.budgets or "[]")]
    return list(dict.fromkeys(one["client"] for one in entries if one["name"] == "yields" and one["client"]))


def external(books: Books, tenant: str, owners: Sequence[Owner]) -> dict[str, Any]:
    """The tenant's external recipients, as a budget of standing(); limit None where it is not watched."""
    own = [owner for owner in owners if owner.limits.tenant == tenant]
    notes = [_noted(books, owner).get(EXTERNAL, {}) for owner in own]
    foreign = max((int(note.get("foreign") or 0) for note in notes), default=0)
    limit = own[0].limits.external_per_day
    return {"name": EXTERNAL, **_day(books, payers_of(books, tenant, own), EXTERNAL, limit, foreign)}


def _day(books: Books, words: Sequence[str], what: str, limit: int | None, foreign: int) -> dict[str, Any]:
    from relay365.rules.quota.forecast import slice_end

    budget = meter(books, words, what, limit or 0, foreign)
    used = budget.total(books.now)
    ends = [at for begin, _ in budget.slices if (at := slice_end(begin)) > books.now]
    is_full = limit is not None and used >= limit
    return {
        "used": used - foreign, "limit": limit, "window_s": DAY_S, "opens_at": min(ends) if is_full and ends else None,
        "foreign": foreign, "by_priority": by_priority(books, words, what),
    }  # fmt: skip


def notice(books: Books, words: Sequence[str], budget: Mapping[str, Any]) -> Notice | None:
    """What is to be said of a day's budget of standing() or external()."""
    from relay365.rules.quota.notice import notice_of

    if budget["limit"] is None or budget["window_s"] != DAY_S:
        return None
    return notice_of(meter(books, words, budget["name"], budget["limit"], budget["foreign"]), books.now)


def _limits(limits: LaneLimits) -> dict[str, tuple[int, float]]:
    """(amount, seconds) of every budget that an owner has, by the keys of the scheduler's notes."""
    found: dict[str, tuple[int, float] | None] = {
        "messages": (limits.messages, limits.window_s) if limits.messages is not None else None,
        **{f"messages-{seconds:g}s": (n, seconds) for n, seconds in limits.windows},
        RECIPIENTS: None if limits.recipients_per_day is None else (limits.recipients_per_day, DAY_S),
        "requests": limits.requests,
        "octets": limits.octets_window,
        "pairs": None if limits.pair_per_hour is None else (limits.pair_per_hour, 3_600.0),
        AT_ONCE: None if limits.at_once_per_application is None else (limits.at_once_per_application, 0.0),
    }
    return {key: one for key, one in found.items() if one is not None}


def _noted(books: Books, owner: Owner) -> dict[str, Mapping[str, Any]]:
    """The budgets that the scheduler last wrote down for any lane of an owner, by their names."""
    notes = [books.notes[lane] for lane in owner.lanes if lane in books.notes]
    return {one["name"]: one for note in notes for one in json.loads(note.budgets or "[]")}


def _is_true(books: Books, owner: Owner, window_s: float) -> bool:
    """Whether a note about a short window still holds.

    A service that runs writes one every ten seconds while anything of a day is used; else something must have gone
    in the window.
    """
    if books.is_running and owner.limits.recipients_per_day is not None:
        return True
    since_at = books.now - window_s - SLICE_S
    return any(row.budget == owner.word and row.at > since_at for row in books.usage)


# -- forecast --------------------------------------------------------------------------------------------------------


def mailbox_of(books: Books, owner: Owner) -> Mailbox:
    """An owner as the forecast plays it: what it and others have used, and what waits for it."""
    from relay365.rules.quota.forecast import Mailbox

    limits = owner.limits
    windows = [(n, seconds) for key, (n, seconds) in _limits(limits).items() if key.startswith("messages")]
    waiting = tuple(run for lane in owner.lanes for run in books.waiting.get(lane, ()))
    return Mailbox(
        owner.word,
        tuple((n, seconds + guard_s()) for n, seconds in windows),
        limits.recipients_per_day,
        (*_used(books, [owner.word], RECIPIENTS), *_foreign(books, owner, RECIPIENTS)),
        waiting,
        _taken(books, owner),
    )


def _used(books: Books, words: Iterable[str], what: str) -> tuple[tuple[float, int], ...]:
    return meter(books, words, what, 0).slices


def _taken(books: Books, owner: Owner) -> tuple[tuple[float, int], ...]:
    """The places of the minute that are taken, with the instant when they are free.

    A full one says when its first place is; the others follow at once after a burst. Else it is a window at most.
    """
    if owner.limits.messages is None:
        return ()
    budget = _budget(books, owner, "messages", _noted(books, owner).get("messages", {}))
    until = budget["opens_at"] or books.now + budget["window_s"] + guard_s()
    return ((until, budget["used"]),) if budget["used"] else ()


def guard_s() -> float:
    """How much longer than the remote's window the relay counts a message."""
    from relay365.engine.budgets.building import GUARD_S

    return GUARD_S


def outside_of(books: Books, tenant: str, owners: Sequence[Owner]) -> Outside:
    """A tenant's external budget as the forecast plays it; without a limit for mail of no tenant."""
    from relay365.rules.quota.forecast import Outside

    own = [owner for owner in owners if tenant and owner.limits.tenant == tenant]
    if not own:
        return Outside()
    used = _used(books, payers_of(books, tenant, own), EXTERNAL)
    return Outside(own[0].limits.external_per_day, (*used, *_foreign(books, own[0], EXTERNAL)))


def _foreign(books: Books, owner: Owner, key: str) -> tuple[tuple[float, int], ...]:
    """What others used, as a slice that has just begun: nobody knows when it comes back, but no later than that."""
    n = int(_noted(books, owner).get(key, {}).get("foreign") or 0)
    return ((books.now, n),) if n else ()


def ends_of_waiting(books: Books, owners: Sequence[Owner]) -> Iterator[tuple[Owner, float | None]]:
    """When what waits for each owner is out, if nobody else begins to send; None where never, or where nothing waits.

    Owners of one tenant are played together, because they share what may go outside.
    """
    from relay365.rules.quota.forecast import Job, Run, forecast

    for tenant in dict.fromkeys(owner.limits.tenant or owner.word for owner in owners):
        own = [owner for owner in owners if (owner.limits.tenant or owner.word) == tenant]
        outside = outside_of(books, own[0].limits.tenant, owners)
        found = forecast(Job(Run(0), books.now), [mailbox_of(books, one) for one in own], outside, books.now)
        for place, owner in enumerate(own):
            n_waiting = sum(run.messages for lane in owner.lanes for run in books.waiting.get(lane, ()))
            gone = [one for one in found.departures if one.mailbox == place]
            is_out = n_waiting and sum(one.messages for one in gone) == n_waiting
            yield owner, gone[-1].at if is_out else None


# -- words -----------------------------------------------------------------------------------------------------------


def span(window_s: float) -> str:
    """A window for people: `in 24 h`."""
    if not window_s:
        return "at once"
    hours = window_s / 3_600
    return f"in {hours:g} h" if hours >= 1 and hours == int(hours) else f"in {window_s:g} s"


def clock(at: str | None, base: float) -> str:
    """An instant of JSON as local time; with its date where that is another one than the base's."""
    from datetime import datetime

    if at is None:
        return "never"
    local = datetime.fromtimestamp(epoch(at)).astimezone()
    same = local.date() == datetime.fromtimestamp(base).astimezone().date()
    return f"{local:%H:%M}" if same else f"{local:%Y-%m-%d %H:%M}"


def epoch(at: str) -> float:
    """An instant of JSON in epoch seconds."""
    from datetime import datetime

    return datetime.fromisoformat(at).timestamp()
