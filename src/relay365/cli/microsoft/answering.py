"""What init, app and connector share: how answers are shown, who made a script, and with which code one leaves."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365 import __version__
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
    age,
    fail,
    instant,
    now,
    printable,
    write_json,
)

if TYPE_CHECKING:
    from relay365.errors import ConfigError
    from relay365.setup.scripts.composing import Origin
    from relay365.setup.tries.answer import Answer

DOTS = 34


def origin() -> Origin:
    """Who makes a script, for its head."""
    from relay365.setup.scripts.composing import Origin

    return Origin(f"relay365 {__version__}", host(), today())


def host() -> str:
    """This machine's short name."""
    return socket.gethostname().partition(".")[0] or "relay"


def today() -> str:
    """The day, UTC, as 2026-11-30."""
    return (instant(now()) or "")[:10]


def say(answer: Answer, passed_s: float | None = None) -> None:
    """One answer as a line, and a refusal in three more."""
    dots = "." * max(3, DOTS - len(answer.name))
    state = (
        "ok" if answer.good else "NOT YET" if passed_s is not None else "NO" if answer.is_known else "UNKNOWN"
    )
    when = f"   after {age(passed_s)}" if passed_s is not None and passed_s >= 1 else ""
    click.echo(
        f"     {printable(answer.name)} {dots} {state}   {printable(answer.text) if answer.good else ''}".rstrip()
        + when
    )
    if not answer.good:
        click.echo(f"       what: {printable(answer.text)}")
        click.echo(f"       why:  {printable(answer.why)}")
        click.echo(f"       do:   {printable(answer.do)}")


def as_object(answer: Answer) -> dict[str, Any]:
    """The documented JSON of an answer."""
    state = "good" if answer.good else "refused" if answer.is_known else "unknown"
    return {
        "step": answer.name, "state": state, "text": answer.text, "why": answer.why or None, "do": answer.do or None,
        "row": answer.row or None,
    }  # fmt: skip


def leave(answers: Sequence[Answer], *, as_json: bool, head: dict[str, Any] | None = None) -> None:
    """Show all answers; leaves with 0, 1 where one was refused, 3 where somebody could not be reached."""
    for answer in answers:
        if as_json:
            write_json({**(head or {}), **as_object(answer)})
        else:
            say(answer)
    bad = [answer for answer in answers if not answer.good]
    code = GOOD if not bad else PROBLEM if any(answer.is_known for answer in bad) else UNREACHABLE
    raise SystemExit(code)


def wrong(error: ConfigError) -> None:
    """A wrong answer or value in three lines; leaves with 2."""
    hint = error.hint or "correct it and run the command again"
    fail(WRONG_USE, error.where, f"expected {error.expected}, found {error.found}", hint)


def give(text: str, name: str, folder: Path | None, *, as_json: bool = False) -> None:
    """A script to standard output, or into a folder with its name said on standard error. Leaves with 2 on a fault.

    as_json: an object with `script` and `file`, which is null where none was written.
    """
    if folder is None:
        if as_json:
            write_json({"script": text, "file": None})
        else:
            click.echo(text, nl=False)
        return
    file = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        fail(
            WRONG_USE,
            f"{file} cannot be written",
            error.strerror or str(error),
            "name another folder: --folder DIR",
        )
    if as_json:
        write_json({"script": text, "file": str(file)})
    click.echo(f"written: {file}", err=True)
