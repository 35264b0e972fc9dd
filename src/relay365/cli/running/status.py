"""`relay365 status`: one screen that answers: is it fine?"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import click

from relay365.cli.queues.freeze import as_object, frozen, words
from relay365.cli.running.drain import banner_of, drained
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    age,
    config_option,
    data_directory,
    examples,
    instant,
    json_option,
    load_config,
    now,
    plain_option,
    printable,
    with_spool,
    write_json,
)
from relay365.cli.words.signing import calendar, nearest_end

CALENDAR_DAYS = 90  # what ends later is not shown, but for the first


@click.command(epilog=examples("relay365 status", "relay365 status --json"))
@config_option
@json_option
@plain_option
def status(config_file: Path | None, as_json: bool, plain: bool) -> None:
    """One screen: is it fine? Exit 0 fine, 1 something needs a person, 3 the service is not running."""
    from relay365.engine.reports.unknown import load
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    pid = DirectoryLock(data_directory(config, file)).holder()
    facts = with_spool(config_file, _look)
    facts["unknown_replies"] = len(load(data_directory(config, file)))
    facts["running"] = pid is not None
    facts["pid"] = pid
    facts["expiring"] = nearest_end(config, file)
    facts["ends"] = calendar(config, file)
    facts["alerts"] = _open_alerts(data_directory(config, file))
    order = frozen(data_directory(config, file))
    facts["frozen"] = as_object(order)
    drain = drained(data_directory(config, file), pid)
    facts["draining"] = drain
    facts["locked_logins"] = _locked_logins(config, data_directory(config, file)) if pid is not None else []
    trouble = [lane for lane in facts["lanes"] if lane["held"]]
    is_well = not trouble and not facts["recipients"].get("held")
    is_fine = pid is not None and is_well and order is None and drain is None
    ordered = "frozen" if order is not None else "draining" if drain is not None else ""
    unwell = "stopped" if pid is None else ordered if is_well and ordered else "needs you"
    facts["verdict"] = "fine" if is_fine else unwell
    if as_json:
        write_json(facts)
    else:
        _print(
            facts, (words(order) if order is not None else "", banner_of(drain) if drain is not None else "")
        )
    raise SystemExit(GOOD if is_fine else UNREACHABLE if pid is None else PROBLEM)


async def _look(spool: Any) -> dict[str, Any]:
    from relay365.spool.api import Selection, State

    counts = await spool.counts()
    oldest = await spool.list(Selection(states=frozenset({State.QUEUED, State.CLAIMED}), limit=1))
    lanes = [
        {
            "lane": note.lane, "held": note.held or None, "class": note.klass or None, "row": note.row or None,
            "since": instant(note.since_at), "closed_until": instant(note.gate_until_at),
            "last_success": instant(note.last_success_at),
        }
        for note in await spool.lanes()
    ]  # fmt: skip
    return {
        "recipients": {state.value: n for state, n in counts.items()},
        "oldest_age_s": round(now() - oldest[0].accepted_at, 1) if oldest else None,
        "lanes": lanes,
    }


def _open_alerts(data: Path) -> int:
    """How many alerts are open, as the service last saw them."""
    from relay365.engine.alerts.ledger import FILE, read_object

    return sum(not one.get("gone_at") for one in read_object(data / FILE).get("open", []))


def _locked_logins(config: Any, data: Path) -> list[dict[str, str | None]]:
    """What too many wrong passwords have locked, and the command that lifts it: None where it only ends by itself.

    name and address: None where the lock stands for all of them.
    """
    from relay365.engine.accounts import users_in
    from relay365.engine.doors.locks import ANY, locks_in

    known = users_in(data / config.server.users)
    return [
        {
            "name": None if one.name == ANY else one.name,
            "address": None if one.address == ANY else one.address,
            "until": instant(one.until_at),
            "lift": f"relay365 user password {quote(one.name)}" if one.name in known else None,
        }
        for one in locks_in(data, now(), known)
    ]  # fmt: skip


def _print_locked(locked: list[dict[str, str | None]]) -> None:
    """One line, about the lock that a command can lift, where there is one."""
    if locked:
        first = next((one for one in locked if one["lift"]), locked[0])
        who = f"{first['name'] or 'any name'} from {first['address'] or 'anywhere'} until {first['until']}"
        command = first["lift"] or "relay365 device list"
        click.echo(
            f"  logins      {len(locked)} locked by wrong passwords, {printable(who)}: {printable(command)}"
        )


def _print(facts: dict[str, Any], banners: tuple[str, ...]) -> None:
    running = f"running as process {facts['pid']}" if facts["running"] else "not running"
    click.echo(f"relay365 {running}: {facts['verdict'].upper()}")
    for banner in filter(None, banners):
        click.echo(f"  {banner}")
    counts = facts["recipients"]
    waiting = counts.get("queued", 0) + counts.get("claimed", 0)
    oldest = f", oldest {age(facts['oldest_age_s'])}" if facts["oldest_age_s"] is not None else ""
    ended = ", ".join(
        f"{counts.get(state, 0)} {state}" for state in ("held", "failed", "expired", "delivered")
    )
    click.echo(f"  queue       {waiting} waiting{oldest}, {ended}")
    for n, end in enumerate(facts["ends"]):
        if n == 0 or end["days"] <= CALENDAR_DAYS:
            left = f"in {end['days']} d" if end["days"] >= 0 else "IT HAS ENDED"
            click.echo(f"  expiring    {printable(end['what'])} of {end['of']}: {end['at'][:10]}, {left}")
    if facts["alerts"]:
        click.echo(f"  alerts      {facts['alerts']} open: relay365 alerts list")
    _print_locked(facts["locked_logins"])
    if facts["unknown_replies"]:
        click.echo(f"  replies     {facts['unknown_replies']} that nobody knows: relay365 explain --unknown")
    for lane in facts["lanes"]:
        if lane["held"]:
            click.echo(
                f"  route       {lane['lane']} is HELD since {lane['since']}: {printable(lane['held'])}"
            )
            click.echo(f"              relay365 explain {lane['row'] or repr(lane['held'])}")
        elif lane["class"]:
            click.echo(f"  route       {lane['lane']} waits until {lane['closed_until']} ({lane['class']})")
        else:
            click.echo(f"  route       {lane['lane']} is well")
