"""What `relay365 import` shows and writes: the report, the configuration, the difference, the replaced file."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from relay365.cli.words.output import (
    DEFAULT_FILES,
    GOOD,
    PROBLEM,
    REFUSED,
    WRONG_USE,
    copy_stamp,
    fail,
    find_config,
    instant,
    load_config,
    now,
    printable,
    say_config_errors,
    write_json,
)

if TYPE_CHECKING:
    from relay365.config import Config
    from relay365.moving.draft import Draft
    from relay365.moving.finding import Finding, Findings

_LABELS = {"ok": "OK", "warn": "WARN", "not-understood": "NOT UNDERSTOOD"}
_WIDTH = len("NOT UNDERSTOOD")


@dataclass(frozen=True, slots=True)
class Order:
    """The options, as the commands have them."""

    config_file: Path | None
    as_json: bool
    out: Path | None
    diff: bool
    is_applied: bool
    yes: bool
    shows_all: bool


@dataclass(frozen=True, slots=True)
class _Present:
    """The configuration that is there: its text and what it says; None where there is none."""

    file: Path
    text: str
    config: Config | None


def finish(draft: Draft, findings: Findings, order: Order) -> NoReturn:
    """Do what the options say and leave: 0 all was understood, 1 something was not."""
    text = _own_text(draft)
    done: dict[str, Any] = {"toml": text}
    if order.diff or order.is_applied:
        present = _present(order.config_file)
        new = _merged(present, draft, findings)
        done = {"toml": new, "file": str(present.file), "diff": _difference(present, new)}
        if order.is_applied:
            done |= _apply(present, new, order)
    elif order.out is not None:
        _write(order.out, text)
        done["file"] = str(order.out)
    if order.as_json:
        write_json(_as_object(draft, findings, done))
    else:
        _show(findings, order, done)
    sys.exit(PROBLEM if _count(findings, "not-understood") else GOOD)


def _own_text(draft: Draft) -> str:
    """A whole file, or only the tables where the source had no listeners (a list of devices)."""
    from relay365.moving.draft import whole_file, written

    if draft.entries("listener"):
        return whole_file(draft, (instant(now()) or "")[:10])
    return "\n".join(written(name, one) for name, one in draft.written())


def _present(config_file: Path | None) -> _Present:
    """The file that is there, or the place where one is to be."""
    if config_file is None and not any(file.exists() for file in DEFAULT_FILES):
        return _Present(DEFAULT_FILES[0], "", None)
    file = find_config(config_file)
    if not file.exists():
        return _Present(file, "", None)
    config, file = load_config(file)
    return _Present(file, file.read_text("utf-8"), config)


def _merged(present: _Present, draft: Draft, findings: Findings) -> str:
    from relay365.moving.merging import merged

    if present.config is None:
        return _own_text(draft)
    return merged(present.text, present.config, draft, findings)


def _difference(present: _Present, new: str) -> str:
    before, after = (text.splitlines(keepends=True) for text in (present.text, new))
    name = str(present.file)
    return "".join(difflib.unified_diff(before, after, name, f"{name} (after import)"))


def _apply(present: _Present, new: str, order: Order) -> dict[str, Any]:
    """Check the new text as the relay would, then replace the file."""
    from relay365.config import ConfigErrors, open_relay_risk, parse
    from relay365.moving.applying import replace, strangers

    try:
        config = parse(new, f"{present.file} (after import)")
    except ConfigErrors as errors:
        say_config_errors(errors.errors, present.file)
        click.echo("nothing was changed", err=True)
        sys.exit(WRONG_USE)
    risk = open_relay_risk(config)
    if risk:
        do = "--out FILE, then name the devices' networks only there, or listen on a private address"
        fail(REFUSED, "nothing was changed: this would be an open relay", risk, do)
    foreign = strangers(present.config, config)
    if foreign and not order.yes:
        why = f"public addresses could send without a login: {', '.join(foreign)}"
        fail(
            REFUSED,
            "nothing was changed: strangers could send",
            why,
            "if they are all yours: the same with --yes",
        )
    if new == present.text:
        return {"applied": False, "backup": None}
    try:
        backup = replace(present.file, new, copy_stamp())
    except OSError as error:
        do = f"as the owner of {present.file}, or: relay365 import ... --out FILE"
        fail(WRONG_USE, f"{present.file} cannot be written", error.strerror or str(error), do)
    return {"applied": True, "backup": str(backup) if backup else None}


def _write(file: Path, text: str) -> None:
    if file.exists():
        do = f"name another file, or put it into the present one: --config {file} --apply"
        fail(WRONG_USE, f"{file} exists", "a file that somebody wrote is not overwritten", do)
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        fail(
            WRONG_USE,
            f"{file} cannot be written",
            error.strerror or str(error),
            "name another file: --out FILE",
        )


def _as_object(draft: Draft, findings: Findings, done: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "state": one.state.value,
            "where": one.where,
            "old": one.old,
            "new": one.new or None,
            "why": one.why or None,
        }
        for one in findings
    ]
    counts = {state.replace("-", "_"): _count(findings, state) for state in _LABELS}
    return {"source": draft.source, "counts": counts, "findings": rows, **done}


def _show(findings: Findings, order: Order, done: dict[str, Any]) -> None:
    """The report goes where the configuration does not, so that `>` takes only that."""
    on_error = not (order.out or order.is_applied)
    n_hidden = 0
    for one in findings:
        if one.state.value == "ok" and not one.new and not order.shows_all:
            n_hidden += 1
        else:
            _line(one, on_error)
    counts = ", ".join(f"{_count(findings, state)} {label}" for state, label in _LABELS.items())
    click.echo(f"\n{counts}", err=on_error)
    if n_hidden:
        click.echo(
            f"{n_hidden} of the OK need nothing here and are not shown: --all shows them", err=on_error
        )
    if "applied" in done:
        _tell_applied(done)
    elif order.out is not None:
        click.echo(f"written: {order.out}   now: relay365 config check --config {order.out}")
    else:
        click.echo("", err=True)
        click.echo(done["diff"] if order.diff else done["toml"], nl=False)
        if order.diff and not done["diff"]:
            click.echo(f"{done['file']} would stay as it is", err=True)


def _line(one: Finding, on_error: bool) -> None:
    label = _LABELS[one.state.value].ljust(_WIDTH)
    ours = f"  ->  {one.new}" if one.new else ""
    click.echo(
        f"{label}  {printable(one.where)}  {printable(_short(one.old))}{printable(ours)}", err=on_error
    )
    if one.why:
        click.echo(f"{'':{_WIDTH}}    {printable(one.why)}", err=on_error)


def _short(text: str, most: int = 120) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _tell_applied(done: dict[str, Any]) -> None:
    if not done["applied"]:
        click.echo(f"{done['file']} has it all already and was not touched")
        return
    kept = f"; the old one is {done['backup']}" if done["backup"] else ""
    click.echo(f"written: {done['file']}{kept}")
    click.echo(f"now: relay365 config check --config {done['file']}, then start the service again")


def _count(findings: Findings, state: str) -> int:
    return sum(one.state.value == state for one in findings)
