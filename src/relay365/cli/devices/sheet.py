"""`relay365 device sheet`: one page for whoever stands in front of a device, with all that is to be typed there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    PROBLEM,
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

if TYPE_CHECKING:
    from relay365.cli.devices.sheet_facts import Facts
    from relay365.cli.devices.sheet_page import Sheet


@click.command(
    epilog=examples("relay365 device sheet canon-2f", "relay365 device sheet canon-2f --html canon-2f.html")
)
@config_option
@json_option
@click.argument("name", default="")
@click.option(
    "--html",
    "page_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page to print instead.",
)
@click.option("--login", default="", help="The login that it will use, where its rule names none.")
@click.option(
    "--new-password", is_flag=True, help="Give that login a new password, which stands on the sheet."
)
def sheet(
    config_file: Path | None, as_json: bool, name: str, page_file: Path | None, login: str, new_password: bool
) -> None:
    """What to type at a device, and what its error texts mean, on one page.

    NAME is a device, an address, or a network of [[allow]]; without it the sheet is for the first network. A password
    is on it only where it is made now. Exit 1: the device may not send at all.
    """
    from relay365.cli.devices.sheet_facts import facts_of, find
    from relay365.cli.devices.sheet_page import page, text

    config, file = load_config(config_file)
    who = find(config, name)
    if who is None:
        what = (
            f"there is no device or network {printable(name)}"
            if name
            else "there is no network that may send"
        )
        fail(
            WRONG_USE,
            what,
            f"{file} has none",
            "relay365 device list; relay365 device add NAME --address ADDRESS",
        )
    if login and who.login not in ("", login):
        why = f"its rule names the login {printable(who.login)}"
        fail(WRONG_USE, f"{printable(who.title)} has a login", why, "leave --login out")
    facts = facts_of(config, file, who._replace(login=who.login or login))
    if not facts.ways:
        why = "no rule lets it in, or no listener is open to it"
        do = f"relay365 explain --as {facts.who.address or 'ADDRESS'}"
        fail(PROBLEM, f"{printable(who.title)} may not send", why, do)
    made, password = made_of(facts, ""), ""
    if page_file is not None:  # before a password is made: what cannot be written would be lost
        _write(page_file, page(made))
    if new_password:
        password = _made(config, file, facts)
        made = made_of(facts, password)
        if page_file is not None:
            _write(page_file, page(made))
    if as_json:
        write_json({**_object(facts, made, page_file), "password": password or None})
    elif page_file is None:
        for line in text(made):
            click.echo(printable(line))
    else:
        click.echo(f"written: {page_file}; print it, or open it in any browser", err=True)


def _made(config: Any, file: Path, facts: Facts) -> str:
    """A new password for the login of the sheet; its old one is void."""
    from relay365.cli.devices.user import new_password
    from relay365.engine.accounts import write_user

    name = facts.who.login
    if not name or facts.login == "never":
        fail(WRONG_USE, "there is no login to give a password to", "the sheet has none", "give --login NAME")
    if name in {one.name for one in config.user}:
        fail(
            WRONG_USE,
            f"the password of {printable(name)} stands in the file",
            f"{file}: [[user]]",
            "change it there",
        )
    secret = new_password()
    write_user(data_directory(config, file) / config.server.users, name, secret)
    return secret


def made_of(facts: Facts, password: str) -> Sheet:
    """All its words. password: one that was made now, or ""."""
    from relay365.cli.devices import sheet_words
    from relay365.cli.devices.sheet_page import Sheet

    who = facts.who
    mark = (
        f"A mark behind a text, such as ({facts.mark}): relay365 explain {facts.mark} says more."
        if facts.mark
        else ""
    )
    return Sheet(
        who.title, ", ".join(filter(None, (who.kind, who.place))), sheet_words.remarks(facts),
        sheet_words.rows(facts, password), sheet_words.others(facts), sheet_words.test(facts),
        sheet_words.meanings(facts), mark, f"made {str(instant(now()))[:10]} by relay365 on {facts.relay}",
    )  # fmt: skip


def _write(page_file: Path, made: str) -> None:
    try:
        page_file.write_text(made, "utf-8")
    except OSError as error:
        fail(PROBLEM, f"{page_file} cannot be written", str(error.strerror), "give another file")
    if sys.platform != "win32":
        page_file.chmod(0o600)  # a password may stand on it


def _object(facts: Facts, made: Sheet, page_file: Path | None) -> dict[str, Any]:
    sender, shown = facts.sender, facts.certificate
    return {
        "name": facts.who.title,
        "kind": facts.who.kind,
        "place": facts.who.place,
        "rule": facts.mark or None,
        "relay": facts.relay,
        "running": facts.is_running,
        "ways": [way._asdict() for way in facts.ways],
        "login": facts.login,
        "user": facts.who.login or None,
        "sender": sender.address or None,
        "senders": list(sender.allowed),
        "sender_is_put_in": sender.is_put_in,
        "recipients": sorted(facts.client.recipients),
        "certificate": shown._asdict() if shown is not None else None,
        "fields": [row._asdict() for row in made.rows],
        "texts": [one._asdict() for one in made.meanings],
        "page": str(page_file) if page_file is not None else None,
    }
