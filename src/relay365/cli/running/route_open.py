"""`relay365 route open`: one try of a shut route now, because a person has healed it and does not want to wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from relay365.cli.words.asking import asked
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    printable,
    write_json,
)

WITHIN_S = 60.0


@click.command(
    "open", epilog=examples("relay365 route open submission", "relay365 route open scans/scan@contoso.com")
)
@config_option
@json_option
@click.argument("name")
def open_route(config_file: Path | None, as_json: bool, name: str) -> None:
    """Try a shut route now, by its NAME or that of one of its lanes, and say what it heard.

    One message goes; its answer opens the route, or shuts it again. Exit 1: it is still shut, or was not answered yet.
    """
    answer = asked(config_file, "route-open", {"name": name}, WITHIN_S)
    if not answer["lanes"]:
        known = ", ".join(answer.get("known", ()))
        fail(
            WRONG_USE,
            f"there is no route {printable(name)}",
            f"the service has {printable(known)}",
            "relay365 route list",
        )
    for one in answer["lanes"]:
        if as_json:
            write_json(one)
        else:
            _say(one)
    is_well = all(one["state"] in ("well", "empty") for one in answer["lanes"])
    raise SystemExit(GOOD if is_well else PROBLEM)


def _say(one: dict[str, Any]) -> None:
    lane, was = printable(one["lane"]), printable(one["was"])
    match one["state"]:
        case "well" if not was:
            click.echo(f"{lane}: it is open, there was nothing to do")
        case "well":
            click.echo(f"{lane}: open again, one message went through (it was shut: {was})")
        case "empty":
            click.echo(f"{lane}: no mail waits there, so nothing can be tried (it was shut: {was})")
            click.echo(f"{' ' * len(lane)}  the next message tries it; or: relay365 send-test")
        case "frozen":
            click.echo(f"{lane}: a person has frozen the queue, so nothing is tried: relay365 queue thaw")
        case "tries":
            click.echo(f"{lane}: one message is on its way, and the remote has not answered yet")
        case _:
            do = f"relay365 explain {one['row']}" if one.get("row") else "relay365 explain 'the whole text'"
            click.echo(
                f"what: {lane} is still shut\nwhy:  {printable(one['reply'])}\ndo:   {do}; all mail is kept",
                err=True,
            )
