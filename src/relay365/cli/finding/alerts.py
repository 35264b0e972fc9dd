"""`relay365 alerts`: what needs a person, whether the channels work, and quiet for a while."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
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
from relay365.cli.words.times import Span

ANSWER_S = 60.0


@click.group(epilog=examples("relay365 alerts list"))
def alerts() -> None:
    """List what needs a person, try the channels, or mute."""


@alerts.command("list", epilog=examples("relay365 alerts list --all"))
@config_option
@json_option
@click.option("--all", "with_old", is_flag=True, help="Those that were healed, too.")
def list_(config_file: Path | None, as_json: bool, with_old: bool) -> None:
    """What needs a person now, as the service last saw it. Exit 1: there is something; 3: it is not running."""
    from relay365.engine.alerts.ledger import ALL, FILE, mutes_in, read_object

    data, is_running = _place(config_file)
    found, mutes = read_object(data / FILE), mutes_in(data, now())
    rows = [_object(one, mutes) for one in found.get("open", []) if not one["gone_at"]]
    for row in rows:
        if as_json:
            write_json(row)
        else:
            _print(row)
    for old in found.get("old", []) if with_old else []:
        healed = {"key": old["key"], "what": old["what"], "since": instant(old["since_at"])}
        healed["healed"] = instant(old["healed_at"])
        if as_json:
            write_json({**healed, "state": "healed"})
        else:
            click.echo(f"healed    {printable(old['what'])}  ({healed['since']} to {healed['healed']})")
    if not as_json and not rows:
        click.echo("nothing needs a person")
    if not as_json and ALL in mutes:
        click.echo(f"all alerts are muted until {instant(mutes[ALL])}")
    raise SystemExit(UNREACHABLE if not is_running else PROBLEM if rows else GOOD)


@alerts.command(epilog=examples("relay365 alerts test"))
@config_option
@json_option
def test(config_file: Path | None, as_json: bool) -> None:
    """Send a test by every channel, from the service itself. Exit 1: one has not taken it; 3: it is not running."""
    config, file = load_config(config_file)
    data, is_running = _place(config_file)
    if not config.alerts.channel:
        fail(
            WRONG_USE, "nobody is told of anything", f"{file} has no [[alerts.channel]]",
            "add one: docs/alerts.md shows each kind",
        )  # fmt: skip
    if not is_running:
        fail(
            UNREACHABLE,
            "no relay runs with this configuration",
            "the service sends alerts",
            f"relay365 run --config {file}",
        )
    answers = answers_of_test(data, ANSWER_S + 20.0 * len(config.alerts.channel))
    if answers is None:
        fail(UNREACHABLE, "the service has not answered", "it is busy or stuck", "relay365 status")
    for name, trouble in answers.items():
        if as_json:
            write_json({"channel": name, "taken": not trouble, "reason": trouble or None})
        else:
            click.echo(f"{name:<10}  {printable(trouble) or 'taken'}")
    raise SystemExit(PROBLEM if any(answers.values()) else GOOD)


def answers_of_test(data: Path, within_s: float) -> dict[str, str] | None:
    """Why each channel has not taken a test that the running service told, "" where it has; None without an answer."""
    from relay365.engine.alerts.alarm import TEST_FILE, TESTED_FILE
    from relay365.engine.alerts.ledger import read_object, write_object

    order, until = secrets.token_hex(8), time.monotonic() + within_s
    write_object(data / TEST_FILE, {"order": order})
    while (found := read_object(data / TESTED_FILE)).get("order") != order:
        if time.monotonic() > until:
            return None
        time.sleep(0.1)
    answers: dict[str, str] = found["answers"]
    return answers


@alerts.command(epilog=examples("relay365 alerts mute --for 2h"))
@config_option
@json_option
@click.argument("key", default="*")
@click.option(
    "--for", "for_s", type=Span(least="0s", most="9999d"), default=7200.0, metavar="SPAN",
    help="How long, such as 30m, 2h or 3d; default: 2h; 0m ends a mute.",
)  # fmt: skip
def mute(config_file: Path | None, as_json: bool, key: str, for_s: float) -> None:
    """Tell nobody of one alert, by its key from `alerts list`, or of all. What is wrong when it ends is told then."""
    from relay365.engine.alerts.ledger import ALL, FILE, read_object
    from relay365.engine.alerts.ledger import mute as mute_until

    data, _ = _place(config_file)
    known = [one["cause"][0] for one in read_object(data / FILE).get("open", [])]
    if key not in (ALL, *known):
        fail(
            PROBLEM, f"there is no alert {printable(key)}", f"open are: {printable(', '.join(known)) or 'none'}",
            "relay365 alerts list",
        )  # fmt: skip
    until_at = now() + for_s
    try:
        mute_until(data, key, until_at, now())
    except OSError as error:
        fail(PROBLEM, "the mute is not written", f"{data}: {error.strerror}", "run it as the relay's user")
    is_over = for_s == 0
    if as_json:
        write_json({"key": key, "until": None if is_over else instant(until_at)})
    else:
        what = "all alerts are" if key == ALL else f"{printable(key)} is"
        click.echo(f"{what} heard again" if is_over else f"{what} muted until {instant(until_at)}")


def _place(config_file: Path | None) -> tuple[Path, bool]:
    """The data directory, and whether a service works there."""
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    data = data_directory(config, file)
    if not data.is_dir():
        fail(
            UNREACHABLE, f"there is no data in {data}", "no relay has run with this configuration",
            f"relay365 run --config {file}",
        )  # fmt: skip
    return data, DirectoryLock(data).holder() is not None


def _object(one: dict[str, Any], mutes: dict[str, float]) -> dict[str, Any]:
    """One open alert; its keys are an interface."""
    key, severity, what, why, do, *_ = one["cause"]
    muted = max((until for name, until in mutes.items() if name in ("*", key)), default=None)
    return {
        "key": key, "state": "open", "severity": severity, "what": what, "why": why, "do": do,
        "since": instant(one["since_at"]), "told": {name: instant(at) for name, at in one["told"].items()},
        "muted_until": instant(muted),
    }  # fmt: skip


def _print(row: dict[str, Any]) -> None:
    told = f"told: {', '.join(row['told'])}" if row["told"] else "told: nobody"
    muted = f", muted until {row['muted_until']}" if row["muted_until"] else ""
    click.echo(f"{row['severity']:<8}  {printable(row['what'])}  since {row['since']}, {told}{muted}")
    for name in ("why", "do"):
        click.echo(f"          {name + ':':<5} {printable(row[name])}")
    click.echo(f"          mute: relay365 alerts mute {_quoted(row['key'])}")


def _quoted(key: str) -> str:
    from shlex import quote

    return quote(printable(key))
