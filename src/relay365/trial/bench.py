"""Measures a relay of its own: durable accepting alone, and the whole way to a next hop until the queue is empty."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from relay365.clock import SystemClock
from relay365.mail.headers import date_time
from relay365.trial.load import LoadResult, run_load
from relay365.trial.process import Service, relay

_CONFIG = """\
[server]
data = "./data"
max_sessions_per_address = 1000
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:{port}"
tls = "none"
[log]
level = "error"
"""
_LINE = b"0123456789 the quick brown fox jumps over the lazy dog 0123456789 0123456\r\n"
_NOBODY = 9  # the discard port: nothing listens there, so that mail is accepted and stays


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: n_messages of size_octets over n_sessions connections.

    is_bare: without Date and To, as many devices write it, so that there is something to put right.
    """

    n_messages: int
    size_octets: int
    n_sessions: int
    is_bare: bool = False

    @property
    def content(self) -> bytes:
        """A message of this size."""
        head = b"From: bench@relay.example\r\nMessage-ID: <bench@relay.example>\r\nSubject: bench\r\n"
        if not self.is_bare:
            head += f"To: bench@sink.example\r\nDate: {date_time(SystemClock().now())}\r\n".encode("ascii")
        head += b"\r\n"
        return head + _LINE * max(1, (self.size_octets - len(head)) // len(_LINE))


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: cpu_ms is the relay's CPU time per message, None where the system does not tell."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float | None = None


def accept(load: Load, folder: Path) -> Figures:
    """Durable accepting alone: what comes in stays in the queue."""
    with relay(_configured(folder, _NOBODY)) as service:
        before = _cpu_s(service.pid)
        result = asyncio.run(_send(_address(service), load))
        return _figures(result, before, _cpu_s(service.pid), result.per_second)


def through(load: Load, folder: Path) -> Figures:
    """The whole way: from the first connect until the next hop has everything."""
    with sink_process() as sink, relay(_configured(folder, sink.port)) as service:
        before, began = _cpu_s(service.pid), time.perf_counter()
        result = asyncio.run(_send(_address(service), load))
        while sink.n_messages() < load.n_messages:
            if time.perf_counter() - began > 300.0:
                raise TimeoutError("not delivered within 300 s")
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        return _figures(result, before, _cpu_s(service.pid), load.n_messages / seconds)


def peer(load: Load, address: tuple[str, int]) -> Figures:
    """The same load against another server."""
    result = asyncio.run(_send(address, load))
    return _figures(result, None, None, result.per_second)


async def _send(address: tuple[str, int], load: Load) -> LoadResult:
    return await run_load(
        address, n_messages=load.n_messages, content=load.content, n_sessions=load.n_sessions
    )


def _configured(folder: Path, port: int) -> Path:
    folder.mkdir(parents=True)
    file = folder / "relay365.toml"
    file.write_text(_CONFIG.format(port=port), "utf-8")
    return file


def _address(service: Service) -> tuple[str, int]:
    host, _, port = service.ready["listeners"][0].rpartition(":")
    return host, int(port)


def _figures(result: LoadResult, before: float | None, after: float | None, per_second: float) -> Figures:
    cpu_ms = None
    if before is not None and after is not None and result.n_messages:
        cpu_ms = (after - before) * 1000 / result.n_messages
    return Figures(per_second, result.percentile_ms(50), result.percentile_ms(99), cpu_ms)


def _cpu_s(pid: int) -> float | None:
    """User and system seconds of a process (proc(5)), None where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class SinkProcess:
    """The next hop as a process of its own; it answers a line with its count."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(json.loads(self._line())["port"])

    def n_messages(self) -> int:
        """How many it has."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(json.loads(self._line())["messages"])

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.readline()


@contextmanager
def sink_process(port: int = 0) -> Iterator[SinkProcess]:
    """A next hop that counts (trial.sink), as a process of its own; on a free port where none is named."""
    command = [sys.executable, "-m", "relay365.trial.sink", str(port)]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        yield SinkProcess(process)
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe; its end ends the sink
