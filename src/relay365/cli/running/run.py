"""`relay365 run`: the service in the foreground."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from relay365.cli.words.output import (
    PROBLEM,
    REFUSED,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    write_json,
)

_WHO_LISTENS = "ss -ltnp" if sys.platform != "win32" else "netstat -abno; IIS SMTP: Get-Service SMTPSVC"


@click.command(epilog=examples("relay365 run --config /etc/relay365/relay365.toml"))
@config_option
@json_option
def run(config_file: Path | None, as_json: bool) -> None:
    """Run the relay in the foreground; SIGTERM or Ctrl-C ends it in order.

    With --json the first line on standard output is the ready event. Everything else goes to standard error.
    """
    from relay365.app import service
    from relay365.config import open_relay_risk
    from relay365.errors import ConfigError, DataInUseError, SpoolError
    from relay365.journal import configure

    config, file = load_config(config_file)
    risk = open_relay_risk(config)
    if risk:
        do = 'narrow the network, set login = "required" there, or listen on a private address'
        fail(REFUSED, "this would be an open relay", risk, do)
    configure(config.log.level, config.log.format)

    def announce(event: Mapping[str, Any]) -> None:
        if as_json:
            write_json(event)
        else:
            click.echo(f"relay365 is ready on {', '.join(event['listeners'])}")
        sys.stdout.flush()

    try:
        code = service.run(config, config_path=file.resolve(), announce=announce)
    except (DataInUseError, ConfigError, SpoolError, OSError) as error:
        _say_why_not(error, file)
    logging.shutdown()
    raise SystemExit(code)


def _say_why_not(error: Exception, file: Path) -> NoReturn:
    """Why the relay did not start, in three lines."""
    from relay365.errors import ConfigError, DataInUseError, SpoolError

    match error:
        case DataInUseError():
            do = "stop the other one, or set another [server] data"
            fail(WRONG_USE, "the relay is running already", str(error), do)
        case ConfigError():
            why = f"expected {error.expected}, found {error.found}"
            fail(WRONG_USE, error.where, why, error.hint or f"correct {file}")
        case SpoolError():
            do = "see docs/durability.md, section What repairs what"
            fail(PROBLEM, "the queue cannot be used", str(error), do)
        case _:
            why = getattr(error, "strerror", None) or str(error)
            fail(
                PROBLEM,
                "cannot listen",
                why,
                f"another program has the port, or the address is not ours: {_WHO_LISTENS}",
            )
