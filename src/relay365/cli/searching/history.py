"""`relay365 history`: messages and sessions of all time, searched by what is known of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.queues.queue import as_object
from relay365.cli.words.output import (
    PROBLEM,
    age,
    config_option,
    data_directory,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    now,
    plain_option,
    printable,
    size,
    write_json,
    write_table,
)
from relay365.cli.words.past import meaning_of, sessions_without_mail, with_history
from relay365.cli.words.times import Since, clock_time, utc_option
from relay365.cli.words.where import STATES, read_where

if TYPE_CHECKING:
    from relay365.spool.api import MessageView
    from relay365.spool.history.search import History
    from relay365.spool.history.wanted import Wanted

LONGEST = 90  # characters of an answer in the table


@click.command(
    epilog=examples(
        "relay365 history lena@fabrikam.com --since 2d",
        "relay365 history --device copier --state failed",
        "relay365 history 5.7.57 --json",
    )
)
@config_option
@json_option
@plain_option
@utc_option
@click.argument("words", nargs=-1)
@click.option("--from", "sender", default="", metavar="ADDRESS", help="Sender, or a part of it.")
@click.option("--to", default="", metavar="ADDRESS", help="A recipient, or a part of it.")
@click.option(
    "--device", default="", metavar="NAME", help="A device, login or address; * stands for anything."
)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="One recipient is in it.")
@click.option("--error", default="", metavar="ROW", help="An attempt was told this: a row, or a class.")
@click.option("--since", type=Since(), metavar="WHEN", help="Accepted since: 2h, 3d, or an instant.")
@click.option("--until", type=Since(), metavar="WHEN", help="Accepted before it.")
@click.option("--where", default="", metavar="FILTER", help="Filter words, as in `relay365 queue list`.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="The newest so many."
)
def history(config_file: Path | None, as_json: bool, plain: bool, utc: bool, **by: Any) -> None:
    """What was: messages and the sessions that brought none, newest first, by any WORDS that are known of them.

    WORDS: an id, a part of an address, of a Message-ID or of an answer, a device; each must be somewhere. Works while
    the service is down. Exit 1: nothing was found.
    """
    wanted, error, limit = _wanted(**by), by["error"], by["limit"]
    config, file = load_config(config_file)
    views = with_history(config_file, lambda past: _find(past, wanted, error, limit))
    found = [_message(view) for view in views]
    if not error:
        from relay365.engine.blackbox.archive import Archive

        archive = Archive(data_directory(config, file))
        found += [_session(one) for one in sessions_without_mail(archive, wanted)]
    found = sorted(found, key=lambda one: one["_at"], reverse=True)[:limit]
    if not found:
        days = config.queue.keep / 86_400
        fail(
            PROBLEM,
            "nothing was found",
            f"no message or session of the last {days:.0f} days fits ([queue] keep), and all that is said must fit",
            "say less: relay365 history --since 2d",
        )
    if as_json:
        for one in found:
            write_json({key: value for key, value in one.items() if key != "_at"})
        return
    _print(found, limit, utc=utc)


def _wanted(words: tuple[str, ...], sender: str, to: str, device: str, **by: Any) -> Wanted:
    from relay365.spool.api import State
    from relay365.spool.history.wanted import FOR_EVER, Wanted

    states = frozenset(State(one) for one in by["states"])
    since_at, until_at = by["since"] or 0.0, by["until"] or FOR_EVER
    wanted = Wanted(words, frozenset(), sender, to, device, states, since_at=since_at, until_at=until_at)
    return read_where(by["where"], wanted)


async def _find(past: History, wanted: Wanted, error: str, limit: int) -> list[MessageView]:
    among = None
    if error:
        found = await past.troubles(wanted.since_at)  # an attempt comes after its acceptance, however late
        among = {one.seq for one in found if error in meaning_of(one)}
    return await past.find(wanted, limit, among)


def _message(view: MessageView) -> dict[str, Any]:
    found = as_object(view, now())
    asked = [event for event in view.events if event.name == "message.claimed"]
    return {
        "_at": view.accepted_at, "kind": "message", "accepted_at": instant(view.accepted_at), **found,
        "peer_address": view.submitter.peer_address, "attempts": len(asked),
    }  # fmt: skip


def _session(session: dict[str, Any]) -> dict[str, Any]:
    return {
        "_at": session["began_at"], "kind": "session", "began_at": instant(session["began_at"]),
        "session": session["session"], "device": session["device"] or session["address"],
        "peer_address": session["address"], "refused": session["refused"], "reading": session["reading"],
        "envelope": [text for _, who, text in session["lines"] if who == "client" and _is_envelope(text)],
    }  # fmt: skip


def _is_envelope(text: str) -> bool:
    return text.upper().startswith(("MAIL FROM:", "RCPT TO:"))


def _print(found: list[dict[str, Any]], limit: int, *, utc: bool) -> None:
    write_table(
        ("WHEN", "ID", "STATE", "SIZE", "DEVICE", "FROM > TO", "LAST ANSWER"),
        [_cells(one, utc=utc) for one in found],
    )
    more = f"; there may be more: --limit {limit * 10}" if len(found) == limit else ""
    click.echo(f"{len(found)} found{more}. One of them: relay365 trace ID; a session: device sessions NAME")


def _cells(one: dict[str, Any], *, utc: bool) -> list[str]:
    when = clock_time(one["_at"], utc=utc)
    if one["kind"] == "session":
        said = [text.partition(":")[2].strip() for text in one["envelope"]]
        ways = f"{said[0]} > {said[1]}" if len(said) > 1 else " ".join(said)
        state = "refused" if one["refused"] else "no mail"
        return [when, "-", state, "-", one["device"], printable(ways), printable(one["reading"])[:LONGEST]]
    first: dict[str, Any] = (
        one["recipients"][0] if one["recipients"] else {"address": "?", "last_reply": "", "later": None}
    )
    more = f" +{len(one['recipients']) - 1}" if len(one["recipients"]) > 1 else ""
    answer = first["last_reply"]
    if first["later"]:
        answer = f"later {first['later']['state']}: {first['later']['detail']}"
    if one["state"] in ("queued", "claimed", "held"):
        answer = f"for {age(one['age_s'])}: {answer}"
    return [
        when, one["id"], one["state"], size(one["size_octets"]), one["device"],
        f"{one['reverse_path'] or '<>'} > {first['address']}{more}", printable(answer)[:LONGEST],
    ]  # fmt: skip
