"""`relay365 status`: one screen that answers: is it fine?"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import click

from relay365.cli.queues.freeze import as_object, frozen, words
from relay365.cli.running.drain import banner_of, drained
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    config_option,
    data_directory,
    examples,
    instant,
    json_option,
    load_config,
    now,
    plain_option,
    write_json,
)


@click.command(epilog=examples("relay365 status", "relay365 status --json"))
@config_option
@json_option
@plain_option
def status(config_file: Path | None, as_json: bool, plain: bool) -> None:
    """One screen: is it fine? Exit 0 fine, 1 something needs a person, 3 the service is not running.

    The service is asked for what only it knows; while it is down the screen has less.
    """
    from relay365.cli.running.screen.figures import figures
    from relay365.cli.running.screen.lines import lines_of
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    data = data_directory(config, file)
    pid = DirectoryLock(data).holder()
    facts = figures(config, file, config_file, pid)
    order, drain = frozen(data), drained(data, pid)
    facts["frozen"], facts["draining"] = as_object(order), drain
    facts["locked_logins"] = _locked_logins(config, data) if pid is not None else []
    facts["verdict"] = verdict_of(facts)
    if as_json:
        write_json(facts)
    else:
        banners = words(order) if order is not None else "", banner_of(drain) if drain is not None else ""
        for line in lines_of(facts, banners, plain=plain):
            click.echo(line)
    is_fine = facts["verdict"] == "fine"
    raise SystemExit(GOOD if is_fine else UNREACHABLE if pid is None else PROBLEM)


def verdict_of(facts: dict[str, Any]) -> str:
    """fine, needs you, frozen, draining or stopped."""
    is_held = any(lane["held"] for lane in facts["lanes"]) or bool(facts["recipients"].get("held"))
    if not facts["running"]:
        return "stopped"
    if is_held or facts["answered"] is False:
        return "needs you"
    return "frozen" if facts["frozen"] else "draining" if facts["draining"] else "fine"


def _locked_logins(config: Any, data: Path) -> list[dict[str, str | None]]:
    """What too many wrong passwords have locked, and the command that lifts it: None where it only ends by itself.

    name and address: None where the lock stands for all of them.
    """
    from relay365.engine.accounts import users_in
    from relay365.engine.doors.locks import ANY, locks_in

    known = users_in(data / config.server.users)
    return [
        {
            "name": None if one.name == ANY else one.name,
            "address": None if one.address == ANY else one.address,
            "until": instant(one.until_at),
            "lift": f"relay365 user password {quote(one.name)}" if one.name in known else None,
        }
        for one in locks_in(data, now(), known)
    ]  # fmt: skip
