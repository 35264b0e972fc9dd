"""`relay365 send-test`: one message on trial, by a listener or straight by a route, with what both legs said."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    plain_option,
    printable,
    write_json,
)
from relay365.cli.words.sizes import Octets
from relay365.cli.words.times import Span

if TYPE_CHECKING:
    from relay365.cli.finding.send_test_legs import Trial

_ARROWS = {"client": " >", "server": "< ", "note": " ~", "relay": "< ", "out": " >", "remote": "< "}
_CODES = {"delivered": GOOD, "unreachable": UNREACHABLE}


@click.command(
    "send-test",
    epilog=examples(
        "relay365 send-test --to ops@contoso.com", "relay365 send-test --to ops@contoso.com --via submission"
    ),
)
@config_option
@click.option(
    "--to", "recipients", multiple=True, required=True, metavar="ADDRESS", help="Recipient; may be repeated."
)
@click.option(
    "--from", "sender", default="", metavar="ADDRESS", help="Sender; default: the first route's own."
)
@click.option("--via", default="lan", show_default=True, metavar="lan|ROUTE",
              help="By a listener, as a device; or straight by a route, without the running relay.")  # fmt: skip
@click.option(
    "--listener", default="", metavar="ADDRESS", help="Which listener, by its address; default: the first."
)
@click.option("--as-ip", "address", default="", metavar="IP", help="Come from this address.")
@click.option("--login", default="", help="Log in by this name; the password is read from standard input.")
@click.option(
    "--size", type=Octets(), default=0, metavar="SIZE", help="As large as this at least, such as 25M."
)
@click.option("--attach", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Attach a file.")
@click.option("--eml", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Send this message (RFC 5322) instead of one that is written for the purpose.")  # fmt: skip
@click.option("--quirk", "quirks", default="", metavar="NAME,...",
              help="Do this wrong, by the names of [tolerate]: no-brackets,bare-lf-commands.")  # fmt: skip
@click.option(
    "--wait",
    type=Span("s", least="0s", most="1h"),
    default=60.0,
    metavar="SPAN",
    help="How long to wait for its delivery; default: 60s, at most 1h.",
)
@click.option("--transcript", is_flag=True, help="Show every word of both legs with its time.")
@plain_option
@json_option
def send_test(
    config_file: Path | None, *, plain: bool, as_json: bool, transcript: bool, **given: Any
) -> None:
    """Send one real message, and say what became of it on both legs: device to relay, relay to Microsoft.

    Exit 0: the next server has taken it; 1: it was refused, or still waits; 3: the listener does not answer.
    """
    from relay365.cli.finding.send_test_legs import by_listener, by_route

    config, file = load_config(config_file)
    trial = _trial(config, file, given)
    told = _progress(as_json or plain)
    try:
        found = asyncio.run((by_listener if given["via"] == "lan" else by_route)(trial, told))
    finally:
        if sys.stderr.isatty() and not (as_json or plain):
            click.echo("\r\x1b[K", err=True, nl=False)
    if as_json:
        write_json(found)
    else:
        _print(found, transcript=transcript)
    raise SystemExit(_CODES.get(found["result"], PROBLEM))


def _trial(config: Any, file: Path, given: dict[str, Any]) -> Trial:
    """What is asked for, checked; leaves with 2."""
    from relay365.cli.finding.send_test_legs import Trial
    from relay365.doctor.trying.quirks import QUIRKS, named

    via, known = given["via"], config.route_names()
    if via != "lan" and via not in known:
        fail(
            WRONG_USE,
            f"there is no route {printable(via)}",
            f"lan, or one of {', '.join(known)}",
            "relay365 route list",
        )
    only_lan = [one for one in ("listener", "address", "login", "quirks") if given[one]]
    if via != "lan" and only_lan:
        fail(
            WRONG_USE,
            "that is about listeners",
            "--listener, --as-ip, --login and --quirk need --via lan",
            "leave --via out",
        )
    quirks, wrong = named(given["quirks"])
    if wrong:
        fail(
            WRONG_USE,
            f"there is no quirk {printable(wrong[0])}",
            f"there are {', '.join(QUIRKS)}",
            "relay365 send-test --quirk no-brackets",
        )
    if given["eml"] is not None and (given["size"] or given["attach"] is not None):
        fail(
            WRONG_USE, "--eml with --size or --attach", "a message from a file goes as it is", "leave one out"
        )
    password = sys.stdin.readline().rstrip("\r\n") if given["login"] else ""
    return Trial(config, file, given, tuple(quirks), password)


def _progress(is_quiet: bool) -> Any:
    if is_quiet or not sys.stderr.isatty():
        return lambda words: None
    return lambda words: click.echo(f"\r\x1b[K... {words}", err=True, nl=False)


def _print(found: dict[str, Any], *, transcript: bool) -> None:
    for leg in found["legs"]:
        click.echo(f"{leg['name']:10} {printable(leg['where'])}")
        for one in leg["lines"] if transcript else _ends(leg["lines"]):
            click.echo(f"{one['at_ms']:9,.0f} ms  {_ARROWS.get(one['side'], ' ~')} {printable(one['text'])}")
    click.echo(f"{'RESULT':10} {printable(found['text'])}")
    for label, key in (("why", "why"), ("do", "do")):
        if found[key]:
            click.echo(f"{'':10} {label + ':':4} {printable(found[key])}")
    for line in found["ask_microsoft"]:
        click.echo(f"{'':10} {printable(line)}")


def _ends(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without --transcript only the last word of a leg is shown."""
    said = [one for one in lines if one["side"] in ("server", "relay", "remote") and one["text"][:3] != "221"]
    return said[-1:]
