"""`relay365 app`: the application in Entra and Exchange: its script, whether it works, a new certificate, its undo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.microsoft.answering import give, host, leave, origin
from relay365.cli.microsoft.app_rotate import rotate
from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    now,
)
from relay365.cli.words.signing import SigningRoute, route_argument, signing_routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from relay365.setup.scripts.application import AppWish
    from relay365.setup.tries.answer import Answer

GRANTS = ("mailbox", "scope", "graph", "hve", "person")


@click.group(epilog=examples("relay365 app verify"))
def app() -> None:
    """The application that the relay signs in as: make it, prove it, renew its certificate, take it back."""


def _wish_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what the application is to be."""
    for option in (
        click.option("--mailbox", required=True, help="The address that sends."),
        click.option(
            "--grant", type=click.Choice(GRANTS), default="mailbox", show_default=True,
            help="Full Access to one mailbox; a scope of one mailbox (RBAC), for SMTP or Graph; HVE; a person.",
        ),
        click.option("--tenant", default="", help="Tenant id; default: found by the mailbox's domain."),
        click.option("--name", default="", help="Name of the application; default: relay365 and this machine."),
        click.option("--sender", "senders", multiple=True, help="A further address to send as; may be repeated."),
        click.option(
            "--cloud", type=click.Choice(("global", "gcc-high", "dod", "china")), default="global",
            help="National cloud.",
        ),
        click.option("--authority", default="", help="Token service, where it is not the cloud's."),
        click.option("--ca-file", default="", help="Roots to trust instead of the system's."),
        click.option(
            "--folder", type=click.Path(file_okay=False, path_type=Path), help="Write it there, not to the screen."
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@app.command(epilog=examples("relay365 app script --mailbox scan@contoso.com > relay365-setup.ps1"))
@_wish_options
@json_option
@click.option(
    "--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), default="relay365-app.pem", show_default=True,
    help="Certificate and key; made where there is none.",
)  # fmt: skip
@click.option("--new-mailbox", is_flag=True, help="Create the mailbox as a shared one where it is missing.")
def script(as_json: bool, key_file: Path, **how: Any) -> None:
    """Print the PowerShell script that makes the application, with the right of exactly one mailbox.

    It asks before each change, has -WhatIf, may be run again, and ends with a line that `relay365 init` understands.
    """
    from relay365.setup.scripts.application import MAKE_FILE, make_script

    wish = _wish(how, None if how["grant"] == "person" else key_file)
    give(_made(make_script, wish), MAKE_FILE, how["folder"], as_json=as_json)


@app.command(epilog=examples("relay365 app undo --mailbox scan@contoso.com > relay365-undo.ps1"))
@_wish_options
@json_option
def undo(as_json: bool, **how: Any) -> None:
    """Print the PowerShell script that takes the application back. Mailboxes and what is in them stay."""
    from relay365.setup.scripts.application import UNDO_FILE, undo_script

    give(_made(undo_script, _wish(how, None)), UNDO_FILE, how["folder"], as_json=as_json)


@app.command(epilog=examples("relay365 app verify submission"))
@config_option
@json_option
@route_argument
def verify(config_file: Path | None, as_json: bool, route: str) -> None:
    """Try what the configuration says: a token, the sign-in by SMTP, the senders. Nothing is sent.

    Exit 0 all good, 1 something was refused, 3 somebody could not be reached.
    """
    answers: list[Answer] = []
    for one in signing_routes(config_file, route):
        answers += verified(one)
    leave(answers, as_json=as_json)


def verified(one: SigningRoute, senders: tuple[str, ...] = ()) -> list[Answer]:
    """The answers for one route of the configuration; senders: further addresses to try beside its mailboxes."""
    from relay365.app.ways.smtp import client_tls
    from relay365.config import HveRoute, SubmissionRoute, split_host_port
    from relay365.setup.tries.signing import try_token
    from relay365.setup.tries.submission import Desk, try_submission

    answer, token = try_token(one.source().directory)
    answers = [answer]
    table = one.table
    if token and isinstance(table, SubmissionRoute | HveRoute):
        target, port = split_host_port(table.endpoint)
        desk = Desk(target, port, host(), client_tls(table.ca_file, one.site))
        several = table.mailboxes if isinstance(table, SubmissionRoute) else ()
        for mailbox in several or (table.mailbox or "",):
            answers += try_submission(desk, mailbox, token, (mailbox, *senders))
    return answers


def _wish(how: dict[str, Any], key_file: Path | None) -> AppWish:
    """What the options say; leaves with 1 or 2 where that cannot be."""
    from relay365.setup.answers import judge_one
    from relay365.setup.scripts.application import AppWish

    for option, values in (("mailbox", [how["mailbox"]]), ("senders", how["senders"])):
        for value in values:
            expected = judge_one(option, value)
            if expected:
                fail(WRONG_USE, f"--{option.removesuffix('s')} {value}", f"expected {expected}", "correct it")
    grant: Any = "scope-graph" if how["grant"] == "graph" else how["grant"]
    key = _key(key_file) if key_file is not None else None
    return AppWish(
        how["tenant"] or _tenant_of(how),
        how["name"] or f"relay365 {host()}",
        how["mailbox"],
        grant,
        key.der if key is not None else b"",
        key.name if key is not None else "",
        tuple(how["senders"]),
        bool(how.get("new_mailbox")),
        how["cloud"],
    )


def _key(file: Path) -> Any:
    """The pair in a file, or a new one."""
    from relay365.setup.keys import make_key, read_key

    try:
        if file.exists():
            return read_key(file)
        made = make_key(file, host(), now())
    except (OSError, ValueError) as error:
        fail(PROBLEM, f"{file} cannot be used", str(error), "name another file: --key FILE")
    click.echo(f"certificate and key made: {file}; the key never leaves this machine", err=True)
    return made


def _tenant_of(how: dict[str, Any]) -> str:
    from relay365.config.roads.clouds import AUTHORITY
    from relay365.routes.identity.transport import Way
    from relay365.setup.tenant import NoTenant, find_tenant

    domain = how["mailbox"].rpartition("@")[2]
    try:
        return find_tenant(domain, how["authority"] or AUTHORITY[how["cloud"]], Way(how["ca_file"])).id
    except NoTenant as error:
        fail(PROBLEM, error.what, error.why, "check the domain and --cloud, or give --tenant ID")


def _made(make: Callable[..., str], wish: AppWish) -> str:
    try:
        return make(wish, origin())
    except ValueError as error:
        fail(WRONG_USE, "a name cannot stand in the script", f"expected {error}", "correct it")


app.add_command(rotate)
