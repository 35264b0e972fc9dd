"""`relay365 emulator`: Microsoft's side on loopback, for tests, training and demonstrations."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any

import click

from relay365.cli.words.output import PROBLEM, REFUSED, WRONG_USE, examples, fail, json_option, write_json

_port = click.IntRange(0, 65535)


@click.command(epilog=examples("relay365 emulator --dir m365"))
@click.option(
    "--dir", "directory", required=True, type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps its keys, emulator.json, relay365.toml and what was delivered.",
)  # fmt: skip
@click.option(
    "--scenario", "scenario_file", type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with tenant, mailboxes and moods.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--submission-port", type=_port, default=0, help="SMTP AUTH client submission; default: free.")
@click.option("--mx-port", type=_port, default=0, help="MX host of the tenant; default: free.")
@click.option("--hve-port", type=_port, default=0, help="High Volume Email; default: free.")
@click.option("--acs-port", type=_port, default=0, help="Azure Communication Services; default: free.")
@click.option("--graph-port", type=_port, default=0, help="Microsoft Graph; default: free.")
@click.option("--upload-port", type=_port, default=0, help="Upload sessions of Graph; default: free.")
@click.option("--authority-port", type=_port, default=0, help="Token service; default: free.")
@click.option("--control-port", type=_port, default=0, help="Control API; default: free.")
@json_option
def emulator(directory: Path, scenario_file: Path | None, host: str, as_json: bool, **ports: int) -> None:
    """Run Microsoft's side on loopback until SIGTERM or Ctrl-C.

    Its one line on standard output says that it is ready; with --json that line is {"event":"ready", ...} with the keys
    of emulator.json.
    """
    from relay365.emulator import app
    from relay365.errors import ConfigError, DataInUseError

    if not _is_loopback(host):
        why = "whoever reaches its control API commands it"
        fail(REFUSED, f"the emulator does not listen on {host}", why, "use 127.0.0.1, ::1 or localhost")

    def announce(facts: dict[str, Any]) -> None:
        if as_json:
            write_json({"event": "ready", **facts})
        else:
            click.echo(
                f"the emulator is ready: submission {facts['submission']}, authority {facts['authority']}, "
                f"control {facts['control']}, files in {directory.resolve()}"
            )
        sys.stdout.flush()

    try:
        by_service = {name.removesuffix("_port"): port for name, port in ports.items()}
        wishes = app.Wishes(directory, _scenario(scenario_file), host, by_service)
        code = app.run(wishes, announce)
    except ConfigError as error:
        where = f"{scenario_file}: {error.where}" if error.where.startswith("mood[") else error.where
        do = error.hint or "correct the scenario; docs/emulator.md lists its keys"
        fail(WRONG_USE, where, f"expected {error.expected}, found {error.found}", do)
    except DataInUseError as error:
        fail(WRONG_USE, "the emulator is running already", str(error), "stop it, or give another --dir")
    except OSError as error:
        _fail_os(error, directory)
    raise SystemExit(code)


def _scenario(file: Path | None) -> Any:
    """The scenario of a file, or the healthy one; exit 2 where the file cannot be read."""
    from relay365.emulator.scenario import Scenario, read_scenario

    if file is None:
        return Scenario()
    try:
        return read_scenario(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        fail(WRONG_USE, f"{file} cannot be read", str(reason), "check the path and its permissions")


def _fail_os(error: OSError, directory: Path) -> None:
    """Say whether a port or the directory was the trouble."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        fail(WRONG_USE, f"{directory} cannot be used", f"{error.filename}: {reason}", "give another --dir")
    do = "another program has the port: ss -ltnp; or leave the port away to take a free one"
    fail(PROBLEM, "the emulator cannot listen", reason, do)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
