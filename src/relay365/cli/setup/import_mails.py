"""`relay365 import mails`: hands what lies in a folder of the old server to the running relay, as a device would.

Apart from the other imports: it sends, and goes by the listener so that every rule holds for old mail, too.
"""

from __future__ import annotations

import smtplib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay365.cli.words.output import (
    GOOD,
    PROBLEM,
    UNREACHABLE,
    WRONG_USE,
    config_option,
    examples,
    fail,
    json_option,
    load_config,
    printable,
    write_json,
)

if TYPE_CHECKING:
    from relay365.config import Config
    from relay365.moving.iis.pickup import Letter

TAKEN = "imported"
_TIMEOUT_S = 60.0


@click.command(epilog=examples("relay365 import mails mailroot/Pickup"))
@config_option
@json_option
@click.argument("directory", type=click.Path(file_okay=False, exists=True, path_type=Path))
def mails(config_file: Path | None, as_json: bool, directory: Path) -> None:
    """Hand the .eml files of DIRECTORY to the running relay: pickup files, with x-sender and x-receiver in front.

    What was answered 250 is moved into DIRECTORY/imported, so that nothing goes twice. Exit 1: a file was not taken;
    3: the relay does not answer.
    """
    config, file = load_config(config_file)
    door = _door(config)
    if door is None:
        do = 'add a listener on 127.0.0.1 with tls = "none" or "optional"'
        fail(WRONG_USE, "no listener can be used", f"those of {file} ask for a login or for TLS at once", do)
    found = [_hand_in(one, door, file) for one in sorted(directory.iterdir()) if one.suffix.lower() == ".eml"]
    for one in found:
        if as_json:
            write_json(one)
        else:
            label = "OK      " if one["taken"] else "NOT SENT"
            click.echo(f"{label}  {printable(one['file'])}  {printable(one['text'])}")
    n_taken = sum(one["taken"] for one in found)
    if not as_json:
        click.echo(f"\n{n_taken} of {len(found)} handed over; relay365 queue list shows what waits")
    sys.exit(GOOD if n_taken == len(found) else PROBLEM)


def _hand_in(file: Path, door: tuple[str, int], config_file: Path) -> dict[str, Any]:
    """One file; leaves with 3 where nobody answers."""
    from relay365.moving.iis.pickup import PickupError, letter_of

    try:
        letter = letter_of(file.read_bytes())
    except PickupError as error:
        do = f"relay365 send-test --eml {file} --from SENDER --to RECIPIENT"
        return {"file": file.name, "taken": False, "text": f"{error}; {do}"}
    except OSError as error:
        return {"file": file.name, "taken": False, "text": error.strerror or str(error)}
    try:
        code, text = _dialogue(letter, door)
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        why = f"{door[0]}:{door[1]}: {error}"
        fail(UNREACHABLE, "the relay does not answer", why, f"relay365 run --config {config_file}")
    if code == 250:
        (file.parent / TAKEN).mkdir(exist_ok=True)
        file.replace(file.parent / TAKEN / file.name)
    return {"file": file.name, "taken": code == 250, "text": f"{code} {text}"}


def _dialogue(letter: Letter, door: tuple[str, int]) -> tuple[int, str]:
    """The reply to the final dot, or the first refusal: a letter goes to all of its recipients or to none."""
    with smtplib.SMTP(*door, timeout=_TIMEOUT_S) as client:
        client.ehlo()
        code, text = client.docmd(f"MAIL FROM:<{letter.sender}>")
        for one in letter.recipients:
            if code == 250:
                code, text = client.docmd(f"RCPT TO:<{one}>")
        if code == 250:
            code, text = client.data(letter.content)
    return code, text.decode("utf-8", "replace")


def _door(config: Config) -> tuple[str, int] | None:
    """A listener that needs no login, as an address that can be called."""
    from relay365.config import split_host_port

    for one in config.listener:
        host, port = split_host_port(one.address)
        if one.tls in ("none", "optional") and not one.require_auth and port:
            return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104  # compared with
    return None
