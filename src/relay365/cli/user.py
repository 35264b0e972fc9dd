"""`relay365 user`: logins for devices."""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path

import click

from relay365.cli.output import (
    WRONG_USE,
    config_option,
    data_directory,
    fail,
    json_option,
    load_config,
    write_json,
)

ALPHABET = (
    "abcdefghjkmnpqrstuvwxyz23456789"  # what a copier's panel types without shift, nothing that looks alike
)


@click.group()
def user() -> None:
    """Add or list logins for devices."""


@user.command()
@config_option
@json_option
@click.argument("name")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of making one."
)
def add(config_file: Path | None, as_json: bool, name: str, password_stdin: bool) -> None:
    """Add a login, or give it a new password. A running relay knows it at once."""
    from relay365.engine.accounts import write_user

    if re.fullmatch(r"[^\s:#\x00-\x1f]{1,64}", name) is None:
        fail(
            WRONG_USE,
            "this name cannot be used",
            "a name has 1 to 64 characters without blanks, : and #",
            "choose another name",
        )
    config, file = load_config(config_file)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else new_password()
    if not password:
        fail(
            WRONG_USE,
            "no password",
            "standard input was empty",
            "printf '%s' PASSWORD | relay365 user add NAME --password-stdin",
        )
    write_user(data_directory(config, file) / config.server.users, name, password)
    if as_json:
        write_json({"name": name} if password_stdin else {"name": name, "password": password})
    elif password_stdin:
        click.echo(f"login {name} is ready")
    else:
        click.echo(f"login {name} is ready, its password is shown this once: {password}")


@user.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """All logins."""
    from relay365.engine.accounts import read_users

    config, file = load_config(config_file)
    users_file = data_directory(config, file) / config.server.users
    in_file = read_users(users_file.read_text("utf-8")) if users_file.exists() else {}
    for name in sorted({*in_file, *(one.name for one in config.user)}):
        if as_json:
            write_json({"name": name, "source": "users file" if name in in_file else "configuration"})
        else:
            click.echo(name)


def new_password() -> str:
    """Sixteen characters of 31: 79 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(16))
