"""relay365's own services as processes of their own, so that a trial sees what a user would see.

A service is started by its command with --json; its first line on standard output says that it is ready. What it
writes to standard error goes to a file beside its data.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from relay365.errors import Relay365Error

READY_S = 30.0
END_S = 15.0


class ServiceDied(Relay365Error):
    """A service ended before it was ready, or did not end when it was told to; the text has the end of its log."""


class Service:
    """One process; start() it or use it as a context. ready: what its ready line said.

    program: what the interpreter runs; relay365 itself, or what stands in for it in a trial.
    """

    def __init__(
        self, name: str, arguments: list[str], log_file: Path, program: Sequence[str] = ("-m", "relay365")
    ) -> None:
        self.name, self.log_file, self._program = name, log_file, program
        self.ready: dict[str, Any] = {}
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id; 0 before start()."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it and wait for its ready line; raises ServiceDied."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, *self._program, *self._arguments, "--json"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, encoding="utf-8",
            )  # fmt: skip
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        try:
            self.ready = json.loads(line)
        except ValueError:
            self.stop()
            raise ServiceDied(f"{self.name} did not start: {self._last_words()}") from None

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(END_S)

    def stop(self) -> int:
        """End it in order; gives its exit code. Harmless when it has ended."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait(END_S)
        if process.stdout is not None:
            process.stdout.close()
        return code

    def _last_words(self) -> str:
        return self.log_file.read_text("utf-8", "replace")[-2000:].strip() or "it said nothing"


def relay(config_file: Path, program: Sequence[str] = ("-m", "relay365")) -> Service:
    """`relay365 run` on a configuration. program: as in Service."""
    arguments = ["run", "--config", str(config_file)]
    return Service("relay", arguments, config_file.parent / "relay.log", program)


def emulator(directory: Path, scenario: Path | None = None) -> Service:
    """`relay365 emulator` in a directory of its own, with its scenario file where there is one."""
    chosen = ["--scenario", str(scenario)] if scenario is not None else []
    command = ["emulator", "--dir", str(directory), *chosen]
    return Service("emulator", command, directory.parent / "emulator.log")
