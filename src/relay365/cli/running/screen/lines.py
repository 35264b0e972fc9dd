"""The words of `relay365 status`: its documented JSON as one screen, with twenty routes, too.

Pure. What needs somebody is shown in full, what is alike stands together, and what is well becomes a number where
there is much of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from shlex import quote
from typing import Any

from relay365.cli.words.output import age, printable
from relay365.cli.words.signing import REMINDER

MOST = 4  # of a kind, in full
HEAD_WIDTH = 78
CALENDAR_DAYS = 90  # what ends later is not shown, but for the first ones
ALWAYS = 2
NEAR = 0.8  # of a limit
MINUTE_S, DAY_S = 60.0, 86_400.0

Facts = Mapping[str, Any]


def lines_of(facts: Facts, banners: Sequence[str] = (), *, plain: bool = False) -> Iterator[str]:
    """The screen, line by line. facts: as `relay365 status --json` has them; banners: what a person has ordered."""
    yield _head(facts, plain=plain)
    yield from (f"  {one}" for one in banners if one)
    if facts["answered"] is False:
        yield _row("service", "it has not answered: relay365 doctor local, and the last lines of its log")
    yield _row("accepting", _accepting(facts))
    yield _row("queue", _queue(facts))
    yield from _delivering(facts)
    yield from _microsoft(facts)
    yield from _expiring(facts)
    yield from _devices(facts["devices"])
    yield from _legacy(facts["legacy"])
    if facts["gateway"]:
        yield _row("gateway", f"{printable(facts['gateway']['what'])}: relay365 doctor lan")
    yield from _alerts(facts)
    yield from _logins(facts["locked_logins"])
    if facts["unknown_replies"]:
        yield _row("replies", f"{facts['unknown_replies']} that nobody knows: relay365 explain --unknown")


def _row(label: str, text: str) -> str:
    return f"  {label:<11} {text}"


def _head(facts: Facts, *, plain: bool) -> str:
    life = (
        f"up {_long(facts['up_s'])}"
        if facts["up_s"] is not None
        else "running"
        if facts["running"]
        else "not running"
    )
    name, verdict = (
        f"relay365 {facts['version']} on {printable(facts['host'])}, {life}",
        facts["verdict"].upper(),
    )
    return f"{name}: {verdict}" if plain else f"{name:<{HEAD_WIDTH}} {verdict}"


def _long(seconds: float) -> str:
    """`12 d 4 h`, `3 h 20 m`."""
    for (unit, size_s), (below, below_s) in ((("d", DAY_S), ("h", 3600.0)), (("h", 3600.0), ("m", MINUTE_S))):
        if seconds >= size_s:
            return f"{int(seconds // size_s)} {unit} {int(seconds % size_s // below_s)} {below}"
    return age(seconds)


# -- mail --------------------------------------------------------------------------------------------------------------


def _accepting(facts: Facts) -> str:
    where, mails = _doors(facts["listeners"]), f"{_count(facts['today']['accepted'], 'mail')} today"
    if not facts["running"]:
        return f"NOTHING: the service is down   {mails}"
    if facts["draining"]:
        where = f"NO MAIL on {where}"
    n = facts["sessions"]["now"]
    sessions = "" if n is None else f"{_count(n, 'session')} now, "
    return f"{where}   {sessions}{mails}"


def _doors(listeners: Sequence[Facts]) -> str:
    """`25 587 465 on 192.168.10.5`, hosts apart by semicolons."""
    ports: dict[str, list[str]] = {}
    for one in listeners:
        host, _, port = one["address"].rpartition(":")
        ports.setdefault(host, []).append(port)
    named = [f"{' '.join(found)} on {printable(host)}" for host, found in ports.items()]
    return "; ".join(_few(named))


def _queue(facts: Facts) -> str:
    counts, today = facts["recipients"], facts["today"]
    waiting = counts.get("queued", 0) + counts.get("claimed", 0)
    oldest = f" (oldest {age(facts['oldest_age_s'])})" if facts["oldest_age_s"] is not None else ""
    failed = today["failed"] + today["expired"]
    look = "   relay365 queue list --state held" if counts.get("held") else ""
    return f"{waiting:,} waiting{oldest}   {counts.get('held', 0):,} held   {failed:,} failed today{look}"


def _delivering(facts: Facts) -> Iterator[str]:
    """Held ways first, with what heals them; alike ones stand together, and well ones are a number if many."""
    at, lanes = _epoch(facts["at"]), [one for one in facts["lanes"] if one["configured"] or one["held"]]
    held = [one for one in lanes if one["held"]]
    unwell = [one for one in lanes if one["class"] and not one["held"]]
    well = [one for one in lanes if not one["class"] and not one["held"]]
    label = "delivering"
    for group in _alike(held, ("row", "held")):
        since = min(_epoch(one["since"]) for one in group) if all(one["since"] for one in group) else at
        what = f"HELD for {age(at - since)}: {_names(group)}: {printable(group[0]['held'])}"
        yield _row(label, what)
        yield _row("", f"relay365 explain {group[0]['row'] or quote(printable(group[0]['held']))}")
        label = ""
    for group in _alike(unwell, ("class", "row")):
        yield _row(label, f"{_names(group)} {_waits(group, at)}")
        label = ""
    if len(well) > MOST:
        yield _row(label, f"{len(well)} {'others ' * (len(well) < len(lanes))}are well   {_last(well, at)}")
        return
    for one in well:
        yield _row(label, f"{_way(one, alone=len(lanes) == 1)}   {_last([one], at)}")
        label = ""


def _alike(lanes: Sequence[Facts], keys: tuple[str, ...]) -> list[list[Facts]]:
    groups: dict[tuple[Any, ...], list[Facts]] = {}
    for one in lanes:
        groups.setdefault(tuple(one[key] for key in keys), []).append(one)
    return list(groups.values())


def _names(lanes: Sequence[Facts]) -> str:
    return ", ".join(_few([printable(one["lane"]) for one in lanes]))


def _few(words: Sequence[str]) -> list[str]:
    """The first of them, and how many more there are."""
    more = [f"{len(words) - MOST} more"] if len(words) > MOST else []
    return [*words[:MOST], *more]


def _waits(lanes: Sequence[Facts], at: float) -> str:
    ends = [_epoch(one["closed_until"]) for one in lanes if one["closed_until"]]
    left_s = max(ends, default=0.0) - at
    verb = "waits" if len(lanes) == 1 else "wait"
    if left_s > 0:
        return f"{verb} {age(left_s)} more ({lanes[0]['class']})"
    return f"{'is' if len(lanes) == 1 else 'are'} unwell and tried again ({lanes[0]['class']})"


def _way(lane: Facts, *, alone: bool) -> str:
    """`submission by certificate, scan@contoso.com`; the lane's own name where there are several."""
    how = f"{lane['kind']} by {lane['signs_in_by']}" if lane["signs_in_by"] else str(lane["kind"])
    if not alone:
        return f"{printable(lane['lane'])} ({how})"
    return f"{how}, {printable(lane['mailbox'])}" if lane["mailbox"] else how


def _last(lanes: Sequence[Facts], at: float) -> str:
    found = [_epoch(one["last_delivery"]) for one in lanes if one["last_delivery"]]
    return f"last success {age(at - max(found))} ago" if found else "no success in 24 h"


# -- Microsoft -------------------------------------------------------------------------------------------------------


def _microsoft(facts: Facts) -> Iterator[str]:
    """Each mailbox while they are few; else those that near a limit, and a number."""
    owners = [one for one in facts["mailboxes"] if one["budgets"]]
    near = [one for one in owners if any(_is_near(budget) for budget in one["budgets"])]
    shown = owners if len(owners) <= MOST else near[:MOST]
    label = "Microsoft"
    for one in shown:
        name = "" if len(owners) == 1 else f"{printable(one['owner'].removeprefix('mailbox '))}: "
        yield _row(label, name + "   ".join(_used(one)))
        label = ""
    if len(owners) > len(shown):
        below = len(owners) - len(near)
        more = f"{len(near) - len(shown)} more near a limit, " if len(near) > len(shown) else ""
        yield _row(
            label,
            f"{more}{below} {'others ' * bool(near)}below {NEAR:.0%} of every limit: relay365 quota status",
        )
        label = ""
    limited = [
        (one["tenant"], budget) for one in facts["tenants"] for budget in one["budgets"] if budget["limit"]
    ]
    is_few = len(limited) <= MOST
    for name, budget in [pair for pair in limited if is_few or _is_near(pair[1])][:MOST]:
        yield _row(label, f"{printable(name)}: {_budget(budget)}")
        label = ""


def _used(owner: Facts) -> Iterator[str]:
    """What everybody asks about, and what nears its limit."""
    for budget in owner["budgets"]:
        is_asked = budget["name"] == "recipients" or (
            budget["name"] == "messages" and budget["window_s"] == MINUTE_S
        )
        if is_asked or _is_near(budget):
            yield _budget(budget)
    line = owner["connections"]
    if line["used"] is not None:
        yield f"{line['used']} of {_count(line['limit'], 'connection')}"


def _budget(budget: Facts) -> str:
    unit = {"messages": "per minute", "recipients": "recipients/24 h", "external": "outside/24 h"}.get(
        budget["name"].partition("-")[0], budget["name"]
    )
    if budget["name"].startswith("messages") and budget["window_s"] != MINUTE_S:
        unit = f"in {age(budget['window_s'])}"
    foreign = f" (others {budget['foreign']:,})" if budget["foreign"] else ""
    assumed = f" ({budget['assumed']:,} assumed)" if budget["assumed"] else ""
    return f"{budget['used']:,}{foreign} of {budget['limit']:,} {unit}{assumed}"


def _is_near(budget: Facts) -> bool:
    return bool(budget["limit"]) and (budget["used"] + budget["foreign"]) / budget["limit"] >= NEAR


# -- what a person must know -----------------------------------------------------------------------------------------


def _expiring(facts: Facts) -> Iterator[str]:
    yield from _reminders(facts)
    ends = [end for end in facts["ends"] if end["of"] != REMINDER]
    shown = [end for n, end in enumerate(ends) if n < ALWAYS or end["days"] <= CALENDAR_DAYS]
    for end in shown[:MOST]:
        left = f"in {end['days']} d" if end["days"] >= 0 else "IT HAS ENDED"
        itself = " (renews itself)" if end["renews_itself"] else ""
        yield _row(
            "expiring",
            f"{printable(end['what'])} of {printable(end['of'])}: {end['at'][:10]}, {left}{itself}",
        )
    if len(shown) > MOST:
        yield _row("", f"{len(shown) - MOST} more within {CALENDAR_DAYS} d: relay365 status --json")


def _reminders(facts: Facts) -> Iterator[str]:
    for one in [end for end in facts["ends"] if end["of"] == REMINDER and end["days"] <= CALENDAR_DAYS][
        :MOST
    ]:
        when = f"{one['at'][:10]}, in {one['days']} d" if one["days"] >= 0 else "IT IS DUE"
        yield _row("reminder", f"{printable(one['what'])}: {when}")


def _devices(devices: Facts) -> Iterator[str]:
    if not devices["known"]:
        return
    silent = devices["silent"]
    parts = [f"{devices['known']} known"]
    if devices["expected"]:
        of = f" of {devices['expected']}" if devices["expected"] < devices["known"] else ""
        parts.append(f"{devices['heard']}{of} heard in their time")
    if silent:
        parts.append(f"{len(silent)} SILENT: {', '.join(_few([_silence(one) for one in silent]))}")
    look = f"   {silent[0]['show']}" if silent else ""
    yield _row("devices", ", ".join(parts) + look)


def _silence(device: Facts) -> str:
    return (
        f"{printable(device['name'])} ({age(device['silent_s'])}, expected every {age(device['expects_s'])})"
    )


def _legacy(legacy: Facts | None) -> Iterator[str]:
    if legacy is None:
        return
    review = (
        f"REVIEW IS DUE since {legacy['review_by']}"
        if legacy["overdue"]
        else f"review by {legacy['review_by']}"
    )
    yield _row("legacy TLS", f"{_count(legacy['devices'], 'device')}, {review}")


def _alerts(facts: Facts) -> Iterator[str]:
    if facts["alerts"]:
        first = f", the first: {printable(facts['alerts_open'][0]['what'])}"
        yield _row("alerts", f"{facts['alerts']} open{first}   relay365 alerts list")


def _logins(locked: Sequence[Facts]) -> Iterator[str]:
    """One line, about the lock that a command can lift, where there is one."""
    if locked:
        first = next((one for one in locked if one["lift"]), locked[0])
        who = f"{first['name'] or 'any name'} from {first['address'] or 'anywhere'} until {first['until']}"
        command = first["lift"] or "relay365 device list"
        yield _row(
            "logins", f"{len(locked)} locked by wrong passwords, {printable(who)}: {printable(command)}"
        )


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _epoch(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def is_overdue(review_by: str, today: date) -> bool:
    """Whether the day of a review has come."""
    return date.fromisoformat(review_by) <= today
