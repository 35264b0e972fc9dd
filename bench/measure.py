"""What every case is made of: a case and its figures, a load, and the counts without which nothing is a figure.

A figure is in messages a second, milliseconds, seconds or megabytes, as its name says.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.exim import exim, n_queued
from bench.peers import Peer, aiosmtpd, postfix, relay365
from relay365.trial.bench import Load
from relay365.trial.load import LoadResult, run_load

Figures = dict[str, float]
Run = Callable[[str, Path], Figures]
"""One run of one peer, or of one variant of ours, in a folder that is its own; its neighbour `ground` is for all."""

Start = Callable[[Path, int], AbstractContextManager[Peer]]
"""Starts a peer in a folder, with a port as its next hop."""

PEERS: dict[str, Start] = {"relay365": relay365, "postfix": postfix, "exim": exim, "aiosmtpd": aiosmtpd}
GROUND = "ground"


class CountWrong(Exception):
    """What was answered 250 and what is there differ: no figure."""


@dataclass(frozen=True)
class Case:
    """One measurement.

    peers: who takes turns, the first is compared with the others; run: one run of one of them.
    is_list: there are many figures, to be read side by side; none is worth a ratio.
    """

    name: str
    title: str
    peers: tuple[str, ...]
    run: Run
    is_list: bool = False


def ground_of(folder: Path, name: str) -> Path:
    """Where something lies that several runs stand on."""
    return folder.parent / GROUND / name


def send(port: int, load: Load) -> LoadResult:
    """Send a load; raises LoadRefused and TimeoutError."""
    return asyncio.run(
        run_load(
            ("127.0.0.1", port), n_messages=load.n_messages, content=load.content, n_sessions=load.n_sessions
        )
    )


def figures_of(peer: Peer, before_s: float, result: LoadResult, seconds: float) -> Figures:
    """Rate, CPU and answers of a load. before_s: the peer's CPU seconds when it began."""
    return {
        "per_second": result.n_messages / seconds,
        "cpu_ms": (peer.cpu_s() - before_s) * 1000 / result.n_messages,
        "p50_ms": result.percentile_ms(50), "p99_ms": result.percentile_ms(99),
    }  # fmt: skip


def at_least(n_messages: Callable[[], int], n: int, deadline_s: float = 300.0) -> int:
    """Ask until there are so many; gives how many there are. Raises CountWrong at the deadline."""
    until = time.monotonic() + deadline_s
    while (found := n_messages()) < n:
        if time.monotonic() > until:
            raise CountWrong(f"{n} were to come, {found} came")
        time.sleep(0.005)
    return found


def check(found: int, wanted: int) -> None:
    """Raises CountWrong."""
    if found != wanted:
        raise CountWrong(f"{wanted} were answered 250, {found} are there")


def n_kept(name: str, folder: Path) -> int:
    """How many messages a peer has in its queue, by its own files."""
    if name == "postfix":
        return sum(1 for path in (folder / "queue" / "hold").rglob("*") if path.is_file())
    if name == "exim":
        return n_queued(folder)
    if name == "aiosmtpd":
        return sum(1 for path in folder.iterdir() if path.is_file() and path.name.isdigit())
    counts = recipients(folder)
    return counts.get("queued", 0) + counts.get("claimed", 0)


def recipients(folder: Path) -> dict[str, int]:
    """relay365's recipients by state, as `relay365 status` counts them."""
    found = json.loads(command(folder, ["status", "--json"]))["recipients"]
    return {state: int(n) for state, n in found.items()}


def command(folder: Path, arguments: Sequence[str]) -> str:
    """What a relay365 command on the configuration in a folder says; raises CountWrong where it says nothing."""
    result = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "relay365", *arguments],
        env={**os.environ, "RELAY365_CONFIG": str(folder / "relay365.toml")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not result.stdout:
        raise CountWrong(f"relay365 {' '.join(arguments)} said nothing: {result.stderr[-500:]}")
    return result.stdout


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class StampSink:
    """bench.stamp_sink as a process of its own; call it for the ages so far, in milliseconds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(json.loads(self._line())["port"])

    def __call__(self) -> list[float]:
        """Of every message so far."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return list(json.loads(self._line()))

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.readline()


@contextmanager
def stamp_sink() -> Iterator[StampSink]:
    """A next hop that knows how old each message is when it comes."""
    words = [sys.executable, str(Path(__file__).with_name("stamp_sink.py"))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield StampSink(process)
        process.terminate()
