"""`relay365 support`: a bundle for whoever helps, which is shown before it is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    REFUSED,
    WRONG_USE,
    config_option,
    examples,
    fail,
    instant,
    json_option,
    load_config,
    now,
    size,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from relay365.keeping.bundle.paper import Sheet

_DAY_S = 86_400.0


@click.group(epilog=examples("relay365 support bundle --list"))
def support() -> None:
    """Write what a helper needs to know, without your secrets."""


@support.command(
    epilog=examples("relay365 support bundle --list", "relay365 support bundle --days 2 --out bundle.zip")
)
@config_option
@click.option(
    "--days", default=2, show_default=True, type=click.IntRange(1, 90), help="Mail and sessions of so long."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; default: relay365-support-TIME.zip in this folder.",
)
@click.option("--list", "only_list", is_flag=True, help="Only show what would be in it.")
@click.option("--yes", is_flag=True, help="Write it without asking.")
@click.option(
    "--mask/--no-mask",
    default=True,
    help="Hide local parts of addresses, and subjects (default), or show them.",
)
@click.option(
    "--log",
    "log_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Lines of the service's log: journalctl -u relay365 --since -2d > FILE",
)
@json_option
def bundle(config_file: Path | None, *, only_list: bool, yes: bool, as_json: bool, **given: Any) -> None:
    r"""Versions, configuration, findings, queue, answers, sessions and alerts of some days, in one zip.

    Its contents are listed before it is written. Secrets and contents of messages are never in it; addresses and
    subjects are masked, the same address by the same word, so that a message can be followed.

    \b
    relay365 support bundle --list
    relay365 support bundle --days 7 --out for-support.zip
    """
    from relay365.cli.keeping.support_sheets import sheets_of

    config, file = load_config(config_file)
    at = now()
    stamp = (instant(at) or "").replace("-", "").replace(":", "")[:15] + "Z"
    out = given["out"] or Path(f"relay365-support-{stamp}.zip")
    if out.exists() and not only_list:
        fail(
            REFUSED, f"{out} is there already", "a bundle never overwrites a file", "--out with another name"
        )
    log = _log_lines(given["log_file"])
    since_at = at - given["days"] * _DAY_S
    sheets = sheets_of(config, file, (since_at, at), hides_people=given["mask"], log=log)
    if not as_json:
        _print(sheets, masked=given["mask"], has_log=bool(log))
    written = not only_list and _may_write(out, yes=yes, quiet=as_json)
    n_octets = _write(sheets, out) if written else 0
    if as_json:
        members = [
            {"name": one.name, "size_octets": len(one.octets), "cut": one.cut or None} for one in sheets
        ]
        write_json(
            {"file": str(out) if written else None, "size_octets": n_octets or None, "members": members}
        )
    elif written:
        click.echo(f"written: {out}, {size(n_octets)}. Look into it before you give it away.")


def _log_lines(file: Path | None) -> str:
    """The last lines of a log, whole ones."""
    from relay365.cli.keeping.support_sheets import MOST_LOG_OCTETS

    if file is None:
        return ""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - MOST_LOG_OCTETS))
            octets = stream.read()
    except OSError as error:
        fail(
            WRONG_USE, f"{file} cannot be read", error.strerror or str(error), "check the path and its rights"
        )
    text = octets.decode("utf-8", "replace")
    return text.partition("\n")[2] if len(octets) == MOST_LOG_OCTETS else text


def _print(sheets: tuple[Sheet, ...], *, masked: bool, has_log: bool) -> None:
    rows = [(one.name, size(len(one.octets)), one.cut) for one in sheets]
    write_table(("FILE", "SIZE", "CUT OR MASKED"), rows)
    whole = size(sum(len(one.octets) for one in sheets))
    people = "addresses and subjects are masked" if masked else "ADDRESSES AND SUBJECTS ARE SHOWN (--no-mask)"
    click.echo(f"{len(sheets)} files, {whole}; no secret and no content of a message; {people}.")
    if not has_log:
        click.echo(
            "No log: the service writes it to standard error. --log FILE adds it, cut in the same way."
        )


def _may_write(out: Path, *, yes: bool, quiet: bool) -> bool:
    if yes:
        return True
    if quiet or not sys.stdin.isatty():
        do = "relay365 support bundle --yes, or --list to look only"
        fail(REFUSED, "nothing was written", "nobody has looked at what would be in it", do)
    return click.confirm(f"Write {out}?", default=False)


def _write(sheets: tuple[Sheet, ...], out: Path) -> int:
    from relay365.keeping.bundle.paper import write

    try:
        return write(sheets, out)
    except OSError as error:
        fail(
            WRONG_USE, f"{out} cannot be written", error.strerror or str(error), "--out in a folder of yours"
        )
