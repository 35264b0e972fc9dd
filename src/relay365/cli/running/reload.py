"""`relay365 reload`: the running service reads its file again, and says what that changed or why it did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from relay365.cli.words.asking import asked
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    REFUSED,
    WRONG_USE,
    config_option,
    examples,
    json_option,
    printable,
    write_json,
)

WITHIN_S = 60.0


@click.command(epilog=examples("relay365 config check && relay365 reload", "relay365 reload --json"))
@config_option
@json_option
def reload(config_file: Path | None, as_json: bool) -> None:
    """Let the running service read its configuration again; no session is dropped, no connection refused.

    A file that cannot be used changes nothing. Exit 0: it holds; 1: all of it but what only a restart changes; 2: it is
    bad; 3: no service runs; 4: it would be an open relay.
    """
    try:
        answer = asked(config_file, "reload", {}, WITHIN_S)
    except SystemExit as end:
        if end.code == WRONG_USE:
            click.echo("a relay that runs goes on as it was", err=True)
        raise
    if as_json:
        write_json(answer)
    elif answer["taken"]:
        _say_taken(answer)
    else:
        _say_refused(answer)
    if not answer["taken"]:
        raise SystemExit(WRONG_USE if answer["why"] == "bad" else REFUSED)
    raise SystemExit(PROBLEM if answer["needs_restart"] else GOOD)


def _say_taken(answer: dict[str, Any]) -> None:
    if not answer["changes"] and not answer["needs_restart"]:
        click.echo("nothing has changed")
    for line in answer["changes"]:
        click.echo(printable(line))
    if answer["changes"]:
        click.echo("this holds for every session and delivery that begins from now on")
    for key in answer["needs_restart"]:
        click.echo(
            f"what: {key} has changed and does not hold yet\nwhy:  the running service keeps what it was started with\n"
            "do:   systemctl restart relay365, when it suits",
            err=True,
        )


def _say_refused(answer: dict[str, Any]) -> None:
    for one in answer["errors"]:
        why = f"expected {one['expected']}, found {one['found']}; the relay goes on as it was"
        do = one["hint"] or "correct it, then: relay365 reload"
        click.echo(
            f"what: {printable(one['where'])}\nwhy:  {printable(why)}\ndo:   {printable(do)}", err=True
        )
