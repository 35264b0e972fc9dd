"""`relay365 demo`: the main job in front of one's eyes, with a Microsoft 365 that runs on this machine."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay365.cli.words.output import GOOD, PROBLEM, examples, fail, json_option, write_json

if TYPE_CHECKING:
    from relay365.trial.demo import Account, Stage


@click.command(epilog=examples("relay365 demo", "relay365 demo --keep"))
@click.option(
    "--messages", "n_messages", default=24, show_default=True, type=click.IntRange(1, 10_000),
    help="How many; a mailbox takes 30 a minute.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Stay up afterwards, until Ctrl-C.")
@json_option
def demo(n_messages: int, keep: bool, as_json: bool) -> None:
    """Send real mail through a relay to the emulator, with a throttle and an outage on the way, and count.

    Exit 0 when everything arrived once and unchanged, else 1. Nothing leaves this machine.
    """
    from relay365.errors import Relay365Error

    try:
        is_good = _perform(n_messages, keep=keep, as_json=as_json)
    except (Relay365Error, OSError) as error:
        fail(PROBLEM, "the demo did not come to its end", str(error), "relay365 demo --messages 4")
    except KeyboardInterrupt:
        raise SystemExit(GOOD if keep else PROBLEM) from None
    raise SystemExit(GOOD if is_good else PROBLEM)


def _perform(n_messages: int, *, keep: bool, as_json: bool) -> bool:
    from relay365.trial.demo import perform, set_up

    def tell(stage: str, line: str) -> None:
        click.echo(f"{stage:<10} {line}", err=as_json)

    folder = tempfile.TemporaryDirectory(prefix="relay365-demo-", ignore_cleanup_errors=True)
    with folder as name, set_up(Path(name), tell) as running:
        account = perform(running, n_messages, tell)
        _show(account, as_json=as_json)
        if keep:
            _stay(running)
    return account.is_good


def _show(account: Account, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "accepted": account.accepted, "delivered": account.delivered, "failed": account.failed,
                "waiting": account.waiting, "duplicates": account.duplicates, "seconds": account.seconds,
                "same_octets": account.same_octets,
            }
        )  # fmt: skip
        return
    refused = ", ".join(f"{n} x {text}" for text, n in account.refusals.items()) or "nothing"
    click.echo(f"{'refused':<10} on the way, by Microsoft's side: {refused}")
    click.echo(
        f"{'summary':<10} {account.accepted} accepted, {account.delivered} delivered, {account.failed} failed, "
        f"{account.waiting} waiting, {account.duplicates} duplicates in {account.seconds} s; "
        f"{account.same_octets} of {account.delivered} octet for octet as the devices sent them"
    )


def _stay(running: Stage) -> None:
    host, port = running.address
    click.echo(f"{'running':<10} send to {host}:{port}, for example:")
    click.echo(f"             swaks --server {host}:{port} --from scan@contoso.com --to you@contoso.com")
    click.echo(f"             relay365 status --config {running.config_file}")
    click.echo(f"             curl {running.microsoft.ready['control']}/messages        (Ctrl-C ends)")
    while True:
        time.sleep(3600)
