"""`relay365 bench`: how fast this machine takes mail durably, and passes it on."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay365.cli.words.output import PROBLEM, UNREACHABLE, WRONG_USE, examples, fail, json_option, write_json
from relay365.cli.words.sizes import Octets

if TYPE_CHECKING:
    from relay365.trial.bench import Figures, Load


@click.command(epilog=examples("relay365 bench --messages 2000 --connections 20"))
@click.option(
    "--messages", "n_messages", default=5000, show_default=True, type=click.IntRange(1, 1_000_000),
    help="How many.",
)  # fmt: skip
@click.option(
    "--size", type=Octets(), default=2048, metavar="SIZE", help="How large, such as 100K or 5M; default: 2K."
)
@click.option(
    "--connections", "n_sessions", default=20, show_default=True, type=click.IntRange(1, 1000),
    help="Sessions at once.",
)  # fmt: skip
@click.option(
    "--peer", "peer_address", metavar="HOST:PORT", help="Another server for the same load, to compare with."
)
@click.option(
    "--runs", "n_runs", default=1, show_default=True, type=click.IntRange(1, 100),
    help="Rounds; with --peer the two take turns.",
)  # fmt: skip
@click.option(
    "--dir", "directory", type=click.Path(file_okay=False, path_type=Path),
    help="Where the queue is to lie: the disk decides the rate. Default: the system's folder for temporary files.",
)  # fmt: skip
@json_option
def bench(  # noqa: PLR0913, PLR0917 - click hands every option over by name
    n_messages: int, size: int, n_sessions: int, peer_address: str | None, n_runs: int,
    directory: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure a relay of its own on this machine: durable accepting, and the whole way to a next hop.

    Every 250 that is counted was given after the message had been synced to the disk. Nothing leaves the machine.
    """
    from relay365.errors import Relay365Error
    from relay365.trial.bench import Load

    load = Load(n_messages, size, n_sessions)
    peer = _address(peer_address) if peer_address else None
    try:
        for n in range(n_runs):
            _round(n, load, peer, directory, as_json=as_json)
    except (Relay365Error, TimeoutError) as error:
        fail(PROBLEM, "the bench was not finished", str(error), "try fewer messages, or another --dir")
    except OSError as error:
        fail(
            UNREACHABLE, "a server cannot be reached", error.strerror or str(error), "check --peer and --dir"
        )


def _round(
    n: int, load: Load, peer: tuple[str, int] | None, directory: Path | None, *, as_json: bool
) -> None:
    from relay365.trial import bench as trial

    with tempfile.TemporaryDirectory(prefix="relay365-bench-", dir=directory) as name:
        found = trial.accept(load, Path(name) / "accept")
        _show("accept", found, as_json=as_json)
        if peer is not None:
            other = trial.peer(load, peer)
            _show("peer", other, as_json=as_json)
            _show_ratio(n, found, other, as_json=as_json)
        _show("relay", trial.through(load, Path(name) / "relay"), as_json=as_json)


def _show(what: str, figures: Figures, *, as_json: bool) -> None:
    if as_json:
        write_json({"what": what, **{key: _rounded(value) for key, value in asdict(figures).items()}})
        return
    cpu = f"   CPU {figures.cpu_ms:.2f} ms each" if figures.cpu_ms is not None else ""
    click.echo(
        f"{what:8}{figures.per_second:>9,.0f}/s   250 after {figures.p50_ms:.1f} ms (p50), "
        f"{figures.p99_ms:.1f} ms (p99){cpu}"
    )


def _show_ratio(n: int, ours: Figures, other: Figures, *, as_json: bool) -> None:
    ratio = ours.per_second / other.per_second if other.per_second else 0.0
    if as_json:
        write_json({"what": "ratio", "run": n + 1, "accept_to_peer": round(ratio, 2)})
    else:
        click.echo(f"{'ratio':8}{ratio:>9.2f}x  accept against peer")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        fail(WRONG_USE, f"--peer {text}", "a peer is a host and a port", "--peer 127.0.0.1:25")
    return host.strip("[]"), int(port)
