"""What is measured: each case gives figures for one run of one peer, or refuses when a count is wrong.

A figure is in messages a second, milliseconds or megabytes, as its name says. Nothing is printed that was not counted
on the other side: by the sink where mail goes through, by the peer's own queue where it stays.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import loads
from bench.exim import exim, n_queued
from bench.peers import NOBODY, Peer, aiosmtpd, postfix, relay365
from relay365.trial.bench import Load, sink_process
from relay365.trial.load import LoadResult, run_load

Figures = dict[str, float]
Start = Callable[[Path, int], AbstractContextManager[Peer]]

PEERS: dict[str, Start] = {"relay365": relay365, "postfix": postfix, "exim": exim, "aiosmtpd": aiosmtpd}
SETTLE_S = 300.0


class CountWrong(Exception):
    """What was answered 250 and what is there differ: no figure."""


@dataclass(frozen=True)
class Case:
    """One measurement. peers: who takes part; run: one run of one of them in a folder."""

    name: str
    title: str
    peers: tuple[str, ...]
    run: Callable[[str, Path], Figures]


def accept(load: Load) -> Callable[[str, Path], Figures]:
    """Durable accepting with the upstream down."""

    def run(name: str, folder: Path) -> Figures:
        with PEERS[name](folder, NOBODY) as peer:
            before = peer.cpu_s()
            result = _load(peer.port, load)
            figures = _figures(peer, before, result, result.seconds)
            _check(_n_kept(name, folder), load.n_messages)
            return figures

    return run


def through(load: Load) -> Callable[[str, Path], Figures]:
    """The whole way, until the sink has everything."""

    def run(name: str, folder: Path) -> Figures:
        with sink_process() as sink, PEERS[name](folder, sink.port) as peer:
            before, began = peer.cpu_s(), time.perf_counter()
            result = _load(peer.port, load)
            while sink.n_messages() < load.n_messages and time.perf_counter() - began < SETTLE_S:
                time.sleep(0.01)
            seconds = time.perf_counter() - began
            figures = _figures(peer, before, result, seconds)
            time.sleep(0.2)  # a duplicate would come now
            _check(sink.n_messages(), load.n_messages)
            return figures

    return run


def connect(load: Load) -> Callable[[str, Path], Figures]:
    """A new connection for each message, as most devices do."""

    def run(name: str, folder: Path) -> Figures:
        with PEERS[name](folder, NOBODY) as peer:
            before = peer.cpu_s()
            seconds = asyncio.run(
                loads.fresh_connections(peer.port, load.n_messages, load.content, load.n_sessions)
            )
            _check(_n_kept(name, folder), load.n_messages)
            cpu_ms = (peer.cpu_s() - before) * 1000 / load.n_messages
            return {"per_second": load.n_messages / seconds, "cpu_ms": cpu_ms}

    return run


def latency(per_second: int, seconds: int, content: bytes) -> Callable[[str, Path], Figures]:
    """From the final dot at the peer to the final dot at the sink."""

    def run(name: str, folder: Path) -> Figures:
        with _stamp_sink() as ask, PEERS[name](folder, ask.port) as peer:
            answers = asyncio.run(loads.paced(peer.port, per_second, seconds, content))
            until = time.monotonic() + 30
            while len(ages := ask()) < len(answers) and time.monotonic() < until:
                time.sleep(0.05)
            _check(len(ages), len(answers))
            return {
                "p50_ms": _percentile(ages, 50), "p99_ms": _percentile(ages, 99),
                "answer_p50_ms": _percentile(answers, 50), "answer_p99_ms": _percentile(answers, 99),
            }  # fmt: skip

    return run


def memory(name: str, folder: Path) -> Figures:
    """Idle, with 1,000 idle sessions, and with 1,000 idle TLS sessions where the peer does TLS here."""
    start = (lambda f, s: relay365(f, s, "optional")) if name == "relay365" else PEERS[name]
    with start(folder, NOBODY) as peer:
        figures = {"idle_mb": peer.pss_mb()}
        for tls in (False, True) if name == "relay365" else (False,):
            with loads.idle_sessions(peer.port, 1000, tls=tls):
                figures["tls_sessions_mb" if tls else "sessions_mb"] = peer.pss_mb() - figures["idle_mb"]
        return figures


def large(size_octets: int) -> Callable[[str, Path], Figures]:
    """One very large message: how much the memory rises, at its peak."""

    def run(name: str, folder: Path) -> Figures:
        with PEERS[name](folder, NOBODY) as peer:
            _load(peer.port, Load(1, 2048, 1))
            before = max(_peak_mb(pid) for pid in peer.pids())
            result = _load(peer.port, Load(1, size_octets, 1))
            after = max(_peak_mb(pid) for pid in peer.pids())
            _check(_n_kept(name, folder), 2)
            return {"rise_mb": after - before, "seconds": result.seconds}

    return run


def start(n_queued: int) -> Callable[[str, Path], Figures]:
    """From the start of the process to the first 250, with a queue from before."""

    def run(name: str, folder: Path) -> Figures:
        if n_queued:
            with PEERS[name](folder, NOBODY) as peer:
                _load(peer.port, Load(n_queued, 2048, 20))
            _check(_n_kept(name, folder), n_queued)
        began = time.perf_counter()
        again = (
            relay365(folder, NOBODY, fresh=not n_queued)
            if name == "relay365"
            else PEERS[name](folder, NOBODY)
        )
        with again as peer:
            _load(peer.port, Load(1, 2048, 1))
            return {"first_250_ms": (time.perf_counter() - began) * 1000}

    return run


def _load(port: int, load: Load) -> LoadResult:
    return asyncio.run(
        run_load(
            ("127.0.0.1", port), n_messages=load.n_messages, content=load.content, n_sessions=load.n_sessions
        )
    )


def _figures(peer: Peer, before: float, result: LoadResult, seconds: float) -> Figures:
    return {
        "per_second": result.n_messages / seconds,
        "cpu_ms": (peer.cpu_s() - before) * 1000 / result.n_messages,
        "p50_ms": result.percentile_ms(50), "p99_ms": result.percentile_ms(99),
    }  # fmt: skip


def _n_kept(name: str, folder: Path) -> int:
    """How many messages a peer has in its queue, by its own files."""
    if name == "relay365":
        command = [
            sys.executable,
            "-m",
            "relay365",
            "status",
            "--json",
            "--config",
            str(folder / "relay365.toml"),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        counts = json.loads(result.stdout)["recipients"]
        return int(counts.get("queued", 0) + counts.get("claimed", 0))
    if name == "postfix":
        return sum(1 for path in (folder / "queue" / "hold").rglob("*") if path.is_file())
    if name == "exim":
        return n_queued(folder)
    return sum(1 for path in folder.iterdir() if path.is_file() and path.name.isdigit())


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise CountWrong(f"{wanted} were answered 250, {found} are there")


def _peak_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0.0
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024 if "VmHWM:" in text else 0.0


def _percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class _Asker:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(json.loads(self._line())["port"])

    def __call__(self) -> list[float]:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return list(json.loads(self._line()))

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.readline()


@contextmanager
def _stamp_sink() -> Iterator[_Asker]:
    command = [sys.executable, str(Path(__file__).with_name("stamp_sink.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield _Asker(process)
        process.terminate()


def cases(*, quick: bool) -> list[Case]:
    """All of them; quick ones are a tenth as long."""
    part = 10 if quick else 1
    both = ("relay365", "postfix")
    takers = (*both, "exim", "aiosmtpd")
    content = Load(1, 2048, 1).content
    return [
        Case("accept-2k-20", "accept, 2 KB, 20 sessions", takers, accept(Load(6000 // part, 2048, 20))),
        Case("accept-2k-100", "accept, 2 KB, 100 sessions", both, accept(Load(6000 // part, 2048, 100))),
        Case(
            "bare-2k-20",
            "accept, 2 KB without Date and To",
            both,
            accept(Load(6000 // part, 2048, 20, is_bare=True)),
        ),
        Case("accept-100k-20", "accept, 100 KB, 20 sessions", both, accept(Load(2000 // part, 102_400, 20))),
        Case("connect-2k-20", "accept, 2 KB, a connection each", both, connect(Load(3000 // part, 2048, 20))),
        Case(
            "relay-2k-20", "through to a sink, 2 KB, 20 sessions", both, through(Load(4000 // part, 2048, 20))
        ),
        Case("relay-100k-20", "through to a sink, 100 KB", both, through(Load(1500 // part, 102_400, 20))),
        Case("latency", "dot to arrival at 100 a second", both, latency(100, 10 // min(part, 5), content)),
        Case("memory", "memory (PSS)", both, memory),
        Case("large", "one message of 150 MB", both, large(150_000_000 // part)),
        Case("start", "process start to first 250", both, start(0)),
        Case("start-10k", "the same with 10,000 queued", ("relay365",), start(10_000 // part)),
    ]
