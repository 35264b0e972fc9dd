"""`relay365 queue`: look at the mail that waits, and move it. Works while the service runs and while it is down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.queues.bounce import bounce
from relay365.cli.queues.freeze import banner, freeze, thaw_
from relay365.cli.queues.redirect import redirect
from relay365.cli.queues.rescue import export, import_
from relay365.cli.queues.resend import resend
from relay365.cli.queues.shape import shape
from relay365.cli.queues.waits import Wait, waits_of
from relay365.cli.words.output import (
    PROBLEM,
    REFUSED,
    age,
    config_option,
    examples,
    fail,
    instant,
    json_option,
    now,
    plain_option,
    printable,
    size,
    with_spool,
    write_json,
    write_table,
)
from relay365.cli.words.story import later_of
from relay365.cli.words.where import chosen, is_terminal, person

if TYPE_CHECKING:
    from relay365.spool.api import LaneNote, MessageView, Selection

_WORST = ("held", "failed", "expired", "queued", "claimed", "delivered")
_WAITING = ("queued", "claimed", "held")
NO_ID = "222222"  # number 0, which no message has
MOST = 1_000_000  # messages that one command moves
SOURCES = {"retry": ("queued",), "hold": ("queued",), "release": ("held",), "delete": ("queued", "held")}
"""The states that each verb moves mail out of."""
LOOKED_AT = 1000  # of those that wait, to say how long one of them will


@click.group(epilog=examples("relay365 queue list"))
def queue() -> None:
    """List, show, move, rescue or freeze mail."""


for _command in (bounce, shape, freeze, thaw_, export, import_, redirect, resend):
    queue.add_command(_command)


@queue.command("list", epilog=examples("relay365 queue list --where 'device:canon-2f age>10m'"))
@config_option
@json_option
@plain_option
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_WORST), help="Only these; default: what waits."
)
@click.option("--all", "everything", is_flag=True, help="Finished mail, too.")
@click.option(
    "--where", default="", metavar="FILTER", help="Only what fits: 'device:copier age>10m error:rate-limit'."
)
@click.option(
    "--limit", default=1000, show_default=True, type=click.IntRange(1), help="At most so many messages."
)
def list_(config_file: Path | None, as_json: bool, plain: bool, **by: Any) -> None:
    """What waits, oldest first.

    Words of --where: id from to device state error age size subject text since until; all of them must fit. text, or a
    word without a colon, may stand anywhere. age and size are compared: age>10m, size<2M.
    """
    states = () if by["everything"] else by["states"] or _WAITING
    selection = _selection((), states, by["limit"])
    if by["where"]:
        fitting = chosen(config_file, by["where"], states)[: by["limit"]]
        selection = _selection([view.spool_id for view in fitting], (), by["limit"])
        if not selection.ids:  # which would mean all
            selection = _selection((NO_ID,), (), 1)
    views, notes = with_spool(config_file, lambda spool: _look(spool, selection))
    at = now()
    waits = waits_of(views, notes, at)
    found = [as_object(view, at, waits.get(view.spool_id)) for view in views]
    if as_json:
        for one in found:
            write_json(one)
        return
    rows = [_table_row(one, at) for one in found]
    write_table(("ID", "STATE", "AGE", "NEXT TRY", "SIZE", "FROM > TO", "LAST ANSWER"), rows)
    click.echo(f"{len(rows)} message{'s' * (len(rows) != 1)}.")
    if said := banner(config_file):
        click.echo(said)


async def _look(spool: Any, selection: Selection) -> tuple[list[MessageView], dict[str, LaneNote]]:
    return await spool.list(selection), {note.lane: note for note in await spool.lanes()}


async def _look_at(spool: Any, spool_id: str) -> tuple[MessageView | None, Wait | None]:
    """A message, and what keeps it though it is due: that depends on what stands before it."""
    view = await spool.show(spool_id)
    if view is None or not any(one.state.value == "queued" for one in view.recipients):
        return view, None
    views, notes = await _look(spool, _selection((), ("queued",), LOOKED_AT))
    if not any(one.spool_id == view.spool_id for one in views):
        views.append(view)
    return view, waits_of(views, notes, now()).get(view.spool_id)


@queue.command(epilog=examples("relay365 queue show 4TQ921"))
@config_option
@json_option
@click.argument("spool_id")
def show(config_file: Path | None, as_json: bool, spool_id: str) -> None:
    """One message with its history."""
    view, wait = with_spool(config_file, lambda spool: _look_at(spool, spool_id))
    if view is None:
        fail(
            PROBLEM,
            f"no message {printable(spool_id)}",
            "the id is wrong, or its history was pruned",
            "relay365 queue list --all",
        )
    found = as_object(view, now(), wait)
    found["events"] = [
        {"at": instant(e.at), "n": e.n, "name": e.name, "detail": e.detail} for e in view.events
    ]
    if as_json:
        write_json(found)
        return
    click.echo(
        f"{found['id']}  {found['state']}  {size(found['size_octets'])}  from <{printable(found['reverse_path'])}>"
    )
    given_by = f"given by {view.submitter.peer_address}, given up at {instant(view.expires_at)}"
    kept = f" ({age(view.kept_s)} later, for what its route waited)" if view.kept_s else ""
    click.echo(f"Message-ID {printable(view.message_id)}, {given_by}{kept}")
    if wait is not None:
        click.echo(printable(wait.text))
    if view.damaged:
        click.echo(f"DAMAGED: {printable(view.damaged)}")
    for recipient in found["recipients"]:
        note = "  possible duplicate" if recipient["possible_duplicate"] else ""
        click.echo(
            f"  <{printable(recipient['address'])}>  {recipient['state']}  tries {recipient['attempts']}{note}"
        )
        if recipient["last_reply"]:
            click.echo(f"      {printable(recipient['last_reply'])}")
        if recipient["later"]:
            click.echo(
                f"      later: {recipient['later']['state']} {printable(recipient['later']['detail'])}".rstrip()
            )
    for event in view.events:
        who = f" #{event.n}" if event.n >= 0 else ""
        first, *others = event.detail.split("\n")
        click.echo(f"{instant(event.at)}  {event.name}{who}  {printable(first)}")
        for line in others:
            click.echo(f"      {printable(line)}")


def _mover(name: str, words: str, verb: str, done: str) -> None:
    """Register one of the four commands that move mail; they differ in the spool's method and in words."""

    @queue.command(name, help=words, epilog=examples(f"relay365 queue {name} 4TQ921"))
    @config_option
    @json_option
    @click.argument("spool_ids", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help="All mail for which this makes sense.")
    @click.option("--where", default="", metavar="FILTER", help="All that fits, as in `queue list`.")
    @click.option("--reason", default="", help="Why; it stands in the history of each message.")
    @click.option("--yes", is_flag=True, help="Do not ask; without a terminal delete needs it.")
    def command(config_file: Path | None, as_json: bool, spool_ids: tuple[str, ...], **by: Any) -> None:
        if bool(spool_ids) + by["everything"] + bool(by["where"]) != 1:
            raise click.UsageError("name messages, or say --where or --all")
        selection = _selection(spool_ids, (), MOST)
        if not spool_ids:
            views = chosen(config_file, by["where"], SOURCES[verb])
            _agree(name, views, is_sure=by["yes"])
            selection = _selection([view.spool_id for view in views], (), MOST)
        said = f"{done} by {person(by['reason'])}"
        last = said if verb in ("hold", "delete") else now()
        n_moved = (
            with_spool(config_file, lambda spool: getattr(spool, verb)(selection, last))
            if selection.ids
            else 0
        )
        if as_json:
            write_json({done: n_moved})
        else:
            click.echo(f"{done}: {n_moved} recipient{'s' * (n_moved != 1)}")
        if not n_moved and spool_ids:
            raise SystemExit(PROBLEM)


def _agree(name: str, views: Sequence[MessageView], *, is_sure: bool) -> None:
    """Say how much it is, and ask; leaves with 4 where nobody agrees. Scripts are asked only of what is lost."""
    if is_sure or not views:
        return
    oldest = age(now() - min(view.accepted_at for view in views))
    n = f"{len(views):,} message{'s' * (len(views) != 1)}, the oldest of {oldest} ago"
    if not is_terminal():
        if name == "delete":
            fail(
                REFUSED,
                "nothing was deleted",
                f"it would give up {n}, and nobody can be asked",
                "look first: relay365 queue list; then say it again with --yes",
            )
        return
    if not click.confirm(f"would {name} {n}. Do it?", err=True):
        fail(REFUSED, "nothing was changed", "you did not agree", "relay365 queue list --where ...")


_mover("retry", "Try waiting mail now.", "retry", "due now")
_mover("hold", "Stop waiting mail until it is released.", "hold", "held")
_mover("release", "Let held mail go on.", "release", "released")
_mover("delete", "Give waiting or held mail up; its history and its content stay.", "delete", "deleted")


def _selection(ids: Sequence[str], states: Sequence[str], limit: int) -> Selection:
    from relay365.mail.envelope import SpoolId
    from relay365.spool.api import Selection, State

    return Selection(tuple(SpoolId(i) for i in ids), frozenset(State(s) for s in states), limit)


def as_object(view: MessageView, at: float, wait: Wait | None = None) -> dict[str, Any]:
    """A message as the documented JSON shows it. wait: what keeps it though it is due."""
    recipients = [
        {
            "address": r.address, "state": r.state.value, "attempts": r.attempts, "last_reply": r.last_reply,
            "class": r.klass or None, "row": r.row or None, "next_attempt_at": instant(r.next_attempt_at),
            "possible_duplicate": r.possible_duplicate, "lane": r.lane, "remote_id": r.remote_id or None,
            "later": later_of(r),
        }
        for r in view.recipients
    ]  # fmt: skip
    states = {r.state.value for r in view.recipients}
    due = [r.next_attempt_at for r in view.recipients if r.next_attempt_at is not None]
    return {
        "id": view.spool_id,
        "state": next((state for state in _WORST if state in states), "delivered"),
        "age_s": round(at - view.accepted_at, 3),
        "size_octets": view.size_octets,
        "reverse_path": view.reverse_path,
        "recipients": recipients,
        "device": view.submitter.device or view.submitter.login or view.submitter.peer_address,
        "route": view.recipients[0].lane.partition("/")[0] if view.recipients else None,
        "next_attempt_at": instant(min(due)) if due else None,
        "message_id": view.message_id,
        "possible_duplicate": any(r.possible_duplicate for r in view.recipients),
        "damaged": view.damaged or None,
        "expires_at": instant(view.expires_at),
        "kept_s": round(view.kept_s, 3),
        "waits": None if wait is None else {"text": wait.text, "about_s": _rounded(wait.about_s)},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _table_row(found: dict[str, Any], at: float) -> list[str]:
    from datetime import datetime

    first = found["recipients"][0] if found["recipients"] else {"address": "?", "last_reply": ""}
    more = f" +{len(found['recipients']) - 1}" if len(found["recipients"]) > 1 else ""
    next_at = found["next_attempt_at"]
    wait = age(datetime.fromisoformat(next_at).timestamp() - at) if next_at else "-"
    return [
        found["id"], found["state"], age(found["age_s"]), wait, size(found["size_octets"]),
        f"{found['reverse_path'] or '<>'} > {first['address']}{more}",
        (found["waits"]["text"] if found["waits"] else first["last_reply"])[:100],
    ]  # fmt: skip
