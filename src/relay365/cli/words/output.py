"""What all commands share: where the configuration is, how errors speak, how tables and JSON are written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from relay365.places import SYSTEM_FOLDER

if TYPE_CHECKING:
    from relay365.clock import Clock
    from relay365.errors import ConfigError

GOOD, PROBLEM, WRONG_USE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4
DEFAULT_FILES = (SYSTEM_FOLDER / "relay365.toml", Path("relay365.toml"))

config_option = click.option(
    "--config",
    "config_file",
    envvar="RELAY365_CONFIG",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Configuration file; default {DEFAULT_FILES[0]}, then ./relay365.toml.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Machine-readable: one object, or one per line."
)
plain_option = click.option("--plain", is_flag=True, help="No colour and no box signs.")


def examples(*lines: str) -> str:
    """The end of a command's --help: lines to copy, from which its man page is made, too."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def fail(code: int, what: str, why: str, do: str) -> NoReturn:
    """Say what happened, why, and what to do, on standard error; leave with a code."""
    click.echo(f"what: {what}\nwhy:  {why}\ndo:   {do}", err=True)
    sys.exit(code)


def wrong_value(param: click.Parameter | None, value: str, expected: str, do: str) -> NoReturn:
    """Leaves with 2, as the configuration speaks of a wrong value: what was expected, and what was found."""
    name = param.opts[0] if param is not None else "a value"
    found = printable(value) or "nothing"
    fail(WRONG_USE, f"{name} {found} cannot be read", f"expected {expected}, found {found}", do)


def find_config(config_file: Path | None) -> Path:
    """The configuration file that is meant, or exit 2."""
    if config_file is not None:
        return config_file
    for file in DEFAULT_FILES:
        if file.exists():
            return file
    names = " or ".join(str(file) for file in DEFAULT_FILES)
    fail(
        WRONG_USE,
        "no configuration file",
        f"there is no {names}",
        "relay365 config example > relay365.toml, or --config FILE",
    )


def load_config(config_file: Path | None) -> tuple[Any, Path]:
    """(Config, its file), or exit 2 with every error."""
    from relay365.config import ConfigErrors, parse

    file = find_config(config_file)
    try:
        return parse(file.read_text("utf-8"), str(file)), file
    except ConfigErrors as errors:
        say_config_errors(errors.errors, file)
        sys.exit(WRONG_USE)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        fail(
            WRONG_USE,
            f"{file} cannot be read",
            str(reason),
            "check the path and its permissions, or give --config FILE",
        )


def say_config_errors(errors: Sequence[ConfigError], file: Path) -> None:
    """Every error in three lines: where, expected and found, what to do."""
    for error in errors:
        do = error.hint or f"correct {file}, then: relay365 config check --config {file}"
        said = f"expected {error.expected}, found {error.found}"
        click.echo(
            f"what: {printable(error.where)}\nwhy:  {printable(said)}\ndo:   {printable(do)}", err=True
        )


def data_directory(config: Any, file: Path) -> Path:
    """Where the relay of a configuration keeps its data; relative to the configuration file."""
    return file.resolve().parent / str(config.server.data)


def copy_stamp() -> str:
    """The end of the name of a file's copy, in UTC: 20261130T101500."""
    return (instant(now()) or "")[:19].replace(":", "").replace("-", "")


def write_json(value: Mapping[str, Any]) -> None:
    """One object on one line, in ASCII: right for every terminal and pipe, whatever the text in it is."""
    click.echo(json.dumps(value, separators=(", ", ": ")))


def write_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the last one is not padded. Control characters are made visible."""
    cells = [list(headings), *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(headings))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """Text from outside, fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def age(seconds: float) -> str:
    """A duration in the largest two units that say something."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def size(octets: int) -> str:
    """A size for people."""
    if octets >= 1024 * 1024:
        return f"{octets / 1024 / 1024:.1f} MB"
    return f"{octets / 1024:.0f} KB" if octets >= 1024 else f"{octets} B"


def instant(at: float | None) -> str | None:
    """An instant as RFC 3339 in UTC, or None."""
    return (
        datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if at
        else None
    )


def now() -> float:
    """Seconds since the Unix epoch."""
    from relay365.clock import SystemClock

    return SystemClock().now()


def with_store(
    config_file: Path | None,
    what: str,
    opening: Callable[[Path, Clock], Awaitable[Any]],
    work: Callable[..., Awaitable[Any]],
) -> Any:
    """Open a store of the data directory beside the running service, or with no service, and do one thing.

    what: its name for a person. Leaves with 3 where there is none, or where it cannot be used.
    """
    import asyncio

    from relay365.clock import SystemClock
    from relay365.errors import SpoolError

    config, file = load_config(config_file)
    directory = data_directory(config, file)
    if not (directory / "spool.db").exists():
        fail(
            UNREACHABLE,
            f"there is no queue in {directory}",
            "no relay has run with this configuration",
            f"relay365 run --config {file}",
        )

    async def opened() -> Any:
        store = await opening(directory, SystemClock())
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(opened())
    except SpoolError as error:
        fail(
            UNREACHABLE,
            f"the {what} in {directory} cannot be used",
            str(error) or error.text,
            "relay365 status",
        )


def with_spool(config_file: Path | None, work: Callable[..., Awaitable[Any]]) -> Any:
    """with_store() of the queue."""
    from relay365.spool.sqlite import SqliteSpool

    def opening(directory: Path, clock: Clock) -> Awaitable[Any]:
        return SqliteSpool.open(directory, clock=clock, exclusive=False)

    return with_store(config_file, "queue", opening, work)


def uses_colour(plain: bool) -> bool:
    """Whether colour is welcome."""
    return not plain and "NO_COLOR" not in os.environ and sys.stdout.isatty()
