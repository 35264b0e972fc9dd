"""`relay365 device learn`: for some minutes a device is forgiven all that is safe; then what it needed is proposed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from relay365.cli.words.block import device_block
from relay365.cli.words.output import (
    PROBLEM,
    UNREACHABLE,
    age,
    config_option,
    data_directory,
    examples,
    fail,
    json_option,
    load_config,
    now,
    printable,
    write_json,
)
from relay365.cli.words.times import Span

LEARNS_S = 600.0
_LOOK_S = 1.0


@click.command(epilog=examples("relay365 device learn canon-2f"))
@config_option
@json_option
@click.argument("name")
@click.option(
    "--for", "--minutes", "for_s", type=Span("m", least="1m", most="60m"), default=LEARNS_S, metavar="SPAN",
    help="For how long, digits alone for minutes; default: 10m, at most 60m.",
)  # fmt: skip
@click.option("--no-wait", is_flag=True, help="Order it and leave; see --result later.")
@click.option("--result", is_flag=True, help="What was learned last; orders nothing.")
def learn(
    config_file: Path | None, as_json: bool, name: str, for_s: float, no_wait: bool, result: bool
) -> None:
    """Let a device send as it likes for ten minutes, then propose exactly the tolerances that it needed.

    NAME is a device or an address. Nothing with a price in security is switched on. Ctrl-C ends it early.
    """
    from relay365.engine.blackbox.archive import Archive, Order, key_of
    from relay365.spool.lock import DirectoryLock

    config, file = load_config(config_file)
    data = data_directory(config, file)
    archive = Archive(data)
    device = next((one for one in config.device if one.name == name), None)
    key = key_of(name if device is not None else "", name)
    if not result:
        if DirectoryLock(data).holder() is None:
            fail(
                UNREACHABLE,
                "nothing can be learned",
                "the service is not running",
                f"relay365 run --config {file}",
            )
        order = Order(key, now(), now() + for_s)
        archive.give_order(order)
        if no_wait:
            click.echo(
                f"for {age(for_s)} from now; then: relay365 device learn {printable(name)} --result",
                err=True,
            )
            return
        _wait(lambda: _needed(archive.read(key), order.began_at), order.until_at)
        archive.give_order(Order(key, order.began_at, min(order.until_at, now())))
    learning = archive.read(key).get("learning")
    if not learning or not learning["sessions"]:
        fail(
            PROBLEM,
            f"nothing was learned of {printable(name)}",
            "no session of it has ended meanwhile",
            f"relay365 device learn {printable(name)}",
        )
    needed = learning["tolerated"]
    _propose(name, proposal(config, device, needed), needless(config, device, needed), learning, as_json)


def proposal(config: Any, device: Any, needed: Mapping[str, int]) -> dict[str, bool]:
    """The tolerances to add: what was needed and is not on for this device yet."""
    own = device.tolerate.model_dump(exclude_none=True) if device is not None else {}
    on = {**config.tolerate.model_dump(), **own}
    return {name: True for name in sorted(needed) if not on.get(name)}


def needless(config: Any, device: Any, needed: Mapping[str, int]) -> dict[str, bool]:
    """The tolerances that are on for it and that it did not need: they can be switched off."""
    own = device.tolerate.model_dump(exclude_none=True) if device is not None else {}
    on = {**config.tolerate.model_dump(), **own}
    return {name: False for name in sorted(on) if on[name] and name not in needed}


def _propose(
    name: str, missing: dict[str, bool], unused: dict[str, bool], learning: dict[str, Any], as_json: bool
) -> None:
    needed = dict(sorted(learning["tolerated"].items()))
    if as_json:
        found = {"name": name, "sessions": learning["sessions"], "needed": needed}
        write_json({**found, "missing": sorted(missing), "needless": sorted(unused)})
        return
    n = learning["sessions"]
    words = ", ".join(f"{one} {count}" for one, count in needed.items()) or "no tolerance"
    click.echo(f"{printable(name)} needed in {n} session{'s' * (n != 1)}: {words}")
    if not missing:
        click.echo("All of it is on for it already; nothing is to be changed.")
    else:
        click.echo("Not on for it yet; write into its table:\n")
        click.echo(_line(missing), nl=False)
    if unused:
        click.echo("\nWhat it did not need can be off, if these sessions were all that it does:\n")
        click.echo(f"# {_line({**missing, **unused})}", nl=False)


def _line(tolerate: dict[str, bool]) -> str:
    return device_block({"tolerate": tolerate}).removeprefix("[[device]]\n")


def _needed(client: dict[str, Any], began_at: float) -> dict[str, int]:
    learning = client.get("learning") or {}
    found: dict[str, int] = learning.get("tolerated", {}) if learning.get("began_at") == began_at else {}
    return found


def _wait(needed: Callable[[], dict[str, int]], until_at: float) -> None:
    """Say what it needs as it shows, until the time is over or somebody stops it."""
    seen: set[str] = set()
    try:
        while now() < until_at:
            for name in sorted(set(needed()) - seen):
                click.echo(f"needs {name}", err=True)
                seen.add(name)
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        click.echo("stopped early", err=True)
    time.sleep(_LOOK_S)  # the service writes once a second
