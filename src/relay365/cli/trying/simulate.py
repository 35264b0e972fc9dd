"""`relay365 simulate`: be a device from the zoo in front of a relay that runs, or an outage behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from relay365.cli.trying.outage import outage
from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
    examples,
    fail,
    json_option,
    printable,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from relay365.trial.zoo.cages import Specimen
    from relay365.trial.zoo.play import Played

SENDER, RECIPIENT = "scan@corp.test", "lena@else.test"  # the people of the zoo
NAME, PASSWORD = "scan", "secret"  # its login, which opens nothing


@click.group(epilog=examples("relay365 simulate list"))
def simulate() -> None:
    """Play a device in front of a relay that runs, or an outage of Microsoft behind it."""


simulate.add_command(outage)


@simulate.command(name="list", epilog=examples("relay365 simulate list"))
@json_option
def list_devices(as_json: bool) -> None:
    """List the sessions, with the tolerance that each needs or does without."""
    from relay365.trial.zoo.cages import specimens

    zoo = specimens()
    if as_json:
        for one in zoo:
            write_json(_about(one))
        return
    write_table(
        ("NAME", "DEVICE", "TOLERANCE", "WHAT"),
        [(one.name, one.device, one.needs or f"-{one.without}".rstrip("-"), one.script.title) for one in zoo],
    )


@simulate.command(
    epilog=examples("relay365 simulate device b01-ups-empty-helo --host 192.168.10.5 --to ops@contoso.com")
)
@click.argument("name")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the relay listens.")
@click.option("--port", default=25, show_default=True, type=click.IntRange(1, 65535), help="Its port.")
@click.option("--from", "sender", default=SENDER, show_default=True, help="The sender to use.")
@click.option("--to", "recipient", default=RECIPIENT, show_default=True, help="The recipient to use.")
@click.option("--login", default="", help="The login to use; its password is read from standard input.")
@json_option
def device(name: str, host: str, port: int, sender: str, recipient: str, **rest: object) -> None:
    """Play the session NAME (or the one whose name holds NAME). What it sends is real mail to a real relay.

    Exit 0 when every answer was the expected one, 1 when not, 3 when nobody listens.
    """
    from relay365.trial.zoo.cages import find
    from relay365.trial.zoo.play import Playing, play

    specimen = find(name)
    if specimen is None:
        fail(
            WRONG_USE, f"no single session is called {printable(name)}", "none has this name, or several do",
            "relay365 simulate list",
        )  # fmt: skip
    as_json = bool(rest["as_json"])
    words = {
        SENDER.encode(): sender.encode(),
        RECIPIENT.encode(): recipient.encode(),
        **_login(rest["login"]),
    }

    def say(side: str, text: str) -> None:
        for line in text.split("\n"):
            click.echo(f"{side}: {printable(line)}", err=as_json)

    try:
        played = play(specimen.script, Playing(host, port, say, words))
    except OSError as error:
        fail(
            UNREACHABLE,
            f"nobody answers at {host}:{port}",
            str(error),
            "relay365 status, or give --host and --port",
        )
    _show(specimen, played, as_json=as_json)
    sys.exit(PROBLEM if played.faults else GOOD)


def _login(name: object) -> dict[bytes, bytes]:
    """The words that replace the zoo's login, where another one is given."""
    from relay365.trial.zoo.play import credentials

    if not name:
        return {}
    return credentials(str(name), sys.stdin.readline().rstrip("\r\n"), instead_of=(NAME, PASSWORD))


def _show(specimen: Specimen, played: Played, *, as_json: bool) -> None:
    """The dialogue has been shown; now what it means."""
    if as_json:
        write_json({**_about(specimen), "faults": played.faults, "taken": played.n_taken})
        return
    click.echo(f"\nclaim:  {specimen.script.title}")
    needs = specimen.needs and f"{specimen.needs} (on)"
    without = specimen.without and f"{specimen.without} (off)"
    if needs or without:
        click.echo(f"needs:  [tolerate] {needs or without}")
    for fault in played.faults:
        click.echo(f"wrong:  {printable(fault)}")
    if specimen.do:
        click.echo(f"device: {specimen.do}")
    click.echo(
        f"result: {'as written' if not played.faults else 'not as written'}; messages taken: {played.n_taken}"
    )


def _about(one: Specimen) -> dict[str, object]:
    return {
        "name": one.name, "row": one.row, "device": one.device, "claim": one.script.title,
        "source": one.script.source, "needs": one.needs or None, "without": one.without or None, "do": one.do or None,
    }  # fmt: skip
