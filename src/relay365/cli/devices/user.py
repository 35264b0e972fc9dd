"""`relay365 user`: logins for devices."""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path
from typing import NoReturn

import click

from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
    config_option,
    data_directory,
    examples,
    fail,
    json_option,
    load_config,
    printable,
    write_json,
)

ALPHABET = (
    "abcdefghjkmnpqrstuvwxyz23456789"  # what a copier's panel types without shift, nothing that looks alike
)


_NAME = re.compile(r"[^\s:#\x00-\x1f]{1,64}")
_stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of making one."
)


@click.group(epilog=examples("relay365 user list"))
def user() -> None:
    """Add, list and remove logins for devices, or give one a new password. A running relay knows it at once."""


@user.command(epilog=examples("relay365 user add canon-2f"))
@config_option
@json_option
@click.argument("name")
@_stdin_option
def add(config_file: Path | None, as_json: bool, name: str, password_stdin: bool) -> None:
    """Add a login, or give it a new password."""
    if _NAME.fullmatch(name) is None:
        fail(
            WRONG_USE,
            "this name cannot be used",
            "a name has 1 to 64 characters without blanks, : and #",
            "choose another name",
        )
    _give_password(_users_file(config_file), name, as_json=as_json, from_stdin=password_stdin)


@user.command(epilog=examples("relay365 user password canon-2f"))
@config_option
@json_option
@click.argument("name")
@_stdin_option
def password(config_file: Path | None, as_json: bool, name: str, password_stdin: bool) -> None:
    """Give a login of the users file a new password; a lock of the old one is void."""
    users_file = _users_file(config_file)
    if name not in _names_in(users_file):
        _say_unknown(config_file, name)
    _give_password(users_file, name, as_json=as_json, from_stdin=password_stdin)


@user.command(epilog=examples("relay365 user remove canon-2f"))
@config_option
@json_option
@click.argument("name")
def remove(config_file: Path | None, as_json: bool, name: str) -> None:
    """Take a login out of the users file; sessions that have logged in go on to their end."""
    from relay365.engine.accounts import remove_user

    if not remove_user(_users_file(config_file), name):
        _say_unknown(config_file, name)
    if as_json:
        write_json({"name": name, "removed": True})
    else:
        click.echo(f"login {name} is gone")


@user.command("list", epilog=examples("relay365 user list"))
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """All logins."""
    config, _ = load_config(config_file)
    in_file = _names_in(_users_file(config_file))
    for name in sorted({*in_file, *(one.name for one in config.user)}):
        if as_json:
            write_json({"name": name, "source": "users file" if name in in_file else "configuration"})
        else:
            click.echo(name)


def new_password() -> str:
    """Sixteen characters of 31: 79 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(16))


def _users_file(config_file: Path | None) -> Path:
    config, file = load_config(config_file)
    users_file: Path = data_directory(config, file) / config.server.users
    return users_file


def _names_in(users_file: Path) -> set[str]:
    from relay365.engine.accounts import read_users

    return set(read_users(users_file.read_text("utf-8"))) if users_file.exists() else set()


def _give_password(users_file: Path, name: str, *, as_json: bool, from_stdin: bool) -> None:
    from relay365.engine.accounts import write_user

    secret = sys.stdin.readline().rstrip("\r\n") if from_stdin else new_password()
    if not secret:
        fail(
            WRONG_USE,
            "no password",
            "standard input was empty",
            "printf '%s' PASSWORD | relay365 user add NAME --password-stdin",
        )
    write_user(users_file, name, secret)
    if as_json:
        write_json({"name": name} if from_stdin else {"name": name, "password": secret})
    elif from_stdin:
        click.echo(f"login {name} is ready")
    else:
        click.echo(f"login {name} is ready, its password is shown this once: {secret}")


def _say_unknown(config_file: Path | None, name: str) -> NoReturn:
    """Exit 1: the users file has no such login."""
    config, file = load_config(config_file)
    where = f"it stands in {file}: change it there" if name in {one.name for one in config.user} else ""
    fail(
        PROBLEM,
        f"the users file has no login {printable(name)}",
        where or "nobody has added it",
        f"edit {file}" if where else "relay365 user list",
    )
