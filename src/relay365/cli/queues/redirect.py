"""`relay365 queue redirect`: waiting mail to somebody else. It is accepted anew for him, then the old one is given up.

In this order, so that a crash in between leaves two of it, never none.
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
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    now,
    printable,
    with_spool,
    write_json,
)
from relay365.cli.words.where import chosen, is_terminal, person

if TYPE_CHECKING:
    from relay365.spool.api import MessageView

STATES = ("queued", "held")


@click.command(epilog=examples("relay365 queue redirect 4TQ921 --to helpdesk@contoso.com --yes"))
@config_option
@json_option
@click.argument("spool_ids", nargs=-1)
@click.option("--where", default="", metavar="FILTER", help="All that fits, as in `queue list`.")
@click.option("--to", "address", required=True, metavar="ADDRESS", help="Who gets it instead.")
@click.option("--reason", default="", help="Why; it stands in the history of each message.")
@click.option(
    "--listener", default="", metavar="ADDRESS", help="Which listener, by its address; default: the first."
)
@click.option("--login", default="", help="Log in by this name; the password is read from standard input.")
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
def redirect(config_file: Path | None, as_json: bool, spool_ids: tuple[str, ...], **by: Any) -> None:
    """Send waiting or held mail to another ADDRESS, instead of the recipients that still wait for it.

    It becomes a new message, once for each, and the old one is given up; its history and content stay. Exit 1: the
    listener has refused one, or there was none.
    """
    from relay365.mail.address import check_path

    if bool(spool_ids) + bool(by["where"]) != 1:
        raise click.UsageError("name messages, or say --where")
    address = by["address"]
    wrong = check_path(address) or ("" if "@" in address else "it has no domain")
    if wrong:
        fail(WRONG_USE, f"{printable(address)} is no address", wrong, "--to lena@contoso.com")
    words = by["where"] or " ".join(f"id:{one}" for one in spool_ids)
    views = chosen(config_file, words, STATES)
    if not views:
        fail(
            PROBLEM,
            "there is nothing to redirect",
            "no message that waits or is held fits",
            "relay365 queue list",
        )
    _agree(len(views), address, is_sure=by["yes"])
    config, file = load_config(config_file)
    login = (by["login"], sys.stdin.readline().rstrip("\r\n")) if by["login"] else None
    door = door_of(config, file, by["listener"], login)
    n_refused = 0
    for view in views:
        found = _redirect_one(config_file, view, door, address, by["reason"])
        n_refused += found["refused"] is not None
        if as_json:
            write_json(found)
        elif found["refused"]:
            click.echo(f"{view.spool_id} stays: {found['refused']}")
        else:
            click.echo(f"{view.spool_id} goes to {printable(address)} as {found['new_id']}")
    raise SystemExit(PROBLEM if n_refused else 0)


def _agree(n: int, address: str, *, is_sure: bool) -> None:
    """Leaves with 4 where nobody agrees."""
    what = f"{n:,} message{'s' * (n != 1)} to {printable(address)}"
    if is_sure or (is_terminal() and click.confirm(f"would redirect {what}. Do it?", err=True)):
        return
    fail(
        REFUSED, "nothing was redirected", f"it would be {what}, and nobody agreed", "say it again with --yes"
    )


def _redirect_one(
    config_file: Path | None, view: MessageView, door: Door, address: str, reason: str
) -> dict[str, Any]:
    """Stop it, hand it in anew, give it up; where that does not succeed, it waits as before."""
    from relay365.spool.api import Selection, State

    one = Selection((view.spool_id,))
    found: dict[str, Any] = {"id": view.spool_id, "new_id": None, "refused": None}
    was_held = any(each.state is State.HELD for each in view.recipients)
    who, began_at = person(reason), now()
    with_spool(config_file, lambda spool: spool.hold(one, f"held by {who}"))
    stopped = with_spool(config_file, lambda spool: spool.show(view.spool_id))
    if stopped is None or not any(each.state is State.HELD for each in stopped.recipients):
        return {**found, "refused": "it is on its way now, or gone"}
    try:
        letter = stored(config_file, view.spool_id, ((address, "", ""),))
        found["new_id"] = fresh(config_file, hand_back(door, letter), began_at)
    except Refused as no:
        found["refused"] = str(no)
    finally:
        if not found["new_id"] and not was_held:  # what waited for a person before goes on waiting for one
            with_spool(config_file, lambda spool: spool.release(one, now()))
    if found["new_id"]:
        said = f"redirected to {printable(address)} as {found['new_id']} by {who}"
        with_spool(config_file, lambda spool: spool.delete(one, said))
    return found
