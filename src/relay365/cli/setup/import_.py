"""`relay365 import`: reads the configuration of another relay, says line by line what it became, and writes ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.setup.import_mails import mails
from relay365.cli.setup.import_output import Order, finish
from relay365.cli.words.output import WRONG_USE, config_option, examples, fail, json_option

if TYPE_CHECKING:
    from relay365.moving.draft import Draft
    from relay365.moving.finding import Findings
    from relay365.moving.remote import Wish


@click.group("import", epilog=examples("relay365 import postfix /etc/postfix --diff"))
def import_() -> None:
    """Make a configuration of Postfix, IIS SMTP, email-oauth2-proxy or a list of devices.

    Every line that was read is accounted for. Passwords and secrets are never copied. Exit 1: something was not
    understood; 4: it would let strangers send.
    """


def _what_to_do(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that all sources share."""
    for option in reversed((  # the last one is shown first
        config_option, json_option,
        click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the configuration there."),
        click.option("--diff", is_flag=True, help="Show what would change in the present configuration."),
        click.option("--apply", "is_applied", is_flag=True, help="Put it into the configuration; a copy is kept."),
        click.option("--yes", is_flag=True, help="With --apply: public addresses may send without a login."),
        click.option("--all", "shows_all", is_flag=True, help="Show the lines, too, that need nothing here."),
    )):  # fmt: skip
        command = option(command)
    return command


def _who_sends(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the old configuration may not know."""
    for option in (
        click.option("--tenant", default="", help="Tenant, domain or id; default: the mailbox's domain."),
        click.option("--client", default="", help="The application's id, if there is one."),
        click.option("--mailbox", default="", help="The address that sends; default: the old login."),
    ):
        command = option(command)
    return command


@import_.command(
    epilog=examples(
        "relay365 import postfix /etc/postfix --diff", "relay365 import postfix /etc/postfix --apply"
    )
)
@_what_to_do
@_who_sends
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def postfix(directory: Path, tenant: str, client: str, mailbox: str, **how: Any) -> None:
    """Read main.cf, master.cf and their tables from DIRECTORY, such as /etc/postfix or a copy of it."""
    from relay365.moving.postfix.reading import read

    _finish(how, lambda wish: read(directory, wish), (tenant, client, mailbox))


@import_.command(epilog=examples("relay365 import iis MetaBase.xml --mailbox scan@contoso.com --diff"))
@_what_to_do
@_who_sends
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def iis(file: Path, tenant: str, client: str, mailbox: str, **how: Any) -> None:
    r"""Read the SMTP virtual servers of FILE: C:\Windows\System32\inetsrv\MetaBase.xml, or a copy of it."""
    from relay365.moving.iis.reading import read

    octets = _octets(file)
    _finish(how, lambda wish: read(octets, file.name, wish), (tenant, client, mailbox))


@import_.command(epilog=examples("relay365 import oauth2proxy emailproxy.config --out relay365.toml"))
@_what_to_do
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def oauth2proxy(file: Path, **how: Any) -> None:
    """Read FILE, the emailproxy.config of email-oauth2-proxy; tokens are fetched anew."""
    from relay365.moving.oauth2_proxy import read

    text = _octets(file).decode("utf-8-sig", "replace")
    _finish(how, lambda wish: read(text, file.name), ("", "", ""))


@import_.command("csv", epilog=examples("relay365 import csv devices.csv --apply"))
@_what_to_do
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def devices(file: Path, **how: Any) -> None:
    """Read FILE, a list of devices as a spreadsheet saves it: a first line with name, address, sender, login, ..."""
    from relay365.moving.device_list import read

    octets = _octets(file)
    _finish(how, lambda wish: read(octets, file.name), ("", "", ""))


def _finish(
    how: dict[str, Any], read: Callable[[Wish], tuple[Draft, Findings]], who: tuple[str, str, str]
) -> None:
    """Read the source and do with it what the options say."""
    from relay365.moving.finding import SourceError
    from relay365.moving.remote import Wish

    chosen = [
        name
        for name, is_on in (("--out", how["out"]), ("--diff", how["diff"]), ("--apply", how["is_applied"]))
        if is_on
    ]
    if len(chosen) > 1:
        fail(WRONG_USE, f"{' and '.join(chosen)} at once", "each says where the result goes", "choose one")
    if who[2] and "@" not in who[2]:
        fail(WRONG_USE, f"{who[2]} is no mailbox", "it has no @", "--mailbox scan@contoso.com")
    try:
        draft, findings = read(Wish(*who))
    except SourceError as error:
        fail(WRONG_USE, error.what, error.why, error.do)
    finish(draft, findings, Order(**how))


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(
            WRONG_USE,
            f"{file} cannot be read",
            error.strerror or str(error),
            "check the path and its permissions",
        )


import_.add_command(mails)
