"""`relay365 backup`: a copy of everything while the service runs, a proof of it, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from relay365.cli.keeping.backup_words import (
    brought_object,
    made_object,
    print_brought,
    print_made,
    print_verdict,
    verdict_object,
)
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    REFUSED,
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

_file = click.argument("file", type=click.Path(path_type=Path))
_passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its first line is the passphrase, for jobs that nobody watches.",
)
_scratch = click.option(
    "--scratch",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where the database is copied meanwhile.",
)


@click.group(epilog=examples("relay365 backup create relay365.backup"))
def backup() -> None:
    """Copy everything that the relay is made of, prove the copy, or bring it back."""


@backup.command(
    epilog=examples(
        "relay365 backup create /mnt/backup/",
        "relay365 backup create /mnt/backup/ --passphrase-file /etc/relay365/backup.passphrase",
    )
)
@_file
@config_option
@click.option("--encrypt", is_flag=True, help="Ask for a passphrase; any `age` can open the file with it.")
@_passphrase_file
@_scratch
@json_option
def create(
    file: Path,
    config_file: Path | None,
    encrypt: bool,
    passphrase_file: Path | None,
    scratch: Path | None,
    as_json: bool,
) -> None:
    """Write a backup while the service runs: queue, configuration, secrets, keys, logins, history.

    FILE must not be there yet; where it is a folder, the backup gets a name of its own in it.
    Exit 1: it was written, and something is damaged or missing; 4: secrets would lie open.
    """
    from relay365 import __version__
    from relay365.app.doors import host_name
    from relay365.keeping.creating import Order
    from relay365.keeping.creating import create as create_backup
    from relay365.keeping.estate import Estate

    config, found = load_config(config_file)
    estate = Estate(config, found, data_directory(config, found))
    if not (estate.data / "spool.db").exists():
        why, do = "no relay has run with this configuration", f"relay365 run --config {found}"
        fail(UNREACHABLE, f"there is no queue in {estate.data}", why, do)
    passphrase = _new_passphrase(encrypt, passphrase_file)
    host, at = host_name(config), now()
    if file.is_dir():
        stamp = (instant(at) or "").replace("-", "").replace(":", "")[:15] + "Z"
        file = file / f"relay365-{host}-{stamp}.tar.gz{'.age' if passphrase else ''}"
    about = {
        "program": __version__,
        "created_at": instant(at),
        "host": host,
        "config_file": str(found.resolve()),
        "data": str(estate.data.resolve()),
    }
    with _said():
        made = create_backup(estate, Order(file, about, at, passphrase, scratch), _progress())
    _clear()
    if as_json:
        write_json(made_object(made))
    else:
        print_made(made)
    raise SystemExit(GOOD if made.is_whole else PROBLEM)


@backup.command(epilog=examples("relay365 backup verify /mnt/backup/relay365-scan1-20261130T020000Z.tar.gz"))
@_file
@_passphrase_file
@_scratch
@json_option
def verify(file: Path, passphrase_file: Path | None, scratch: Path | None, as_json: bool) -> None:
    """Read a backup to its end, compare every hash, open its queue. Exit 1: it could not be restored as it was."""
    from relay365.keeping.verifying import verify as verify_backup

    with _said(file):
        verdict = verify_backup(file, _old_passphrase(passphrase_file), scratch)
    if as_json:
        write_json(verdict_object(file, verdict))
    else:
        print_verdict(file, verdict)
    raise SystemExit(PROBLEM if verdict.problems else GOOD)


@backup.command(
    epilog=examples(
        "relay365 backup restore /mnt/backup/relay365.tar.gz --to /var/lib/relay365 --config-to /etc/relay365"
    )
)
@_file
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path),
    help="The new data directory: empty, or not there yet.",
)
@click.option(
    "--config-to",
    type=click.Path(path_type=Path),
    help="Where configuration and secrets go, if that is empty; default: the folder `restored` in --to.",
)
@click.option(
    "--hold/--release",
    default=True,
    help="What waits is held for you (default), or due when the service starts.",
)
@_passphrase_file
@json_option
def restore(
    file: Path, to: Path, config_to: Path | None, hold: bool, passphrase_file: Path | None, as_json: bool
) -> None:
    """Make a data directory of a backup, in an empty place only.

    What waited when the backup was taken may have been delivered since: a queue that comes back would send it again.
    Therefore it is held until you release it; --release sends it all.
    """
    from relay365.clock import SystemClock
    from relay365.keeping.restoring import restore as restore_backup

    secret = _old_passphrase(passphrase_file)
    with _said(file):
        brought = restore_backup(file, secret, to, clock=SystemClock(), hold=hold, config_to=config_to)
    facts = brought_object(brought)
    if as_json:
        write_json(facts)
    else:
        print_brought(brought, facts)


@contextmanager
def _said(file: Path | None = None) -> Iterator[None]:
    """Failures of a backup in three lines, each with its exit code."""
    from relay365.errors import Relay365Error
    from relay365.keeping.archive import BadArchive

    try:
        yield
    except (Relay365Error, BadArchive, OSError) as error:
        _clear()
        _say(error, file)


def _say(error: Exception, file: Path | None) -> NoReturn:
    from relay365.errors import DataInUseError
    from relay365.keeping.archive import BadArchive
    from relay365.keeping.creating import NotAllowed, TooLittleRoom

    match error:
        case NotAllowed():
            fail(REFUSED, error.what, error.why, error.do)
        case BadArchive():
            do = "take another backup file; relay365 backup verify FILE says what is wrong with each"
            fail(PROBLEM, f"{file} is no good backup", printable(str(error)), do)
        case TooLittleRoom():
            fail(
                PROBLEM,
                "no backup was written",
                str(error),
                "make room, or --scratch a folder on another disk",
            )
        case DataInUseError():
            fail(REFUSED, "nothing was done", str(error), "wait until it has ended")
        case FileNotFoundError():
            fail(WRONG_USE, f"there is no {error.filename}", "the path is wrong", "give the path of a file")
        case OSError():
            do = "look at the path, its rights and the room on its disk"
            fail(
                PROBLEM,
                f"{error.filename or file or 'a file'} cannot be used",
                error.strerror or str(error),
                do,
            )
        case _:
            fail(PROBLEM, "the queue cannot be read", str(error), "docs/durability.md, What repairs what")


def _new_passphrase(encrypt: bool, passphrase_file: Path | None) -> str:
    from relay365.keeping.sealing import LEAST_LETTERS

    if passphrase_file is not None:
        passphrase = _first_line(passphrase_file)
    elif encrypt:
        if not sys.stdin.isatty():
            _say_no_terminal()
        passphrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    else:
        return ""
    if len(passphrase) < LEAST_LETTERS:
        fail(
            WRONG_USE,
            "no backup was written",
            f"the passphrase has {len(passphrase)} letters: whoever finds the file guesses it",
            f"take {LEAST_LETTERS} or more: openssl rand -base64 18",
        )
    return passphrase


def _old_passphrase(passphrase_file: Path | None) -> Callable[[], str]:
    def ask() -> str:
        if passphrase_file is not None:
            return _first_line(passphrase_file)
        if not sys.stdin.isatty():
            _say_no_terminal()
        return str(click.prompt("Passphrase", hide_input=True, err=True))

    return ask


def _say_no_terminal() -> NoReturn:
    why = "a passphrase is needed, and there is no terminal to ask for it"
    fail(WRONG_USE, "nothing was done", why, "--passphrase-file FILE")


def _first_line(file: Path) -> str:
    try:
        return (file.read_text("utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        fail(WRONG_USE, f"{file} cannot be read", str(why), "give a file whose first line is the passphrase")


def _progress() -> Callable[[str, int, int], None]:
    """On a terminal, how far it is; a pipe gets nothing."""
    if not sys.stderr.isatty():
        return lambda what, done, whole: None

    def seen(what: str, done: int, whole: int) -> None:
        percent = 100 * done // max(1, whole)
        click.echo(f"\r\x1b[K{what}  {percent} %", err=True, nl=False)

    return seen


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
