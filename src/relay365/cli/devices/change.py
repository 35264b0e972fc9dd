"""`relay365 device add | set | disable`: the table for a device, checked and printed; the file stays the admin's own.

The table alone goes to standard output, so that `>>` can take it; what to do with it goes to standard error.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import click

from relay365.cli.words.block import device_block, read_value
from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    printable,
    say_config_errors,
    write_json,
)

NOBODY = "@disabled.invalid"  # a domain that can never exist (RFC 2606 2): whoever may write to it alone writes to none
_AROUND = (
    '[server]\ndata = "data"\n[[listener]]\naddress = "127.0.0.1:25"\n'
    '[[route]]\nkind = "smarthost"\nhost = "127.0.0.1:26"\ntls = "none"\n'
)


@click.command(epilog=examples("relay365 device add canon-2f --address 192.168.10.31 >> relay365.toml"))
@config_option
@json_option
@click.argument("name")
@click.argument("settings", nargs=-1)
@click.option("--address", "addresses", multiple=True, help="Its address or network; may be given again.")
@click.option("--login", default="", help="The login that it uses.")
@click.option("--helo", default="", help="The name that it gives itself; lets nobody in alone.")
def add(config_file: Path | None, as_json: bool, name: str, settings: tuple[str, ...], **match: Any) -> None:
    """Print the table for a new device; SETTINGS are KEY=VALUE, as for set.

    relay365 device add copier --address 192.168.10.31 tolerate.bare_lf_ends_data=true >> relay365.toml
    """
    config, file = load_config(config_file)
    if any(one.name == name for one in config.device):
        fail(
            WRONG_USE,
            f"there is a device {printable(name)}",
            f"{file} has it",
            f"relay365 device set {name} KEY=VALUE",
        )
    address: Any = list(match["addresses"])
    fits = {"address": address, "login": match["login"], "helo": match["helo"]}
    table = {"name": name, "match": {key: value for key, value in fits.items() if value}}
    _change(table, settings)
    _show(table, as_json, f"append this to {file}, then start the service again")


@click.command("set", epilog=examples("relay365 device set canon-2f sender=scan@contoso.com"))
@config_option
@json_option
@click.argument("name")
@click.argument("settings", nargs=-1, required=True)
def set_(config_file: Path | None, as_json: bool, name: str, settings: tuple[str, ...]) -> None:
    """Print a device's table with KEY=VALUE changed; KEY alone goes back to its default.

    relay365 device set copier max_message=25M tolerate.no_dot_unstuff=true
    """
    table, file = _table_of(config_file, name)
    _change(table, settings)
    _show(table, as_json, f"put this in place of the table of {name} in {file}, then start the service again")


@click.command(epilog=examples("relay365 device disable canon-2f"))
@config_option
@json_option
@click.argument("name")
def disable(config_file: Path | None, as_json: bool, name: str) -> None:
    """Print a device's table so that it is still known, and may send to nobody."""
    table, file = _table_of(config_file, name)
    table["recipients"] = [NOBODY]
    _show(table, as_json, f"put this in place of the table of {name} in {file}, then start the service again")


def checked(table: dict[str, Any]) -> str:
    """The block for a table; leaves with exit 2 where the configuration could not take it."""
    from relay365.config import ConfigErrors, parse

    block = device_block(table)
    try:
        parse(_AROUND + block, "device")
    except ConfigErrors as errors:
        say_config_errors(errors.errors, Path("relay365.toml"))
        sys.exit(WRONG_USE)
    return block


def _table_of(config_file: Path | None, name: str) -> tuple[dict[str, Any], Path]:
    """A device's table as the administrator wrote it."""
    _, file = load_config(config_file)
    tables = tomllib.loads(file.read_text("utf-8")).get("device", ())
    table = next((one for one in tables if one["name"] == name), None)
    if table is None:
        do = f"relay365 device add {name} --address ADDRESS"
        fail(PROBLEM, f"no device {printable(name)}", f"{file} has none of this name", do)
    return dict(table), file


def _change(table: dict[str, Any], settings: tuple[str, ...]) -> None:
    for setting in settings:
        path, has_value, text = setting.partition("=")
        key, _, inner = path.strip().partition(".")
        target = table
        if inner:
            target = table[key] = dict(table.get(key) or {})
        if has_value:
            target[inner or key] = read_value(text.strip())
        else:
            target.pop(inner or key, None)


def _show(table: dict[str, Any], as_json: bool, what_to_do: str) -> None:
    block = checked(table)
    if as_json:
        write_json({"name": table["name"], "toml": block, "do": what_to_do})
        return
    click.echo(block, nl=False)
    click.echo(what_to_do, err=True)
