"""What `relay365 quota forecast` works out and says: who would send, what they have at hand, and when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.running import purse
from relay365.cli.running.purse import clock, epoch, span
from relay365.cli.words.output import WRONG_USE, data_directory, fail, instant, now, printable, with_spool

if TYPE_CHECKING:
    from relay365.cli.running.purse import Books, Owner
    from relay365.routes.api import LaneLimits
    from relay365.rules.quota.forecast import Job, Mailbox, Outlook

HISTORY_DAYS = 35.0  # five weeks teach what bulk must leave to others
ADVICE = {
    "messages": "more mailboxes in the route (mailboxes = [...]), or fewer messages with more recipients each",
    "recipients": "more mailboxes in the route (mailboxes = [...]); or an hve route where all are inside",
    "external": "no mailbox helps: spread it over days, or buy licences ([[tenant]] licences = N tells the relay)",
    "hours": "[[tenant]] bulk_from and bulk_until are its hours; --priority normal goes at any time",
}
SHARE_ADVICE = (
    'if one program sends it all: [[tenant]] client_share_per_day = 100, or priority = "bulk" for it'
)


def foreseen(config: Any, file: Path, config_file: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """All that `quota forecast` says."""
    from relay365.app.ways.allowance import allowances
    from relay365.rules.quota import forecast as rules
    from relay365.spool.lock import DirectoryLock

    limits, begin = allowances(config), now()
    books = purse.Books(begin)
    if (data_directory(config, file) / "spool.db").exists():
        is_running = DirectoryLock(data_directory(config, file)).holder() is not None
        books = with_spool(
            config_file,
            lambda spool: purse.read_books(spool, limits, begin, days=HISTORY_DAYS, is_running=is_running),
        )
    priority = given["priority"] or _device(config, given["device"]) or "normal"
    owners = purse.owners_of(limits)
    own = _owners(config, owners, given, priority)
    at = _instant_of(given["clock"], begin)
    each = given["recipients"]
    run = rules.Run(given["messages"], each, 0 if given["internal"] or not own[0].limits.tenant else each)
    job = rules.Job(run, at, _hours(own[0].limits)) if priority == "bulk" else rules.Job(run, at)
    boxes = [_shared(purse.mailbox_of(books, one), one, books, job, priority) for one in own]
    boxes = _as_many(boxes, given["mailboxes"] or len(boxes))
    outside = purse.outside_of(books, own[0].limits.tenant, owners)
    found = rules.forecast(job, boxes, outside, begin)
    more = rules.forecast(job, rules.one_more(boxes), outside, begin)
    return {
        **_told(job, boxes, found, own[0].limits),
        **_of_one_client(job, len(boxes), priority, own[0].limits),
        "priority": priority,
        "with_one_more_mailbox": instant(more.done_at),
        "external_limit": outside.limit,
    }


def _told(job: Job, boxes: Sequence[Mailbox], found: Outlook, limits: LaneLimits) -> dict[str, Any]:
    """The answer as JSON has it. What is left is left for others: what bulk may not use is among it."""
    day = limits.recipients_per_day
    left = [
        {"mailbox": box.name, "left": n + day - box.recipients, "limit": day}
        for box, n in zip(boxes, found.left, strict=True)
        if n is not None and day is not None and box.recipients is not None
    ]
    return {
        "messages": job.run.messages,
        "recipients": job.run.recipients,
        "external": job.run.external > 0,
        "at": instant(job.at),
        "mailboxes": len(boxes),
        "windows": [
            {"messages": n, "window_s": seconds - purse.guard_s()} for n, seconds in boxes[0].windows
        ],
        "waiting_before": sum(run.messages for box in boxes for run in box.waiting),
        "starts_at": instant(found.starts_at),
        "done_at": instant(found.done_at),
        "waits_for": found.binds or None,
        "left": left,
        "external_left": found.external_left,
        "advice": ADVICE.get(found.binds),
    }


def _of_one_client(job: Job, n_mailboxes: int, priority: str, limits: LaneLimits) -> dict[str, Any]:
    """What one client may have of a mailbox's day before it leaves others what they need, and whether this is more."""
    from relay365.rules.quota.day import share_of

    day = limits.recipients_per_day
    most = None if day is None or priority == "bulk" else share_of(day, limits.client_share)
    wanted = job.run.messages * job.run.recipients
    return {"client_share": most, "exceeds_client_share": most is not None and wanted > most * n_mailboxes}


def _device(config: Any, name: str) -> str:
    """The priority of a device, "" for none; exit 2 for a name that is not in the file."""
    if not name:
        return ""
    found = next((one for one in config.device if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in config.device) or "none"
        fail(WRONG_USE, f"no [[device]] is called {name}", f"the file has: {known}", "relay365 device list")
    return str(found.priority)


def _owners(config: Any, owners: Sequence[Owner], given: Mapping[str, Any], priority: str) -> list[Owner]:
    """Who would send: the owners of the lanes of the first route for mail of this device and priority."""
    from relay365.mail.envelope import SubmitterFacts
    from relay365.rules.routing import Letter, RoadMap

    facts = SubmitterFacts("", "", device=given["device"], priority=priority)
    own_domains = sorted(config.sender.domains) or sorted(owners[0].limits.own_domains)
    domain = own_domains[0] if given["internal"] and own_domains else "example.invalid"
    roads = RoadMap.of(config).itinerary(Letter("", facts), f"somebody@{domain}").roads
    return [owner for owner in owners if set(owner.lanes) & set(roads[0].lanes)]


def _shared(mailbox: Mailbox, owner: Owner, books: Books, job: Job, priority: str) -> Mailbox:
    """What bulk may have of a mailbox: it leaves a tenth of the minute, and the day's reserve, to others."""
    if priority != "bulk":
        return mailbox
    from relay365.rules.quota.budgets import KEPT_FROM_BULK
    from relay365.rules.quota.reserve import Reserve

    windows = tuple((n - int(n * KEPT_FROM_BULK), seconds) for n, seconds in mailbox.windows)
    if mailbox.recipients is None:
        return replace(mailbox, windows=windows)
    reserve = Reserve(mailbox.recipients, owner.limits.reserve_per_day)
    urgent = [
        row for row in books.usage if row.budget == owner.word and row.priority not in ("bulk", purse.ASSUMED)
    ]
    reserve.learn(((row.at, row.recipients) for row in urgent), books.now)
    kept = reserve.kept(job.at, list(_returns(mailbox, job.at)))
    return replace(mailbox, windows=windows, recipients=max(0, mailbox.recipients - kept))


def _returns(mailbox: Mailbox, at: float) -> Iterator[int]:
    """What comes back to a mailbox in each of the 24 hours after an instant."""
    from relay365.rules.quota.forecast import slice_end

    for hour in range(24):
        begin = at + hour * 3_600
        yield sum(n for used_at, n in mailbox.used if begin <= slice_end(used_at) < begin + 3_600)


def _as_many(boxes: list[Mailbox], n: int) -> list[Mailbox]:
    """The first n, or all and fresh ones that are like the first."""
    fresh = replace(boxes[0], used=(), waiting=(), taken=())
    names = (f"mailbox {place}" for place in range(len(boxes) + 1, n + 1))
    return [*boxes[:n], *(replace(fresh, name=name) for name in names)]


def _hours(limits: LaneLimits) -> Any:
    """When bulk may go: the first such instant at or after one, in local time."""
    from relay365.rules.quota.pace import BulkPace

    if limits.bulk_window is None:
        return lambda at: at
    begin, end = (int(word[:2]) * 3_600.0 + int(word[3:]) * 60.0 for word in limits.bulk_window)
    pace = BulkPace((begin, end))
    return lambda at: at + pace.opens_in_s(_second_of_day(at))


def _second_of_day(at: float) -> float:
    from datetime import datetime

    local = datetime.fromtimestamp(at).astimezone()
    return local.hour * 3_600.0 + local.minute * 60.0 + local.second + local.microsecond / 1e6


def _instant_of(clock: str, begin: float) -> float:
    """The next time that the clock shows so, in local time; exit 2 where it is no time."""
    from datetime import datetime, timedelta

    if not clock:
        return begin
    try:
        wanted = datetime.strptime(clock, "%H:%M").time()  # noqa: DTZ007  # a time of the day, made local below
    except ValueError:
        fail(WRONG_USE, f"--at {clock}", "it is no time of the day", "write it as 02:00")
    local = datetime.fromtimestamp(begin).astimezone()
    found = local.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
    return (found if found >= local else found + timedelta(days=1)).timestamp()


def print_forecast(found: Mapping[str, Any]) -> None:
    """Say it in a few lines; times are local."""
    base = epoch(found["at"])
    n, each = found["messages"], found["recipients"]
    mail = f"{n:,} message{'s' if n > 1 else ''}"
    people = f"{each:,} recipient{'s' if each > 1 else ''}"
    boxes = f"{found['mailboxes']} mailbox{'es' if found['mailboxes'] > 1 else ''}"
    head = f"{mail} of {people}, {found['priority']}, at {clock(found['at'], base)}, by {boxes}"
    if found["done_at"] is None:
        click.echo(f"{head}: NEVER")
        click.echo(f"  {_never(found)}")
        click.echo(f"  advice      {found['advice']}")
        return
    click.echo(f"{head}: done {clock(found['done_at'], base)}")
    if found["waiting_before"]:
        click.echo(
            f"  before it   {found['waiting_before']:,} messages wait; begins {clock(found['starts_at'], base)}"
        )
    click.echo(f"  waits for   {_cause(found)}")
    if found["with_one_more_mailbox"] != found["done_at"]:
        click.echo(f"  one more    mailbox: done {clock(found['with_one_more_mailbox'], base)}")
    elif found["waits_for"]:
        click.echo("  one more    mailbox changes nothing")
    if found["exceeds_client_share"]:
        click.echo(
            f"  one client  has {found['client_share']:,} of a mailbox's day, then leaves others what they usually "
            "need: may take longer"
        )
    for one in found["left"]:
        click.echo(
            f"  then left   {one['left']:,} of {one['limit']:,} recipients in 24 h: {printable(one['mailbox'])}"
        )
    if found["external_limit"] is not None:
        click.echo(
            f"  then left   {found['external_left']:,} of {found['external_limit']:,} external in 24 h: tenant"
        )
    if found["advice"]:
        click.echo(f"  advice      {found['advice']}")
    if found["exceeds_client_share"]:
        click.echo(f"  advice      {SHARE_ADVICE}")


def _never(found: Mapping[str, Any]) -> str:
    days = [one["limit"] for one in found["left"]]
    days += [found["external_limit"]] if found["external"] and found["external_limit"] is not None else []
    if any(found["recipients"] > day for day in days):
        return "one message alone has more recipients than a day allows"
    return "a message that waits in front of it has more recipients than a day allows: relay365 queue list"


def _cause(found: Mapping[str, Any]) -> str:
    rates = ", ".join(f"{one['messages']} messages {span(one['window_s'])}" for one in found["windows"])
    return {
        None: "nothing",
        "messages": f"{rates}, for each mailbox",
        "recipients": "the mailbox's recipients of 24 h",
        "external": "the tenant's external recipients of 24 h",
        "hours": "the hours of bulk mail",
    }[found["waits_for"]]
