"""`relay365 queue resend`: mail that had ended without a delivery once more, deleted mail included.

It is accepted anew for the recipients that have not got it; the old message keeps its end, and names the new one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.queues.handing_back import Door, Refused, door_of, fresh, hand_back, stored
from relay365.cli.words.output import (
    PROBLEM,
    REFUSED,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    now,
    with_spool,
    write_json,
)
from relay365.cli.words.where import chosen, is_terminal, person

if TYPE_CHECKING:
    from relay365.spool.api import MessageView

STATES = ("failed", "expired")


@click.command(
    epilog=examples("relay365 queue resend 4TQ921", "relay365 queue resend --where 'since:1d' --yes")
)
@config_option
@json_option
@click.argument("spool_ids", nargs=-1)
@click.option("--where", default="", metavar="FILTER", help="All that fits, as in `queue list`.")
@click.option("--reason", default="", help="Why; it stands in the history of each message.")
@click.option(
    "--listener", default="", metavar="ADDRESS", help="Which listener, by its address; default: the first."
)
@click.option("--login", default="", help="Log in by this name; the password is read from standard input.")
@click.option("--yes", is_flag=True, help="Do not ask; --where needs it without a terminal.")
def resend(config_file: Path | None, as_json: bool, spool_ids: tuple[str, ...], **by: Any) -> None:
    """Send failed, expired or deleted mail once more, to those who have not got it.

    It becomes a new message, which the running relay judges like any other. Exit 1: one was refused, or there was none.
    """
    if bool(spool_ids) + bool(by["where"]) != 1:
        raise click.UsageError("name messages, or say --where")
    views = chosen(config_file, by["where"] or " ".join(f"id:{one}" for one in spool_ids), STATES)
    if not views:
        fail(
            PROBLEM, "there is nothing to send again", "no failed, expired or deleted message fits",
            "relay365 queue list --state failed --state expired",
        )  # fmt: skip
    if by["where"]:
        _agree(len(views), is_sure=by["yes"])
    config, file = load_config(config_file)
    login = (by["login"], sys.stdin.readline().rstrip("\r\n")) if by["login"] else None
    door = door_of(config, file, by["listener"], login)
    n_refused = 0
    for view in views:
        found = _resend_one(config_file, view, door, person(by["reason"]))
        n_refused += found["refused"] is not None
        if as_json:
            write_json(found)
        elif found["refused"]:
            click.echo(f"{view.spool_id} was refused: {found['refused']}")
        else:
            click.echo(f"{view.spool_id} goes again as {found['new_id']}")
    raise SystemExit(PROBLEM if n_refused else 0)


def _agree(n: int, *, is_sure: bool) -> None:
    """Leaves with 4 where nobody agrees: people get mail that they may not expect any more."""
    what = f"{n:,} message{'s' * (n != 1)} again"
    if is_sure or (is_terminal() and click.confirm(f"would send {what}. Do it?", err=True)):
        return
    fail(REFUSED, "nothing was sent", f"it would be {what}, and nobody agreed", "say it again with --yes")


def _resend_one(config_file: Path | None, view: MessageView, door: Door, who: str) -> dict[str, Any]:
    from relay365.spool.history.trouble import RESENT

    found: dict[str, Any] = {"id": view.spool_id, "new_id": None, "refused": None}
    open_ = tuple(
        (one.address, one.notify, one.orcpt) for one in view.recipients if one.state.value in STATES
    )
    began_at = now()
    try:
        found["new_id"] = fresh(
            config_file, hand_back(door, stored(config_file, view.spool_id, open_)), began_at
        )
    except Refused as no:
        return {**found, "refused": str(no)}
    said = f"as {found['new_id']} by {who}"
    with_spool(config_file, lambda spool: spool.note(view.spool_id, RESENT, said))
    return found
