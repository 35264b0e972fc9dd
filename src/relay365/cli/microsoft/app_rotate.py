"""`relay365 app rotate`: the next certificate, added by the application itself, proved, and only then used."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.microsoft.answering import give, host, origin, say
from relay365.cli.words.output import (
    PROBLEM,
    WRONG_USE,
    config_option,
    examples,
    fail,
    instant,
    json_option,
    now,
    write_json,
)
from relay365.cli.words.signing import route_argument, signing_routes
from relay365.cli.words.times import Span

if TYPE_CHECKING:
    from relay365.app.renewing.steps import Rotation
    from relay365.setup.keys import AppKey
    from relay365.setup.tries.answer import Answer

BY_HAND = "relay365 app rotate --script, and have an administrator run it"


@click.command(epilog=examples("relay365 app rotate --if-due"))
@config_option
@json_option
@route_argument
@click.option("--if-due", is_flag=True, help="Only within 60 days of its end: for a timer, once a day.")
@click.option(
    "--registration", default="", help="Object id of the app registration, where init did not learn it."
)
@click.option("--script", "as_script", is_flag=True, help="Print a script for an administrator instead.")
@click.option(
    "--wait", "--minutes", "wait_s", type=Span("m", least="1m", most="60m"), default=600.0, metavar="SPAN",
    help="How long to wait for Entra to learn it, digits alone for minutes; default: 10m, at most 60m.",
)  # fmt: skip
def rotate(config_file: Path | None, as_json: bool, route: str, **how: Any) -> None:
    """Renew the application's certificate: the old one serves until the new one is proved, and stays valid.

    No permission is needed for that: the present certificate proves who asks. A running relay takes up the new one
    without a restart.
    """
    from relay365.setup.rotation import NotRotated

    one = _route(config_file, route)
    try:
        present = one.present()
        if how["if_due"] and not present.is_due(now()):
            _say(present, False, as_json=as_json)
            return
        fresh = one.following(present, host(), now())
        if how["as_script"]:
            _give_script(one, fresh)
            return
        if not one.ask_with(fresh).good:
            one.add(present, fresh, how["registration"] or one.registration(), now())
        _prove(one, fresh, how["wait_s"], quiet=as_json)
        one.take_over(present, fresh)
        _say(one.present(), True, as_json=as_json)
    except NotRotated as error:
        fail(PROBLEM, error.what, error.why, error.do or BY_HAND)


def _route(config_file: Path | None, route: str) -> Rotation:
    """The one route whose application signs in with a certificate of its own; leaves with 2 where it is not clear."""
    from relay365.app.renewing.steps import Rotation

    all_of_them = [Rotation(one.name, one.table, one.site) for one in signing_routes(config_file, route)]
    found = [one for one in all_of_them if one.file is not None]
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        what = "which route?" if found else "no route signs in with a certificate and key in one file"
        fail(
            WRONG_USE, what, f"those with such a certificate: {names}", "name one: relay365 app rotate ROUTE"
        )
    return found[0]


def _prove(one: Rotation, fresh: AppKey, wait_s: float, *, quiet: bool) -> None:
    """Wait until Entra gives a token for the new certificate; leaves with 1 where it does not."""
    from relay365.setup.waiting import Timer, until_good

    def tell(answer: Answer, passed_s: float) -> None:
        if not quiet:
            say(answer, passed_s)

    answers = until_good(lambda: [one.ask_with(fresh)], tell, Timer(time.monotonic, time.sleep), wait_s)
    if not answers[0].good:
        fail(PROBLEM, f"the new certificate gets no token: {answers[0].text}", answers[0].why,
             "the old one is in use as before; later: relay365 app rotate")  # fmt: skip


def _give_script(one: Rotation, fresh: AppKey) -> None:
    from relay365.setup.scripts.application import ROTATE_FILE, AppWish, rotate_script

    name = f"relay365 {host()}"
    wish = AppWish(one.table.tenant, name, "", "mailbox", fresh.der, fresh.name, cloud=one.table.cloud)
    give(rotate_script(wish, one.table.client, origin()), ROTATE_FILE, None)


def _say(key: AppKey, renewed: bool, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "certificate": key.name,
                "file": str(key.file),
                "ends_at": instant(key.ends_at),
                "renewed": renewed,
            }
        )
        return
    until = (instant(key.ends_at) or "")[:10]
    if renewed:
        click.echo(f"{key.name} is in use, valid to {until}; a running relay takes it up by itself")
        click.echo(f"the old one stays valid until its own end, and is kept in {key.file}.old")
    else:
        click.echo(f"{key.name} is valid to {until}: nothing to do yet")
