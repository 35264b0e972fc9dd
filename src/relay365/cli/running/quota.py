"""`relay365 quota`: what of Microsoft's limits is used and by whom, and when a run of messages would be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.running import purse
from relay365.cli.running.purse import clock, span
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    config_option,
    data_directory,
    examples,
    instant,
    json_option,
    load_config,
    now,
    printable,
    with_spool,
    write_json,
)

if TYPE_CHECKING:
    from relay365.cli.running.purse import Books, Owner

MOST_MESSAGES = 1_000_000
PRIORITIES = ("alarm", "normal", "bulk")


@click.group(epilog=examples("relay365 quota status"))
def quota() -> None:
    """Show what is used of Microsoft's limits, and foresee when a run of messages is done."""


@quota.command(epilog=examples("relay365 quota status"))
@config_option
@json_option
def status(config_file: Path | None, as_json: bool) -> None:
    """Every budget of every mailbox and tenant: used, limit, by whom, what waits for it and until when.

    Works while the service is down. Exit 1 when 95 % of a day's budget are used.
    """
    from relay365.app.ways.allowance import allowances
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    limits, at = allowances(config), now()
    is_running = DirectoryLock(data_directory(config, file)).holder() is not None
    books = with_spool(config_file, lambda spool: purse.read_books(spool, limits, at, is_running=is_running))
    facts = _facts(books, purse.owners_of(limits))
    if as_json:
        write_json(facts)
    else:
        _print_status(facts, at)
    raise SystemExit(PROBLEM if any(one["level"] == "over" for one in facts["notices"]) else GOOD)


@quota.command(epilog=examples("relay365 quota forecast --messages 8000 --at 02:00"))
@config_option
@click.option(
    "--messages", type=click.IntRange(1, MOST_MESSAGES), required=True, metavar="N", help="How many messages."
)
@click.option("--recipients", type=click.IntRange(1, 1000), default=1, help="Recipients of each; default 1.")
@click.option("--at", "clock", default="", metavar="HH:MM", help="When they come, local time; default: now.")
@click.option(
    "--mailboxes", type=click.IntRange(1, 1000), help="By so many mailboxes; default: those of the route."
)
@click.option(
    "--device", default="", help="Name of the [[device]] that sends them: its route and priority hold."
)
@click.option("--priority", type=click.Choice(PRIORITIES), help="Default: the device's, else normal.")
@click.option("--internal", is_flag=True, help="All recipients are inside the tenant; default: all outside.")
@json_option
def forecast(config_file: Path | None, as_json: bool, **given: Any) -> None:
    """Say when so many messages are out, what is then left for others, and what makes them wait. Nothing is sent.

    Exit 1 where a day's limit makes them wait, or keeps them for ever.
    """
    from relay365.cli.running.foresight import foreseen, print_forecast

    config, file = load_config(config_file)
    found = foreseen(config, file, config_file, given)
    if as_json:
        write_json(found)
    else:
        print_forecast(found)
    raise SystemExit(PROBLEM if found["waits_for"] in ("recipients", "external") else GOOD)


# -- status ----------------------------------------------------------------------------------------------------------


async def notices_of(spool: Any, config: Any, at: float, *, is_running: bool) -> list[dict[str, Any]]:
    """What is to be said of days that are nearly used up, for other faces; said() has the words."""
    from relay365.app.ways.allowance import allowances

    limits = allowances(config)
    books = await purse.read_books(spool, limits, at, is_running=is_running)
    found: list[dict[str, Any]] = _facts(books, purse.owners_of(limits))["notices"]
    return found


def _facts(books: Books, owners: Sequence[Owner]) -> dict[str, Any]:
    ends = {owner.word: at for owner, at in purse.ends_of_waiting(books, owners)}
    tenants = dict.fromkeys(owner.limits.tenant for owner in owners if owner.limits.tenant)
    outside = {tenant: purse.external(books, tenant, owners) for tenant in tenants}
    mailboxes = [_mailbox(books, owner, ends[owner.word]) for owner in owners]
    spoken = [
        *((one["owner"], budget, [one["owner"]]) for one in mailboxes for budget in one["budgets"]),
        *((f"tenant {name}", one, purse.payers_of(books, name, owners)) for name, one in outside.items()),
    ]
    return {
        "at": instant(books.now),
        "running": books.is_running,
        "mailboxes": [{**one, "budgets": [_dated(b) for b in one["budgets"]]} for one in mailboxes],
        "tenants": [{"tenant": name, "budgets": [_dated(one)]} for name, one in outside.items()],
        "notices": [
            {
                "owner": word, "budget": budget["name"], "level": found.level, "used": found.used,
                "limit": found.limit, "ends_at": instant(found.ends_at),
            }
            for word, budget, payers in spoken
            if (found := purse.notice(books, payers, budget)) is not None
        ],
    }  # fmt: skip


def _mailbox(books: Books, owner: Owner, waits_until: float | None) -> dict[str, Any]:

    runs = [run for lane in owner.lanes for run in books.waiting.get(lane, ())]
    notes = [books.notes[lane] for lane in owner.lanes if lane in books.notes]
    held = next((note.held for note in notes if note.held), None)
    yields = purse.yielding(books, owner)
    shut = max((note.gate_until_at for note in notes), default=0.0)
    return {
        "owner": owner.word,
        "lanes": list(owner.lanes),
        "budgets": purse.standing(books, owner),
        "waiting_messages": sum(run.messages for run in runs),
        "waiting_recipients": sum(run.messages * run.recipients for run in runs),
        "waiting_is_whole": books.is_whole,
        "waiting_until": instant(waits_until) if held is None and not yields else None,
        "waiting_for_share": yields,
        "held": held,
        "closed_until": instant(shut) if shut > books.now else None,
    }


def _dated(budget: Mapping[str, Any]) -> dict[str, Any]:
    return {**budget, "opens_at": instant(budget["opens_at"])}


def _print_status(facts: dict[str, Any], at: float) -> None:
    for one in facts["mailboxes"]:
        click.echo(printable(one["owner"]))
        for budget in one["budgets"]:
            click.echo(f"  {budget['name']:12} {_used(budget, at)}")
        click.echo(f"  {'waiting':12} {_waiting(one, at)}")
    for one in facts["tenants"]:
        click.echo(f"tenant {printable(one['tenant'])}")
        for budget in one["budgets"]:
            click.echo(f"  {budget['name']:12} {_used(budget, at)}")
    for notice in facts["notices"]:
        click.echo(f"WARNING  {said(notice, at)}")
    if facts["notices"]:
        click.echo("         docs/quota.md says what helps; relay365 queue list says what waits")


def _used(budget: Mapping[str, Any], at: float) -> str:
    limit = budget["limit"]
    within = span(budget["window_s"])
    text = (
        f"{budget['used']:,} {within}, not watched: [[tenant]] licences = N sets the limit"
        if limit is None
        else f"{budget['used']:,} of {limit:,} {within}"
    )
    known = budget.get("by_priority", {}).items()
    who = ", ".join(f"{'assumed' if word == purse.ASSUMED else word} {n:,}" for word, n in known)
    text += f": {who}" if who else ""
    text += (
        f"; {', '.join(map(printable, yields))} leaves the rest to others"
        if (yields := budget.get("yields"))
        else ""
    )
    text += f"; others have used {budget['foreign']:,}" if budget["foreign"] else ""
    return text + (f"; opens {clock(budget['opens_at'], at)}" if budget["opens_at"] else "")


def _waiting(one: Mapping[str, Any], at: float) -> str:
    if not one["waiting_messages"]:
        return "nothing"
    least = "" if one["waiting_is_whole"] else "at least "
    text = f"{least}{one['waiting_messages']:,} messages for {one['waiting_recipients']:,} recipients"
    if one["held"]:
        return f"{text}, HELD: {printable(one['held'])}"
    if one["closed_until"]:
        text += f", closed until {clock(one['closed_until'], at)}"
    if one["waiting_for_share"]:
        return f"{text}, some for a share of the day: relay365 queue list says how long"
    out = (
        f"out by {clock(one['waiting_until'], at)}"
        if one["waiting_until"]
        else "some can never go by this way"
    )
    return f"{text}, {out}"


def said(notice: Mapping[str, Any], at: float) -> str:
    """One of the notices in words; at: now, so that another day is named."""
    share = notice["used"] * 100 // max(1, notice["limit"])
    text = f"{printable(notice['owner'])}: {share} % of the day's {notice['limit']:,} {notice['budget']} are used"
    if notice["used"] >= notice["limit"]:
        return f"{text} up"
    end = notice["ends_at"]
    return f"{text}; at the rate of the last hour it ends at {clock(end, at)}" if end else text
