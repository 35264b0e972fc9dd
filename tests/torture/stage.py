"""The stage of every harness: the sink's process, the relay's data looked at from outside, and lives of the relay."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw

from crash.scene import config
from e2e.house import DEADLINE_S, Relay, eventually

TESTS = Path(__file__).resolve().parents[1]


class Sink:
    """torture.sink as a process. address: host:port; arrivals(): what it has taken so far.

    delay_s: how long after it has taken a message it says so. module: another one, that takes something else instead.
    """

    def __init__(self, directory: Path, delay_s: float = 0.0, *, module: str = "torture.sink") -> None:
        self._record = directory / "sink.record"
        self._record.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(self._record), str(delay_s)],
            cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.address = f"127.0.0.1:{json.loads(self._process.stdout.readline())['port']}"

    def arrivals(self) -> list[tuple[str, str]]:
        """(name, hash) of every message that was answered 250, in order."""
        return [(name, digest) for name, digest, _ in self._lines()]

    def envelopes(self) -> list[str]:
        """Reverse-path and forward-paths of every message, joined by >."""
        return [envelope for _, _, envelope in self._lines()]

    def _lines(self) -> list[list[str]]:
        return [line.split(" ", 2) for line in self._record.read_text().split("\n")[:-1]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE_S)
        self._process.stdout.close()


def relay_on(directory: Path, host: str, *, data: str = "./data", env: dict[str, str] | None = None) -> Relay:
    """A relay that tries again every second and has no other limits; no TLS, which is another test's subject."""
    text = config(host, data=data).replace(
        'address = "127.0.0.1:0"\n', 'address = "127.0.0.1:0"\ntls = "none"\n'
    )
    return Relay(directory, text, env)


@contextmanager
def in_hand(relay: Relay) -> Iterator[Relay]:
    """A relay that is started and ended inside; whatever happens there, it does not outlive it."""
    try:
        yield relay
    finally:
        if relay.process is not None and relay.process.poll() is None:
            end_life(relay)


def end_life(relay: Relay) -> None:
    """kill -9, and everything of that process is let go."""
    relay.kill()
    relay.close_pipes()


def end_in_order(relay: Relay) -> int | None:
    """SIGTERM; gives the exit code, None when it did not end and had to be killed."""
    try:
        return relay.stop()
    except subprocess.TimeoutExpired:
        relay.kill()
        return None
    finally:
        relay.close_pipes()


def drained(data: Path, deadline_s: float = DEADLINE_S) -> None:
    """Wait until nothing is queued or claimed; beside the running relay."""
    eventually(lambda: not is_waiting(data), deadline_s)


def is_waiting(data: Path) -> bool:
    """Whether anything is queued or claimed; beside the running relay."""
    return bool(query(data, "SELECT 1 FROM recipient WHERE state IN ('queued', 'claimed') LIMIT 1"))


def query(data: Path, sql: str) -> list[Any]:
    """Ask the database beside the running relay."""
    connection = apsw.Connection(str(data / "spool.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(5000)
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def query_at_rest(data: Path, sql: str) -> list[Any]:
    """Ask the database of a relay that is dead, on a copy: to open it would already repair it."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("spool.db", "spool.db-wal"):
            if (data / name).exists():
                shutil.copyfile(data / name, Path(copy) / name)
        connection = apsw.Connection(str(Path(copy) / "spool.db"))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def on_its_way(data: Path) -> list[str]:
    """The names of the messages that were claimed when the relay died: those may come once more.

    None where the database cannot be read: then nothing explains a message that comes twice.
    """
    sql = "SELECT message_id FROM message JOIN recipient USING (seq) WHERE state = 'claimed'"
    try:
        rows = query_at_rest(data, sql)
    except apsw.Error:
        return []
    return [name_of(message_id) for (message_id,) in rows]


def name_of(message_id: str) -> str:
    """What stands between < and @."""
    return message_id[1:].partition("@")[0]


def orphans(data: Path) -> list[str]:
    """Segments that no row names."""
    named = {
        name for (name,) in query(data, "SELECT DISTINCT segment FROM message WHERE segment IS NOT NULL")
    }
    return sorted(file.name for file in (data / "segments").iterdir() if file.name not in named)


def faults_in_log(relay: Relay) -> Sequence[str]:
    """Tracebacks that the relay wrote: a service must speak to people."""
    return [line for line in relay.log_file.read_text(errors="replace").splitlines() if "Traceback" in line]
