"""What `relay365 backup` says: each result as the documented JSON, and as lines for people.

Apart from the commands, which do the work: nothing is decided here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import printable, size

if TYPE_CHECKING:
    from relay365.keeping.creating import Made
    from relay365.keeping.restoring import Brought
    from relay365.keeping.verifying import Verdict

_STATES = ("queued", "claimed", "held", "failed", "expired", "delivered")


def _queue_words(messages: int, waiting: int, states: dict[str, int]) -> str:
    counted = ", ".join(f"{states[one]:,} {one}" for one in _STATES if states.get(one))
    return f"{messages:,} messages, {waiting:,} of them wait; recipients: {counted or 'none'}"


def made_object(made: Made) -> dict[str, Any]:
    """What was written, as JSON shows it."""
    return {
        "file": str(made.file), "size_octets": made.size_octets, "encrypted": made.is_sealed,
        "members": len(made.members), "schema": made.facts.schema, "messages": made.facts.n_messages,
        "waiting": made.facts.n_waiting, "recipients": dict(made.facts.counts),
        "problems": [*made.facts.problems, *(f"message {k}: {why}" for k, why in made.damaged.items())],
        "left_out": [{"what": one.what, "why": one.why, "fault": one.is_fault} for one in made.left_out],
    }  # fmt: skip


def print_made(made: Made) -> None:
    """The same for people."""
    facts = made.facts
    click.echo(f"queue     {_queue_words(facts.n_messages, facts.n_waiting, dict(facts.counts))}")
    names = [one.name for one in made.members]
    n_segments = sum(name.startswith("data/segments/") for name in names)
    click.echo(
        f"files     {len(names)} in all: the database, {n_segments} segments, {len(names) - 1 - n_segments} more"
    )
    for one in made.left_out:
        click.echo(
            f"left out  {'FAULT: ' if one.is_fault else ''}{printable(one.what)}: {printable(one.why)}"
        )
    for text in made_object(made)["problems"]:
        click.echo(f"DAMAGED   {printable(text)}")
    how = "encrypted" if made.is_sealed else "not encrypted: it has every secret in it"
    click.echo(f"written   {made.file}, {size(made.size_octets)}, {how}")
    click.echo(f"next      relay365 backup verify {made.file}")


def verdict_object(file: Path, verdict: Verdict) -> dict[str, Any]:
    """What a backup holds, as JSON shows it."""
    facts, about = verdict.facts, verdict.about
    return {
        "file": str(file), "good": not verdict.problems, "encrypted": verdict.is_sealed,
        "created_at": about.get("created_at"), "program": about.get("program"), "host": about.get("host"),
        "config_file": about.get("config_file"), "data": about.get("data"), "schema": facts.schema,
        "restorable": facts.is_for_us, "members": len(verdict.manifest.get("members", [])),
        "messages": facts.n_messages, "waiting": facts.n_waiting, "recipients": dict(facts.counts),
        "left_out": verdict.manifest.get("left_out", []), "problems": list(verdict.problems),
    }  # fmt: skip


def print_verdict(file: Path, verdict: Verdict) -> None:
    """The same for people."""
    found = verdict_object(file, verdict)
    click.echo(f"{file} is {'good' if found['good'] else 'NOT GOOD'}")
    sealed = "encrypted" if found["encrypted"] else "not encrypted"
    made = f"{found['created_at']} by relay365 {found['program']} on {found['host']}"
    click.echo(f"  made      {printable(made)}, {sealed}")
    click.echo(f"  of        {printable(str(found['config_file']))}, {printable(str(found['data']))}")
    click.echo(f"  members   {found['members']}, each with the SHA-256 that it was written with")
    click.echo(f"  queue     {_queue_words(found['messages'], found['waiting'], found['recipients'])}")
    for one in found["left_out"]:
        click.echo(f"  left out  {printable(str(one.get('what')))}: {printable(str(one.get('why')))}")
    for text in found["problems"]:
        click.echo(f"  PROBLEM   {printable(text)}")
    if found["restorable"]:
        click.echo(f"  schema    {found['schema']}: this relay365 can restore it")


def brought_object(brought: Brought) -> dict[str, Any]:
    """What was restored, as JSON shows it."""
    queue, file = brought.queue, brought.config / Path(str(brought.about.get("config_file"))).name
    return {
        "to": str(brought.data), "config_file": str(file), "was": brought.about.get("config_file"),
        "elsewhere": str(brought.elsewhere) if brought.elsewhere else None,
        "created_at": brought.about.get("created_at"), "messages": queue.n_messages, "waiting": queue.n_waiting,
        "on_the_way": queue.n_claimed, "held_before": queue.n_held_before, "held": queue.is_held,
        "owed_reports": queue.n_owed, "left_out": brought.manifest.get("left_out", []),
        "problems": [f"message {k}: {why}" for k, why in brought.manifest.get("damaged", {}).items()],
    }  # fmt: skip


def print_brought(brought: Brought, facts: dict[str, Any]) -> None:
    """The same for people, with what is still to do."""
    n, taken = facts["waiting"], facts["created_at"]
    click.echo(f"restored  {facts['messages']:,} messages into {brought.data}, as they were at {taken}")
    if n:
        click.echo(
            f"waiting   {n:,} messages. What of them was delivered after {taken} would be sent a second time."
        )
    else:
        click.echo("waiting   nothing waited.")
    if facts["on_the_way"]:
        click.echo(
            f"          {facts['on_the_way']:,} were on their way at that moment: most likely delivered."
        )
    if n and facts["held"]:
        before = f" ({facts['held_before']:,} were held before)" if facts["held_before"] else ""
        click.echo(f"held      all of them{before}: nothing goes out until you release it.")
        click.echo("          relay365 queue list --state held, then relay365 queue release ID, or --all")
    elif n:
        click.echo(
            "due       all that was not held: it goes out when the service starts, as a possible duplicate."
        )
    if facts["owed_reports"]:
        click.echo(
            f"reports   {facts['owed_reports']:,} that senders had not got go out when the service starts."
        )
    for text in facts["problems"]:
        click.echo(f"DAMAGED   {printable(text)}")
    click.echo(f"config    {facts['config_file']}; it was {printable(str(facts['was']))}")
    if facts["elsewhere"]:
        click.echo(f"files     {facts['elsewhere']} has files that stood elsewhere, below their whole path")
    for one in facts["left_out"]:
        click.echo(f"missing   {printable(str(one.get('what')))}: {printable(str(one.get('why')))}")
    _print_next(brought, facts)


def _print_next(brought: Brought, facts: dict[str, Any]) -> None:
    """What is still to do, and where the configuration looks for its data."""
    from relay365.config import ConfigErrors, parse

    file = Path(facts["config_file"])
    home = file if brought.config.parent.name != "restored" else Path(str(facts["was"]))
    try:
        data = home.parent / str(parse(file.read_text("utf-8"), str(file)).server.data)
    except (ConfigErrors, OSError, UnicodeDecodeError):
        data = brought.data  # said by config check
    if data.resolve() != brought.data.resolve():
        click.echo(f"note      [server] data in it means {data}: change it, or move {brought.data} there")
    if home != file:
        click.echo(f"next      put the files of {file.parent} into {home.parent}, then:")
    click.echo(f"next      relay365 config check --config {home}")
