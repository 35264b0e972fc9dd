"""`relay365 queue freeze` and `thaw`: take mail and deliver nothing, for a while; the banner that says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    PROBLEM,
    UNREACHABLE,
    age,
    config_option,
    data_directory,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    now,
    printable,
    write_json,
)
from relay365.cli.words.times import Span, clock_time
from relay365.cli.words.where import person

if TYPE_CHECKING:
    from relay365.spool.waiting.freeze import Freeze

HOUR_S = 3600.0


@click.command(epilog=examples("relay365 queue freeze --for 2h --reason 'change window'"))
@config_option
@json_option
@click.option("--reason", default="", help="Why; it stands in the log and in `relay365 status`.")
@click.option(
    "--for", "for_s", type=Span(), default=HOUR_S, metavar="SPAN", help="How long at most; default: 1h."
)
def freeze(config_file: Path | None, as_json: bool, reason: str, for_s: float) -> None:
    """Take mail and deliver nothing, until `queue thaw` or until the time is over, whichever comes first.

    What is on its way goes on. No mail grows old meanwhile: the time does not count against its life. A running relay
    obeys within a second, one that is started later at once. Said again it sets a new end.
    """
    from relay365.spool.waiting.freeze import LONGEST_S, Freeze, write_freeze

    config, file = load_config(config_file)
    data, at = data_directory(config, file), now()
    if for_s > LONGEST_S:
        raise click.UsageError(
            f"at most {LONGEST_S / 86_400:.0f}d: a relay that is frozen for longer is forgotten"
        )
    order = Freeze(at, at + for_s, reason, person())
    try:
        write_freeze(data, order)
    except OSError as error:
        fail(
            UNREACHABLE, "nothing is frozen", f"{data} cannot be written: {error.strerror}",
            "do it as the user of the service, or make room on the disk",
        )  # fmt: skip
    if as_json:
        write_json({"frozen": as_object(order)})
    else:
        click.echo(
            f"frozen until {clock_time(order.until_at, utc=False)}: mail is taken, nothing is delivered"
        )
        click.echo("sooner: relay365 queue thaw")


@click.command("thaw", epilog=examples("relay365 queue thaw"))
@config_option
@json_option
def thaw_(config_file: Path | None, as_json: bool) -> None:
    """Deliver again. Exit 1: nothing was frozen."""
    from relay365.spool.waiting.freeze import read_freeze, thaw

    config, file = load_config(config_file)
    data = data_directory(config, file)
    order = read_freeze(data, now())
    try:
        thaw(data)
    except OSError as error:
        fail(
            UNREACHABLE, "it stays frozen", f"{data} cannot be written: {error.strerror}",
            "do it as the user of the service",
        )  # fmt: skip
    if as_json:
        write_json({"thawed": order is not None})
    elif order is not None:
        click.echo(f"thawed after {age(now() - order.began_at)}: what waits goes out now")
    else:
        click.echo("nothing was frozen")
    raise SystemExit(0 if order is not None else PROBLEM)


def frozen(data: Path) -> Freeze | None:
    """The freeze that holds now."""
    from relay365.spool.waiting.freeze import read_freeze

    return read_freeze(data, now())


def banner(config_file: Path | None) -> str:
    """One line while everything is frozen, else ""."""
    config, file = load_config(config_file)
    order = frozen(data_directory(config, file))
    return words(order) if order is not None else ""


def words(order: Freeze) -> str:
    """A freeze for people, in a line."""
    why = f" ({printable(order.reason)})" if order.reason else ""
    until = clock_time(order.until_at, utc=False)
    what = "mail is taken, nothing is delivered. relay365 queue thaw"
    return f"FROZEN until {until} by {printable(order.by)}{why}: {what}"


def as_object(order: Freeze | None) -> dict[str, Any] | None:
    """The documented JSON of a freeze; None where there is none."""
    if order is None:
        return None
    return {
        "since": instant(order.began_at), "until": instant(order.until_at), "by": order.by,
        "reason": order.reason or None,
    }  # fmt: skip
