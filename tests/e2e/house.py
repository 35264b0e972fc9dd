"""What the stories need: a relay as a process, a foreign sink, and mail of every kind."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

from relay365.trial import mail as trial_mail

DEADLINE_S = 30.0


@dataclass
class Delivered:
    """One message that the sink has answered 250."""

    reverse_path: str
    recipients: list[str]
    content: bytes


@dataclass
class Sink:
    """aiosmtpd as next hop: software that we did not write. refuse maps a recipient to its reply; port 0: any."""

    refuse: dict[str, str] = field(default_factory=dict)
    data_replies: list[str] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    size_limit: int = 200_000_000
    port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        with self._lock:
            if self.data_replies:
                return self.data_replies.pop(0)
            self.delivered.append(
                Delivered(envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content)
            )
        return "250 2.0.0 taken"

    def __enter__(self) -> Self:
        self._controller = Controller(
            self, hostname="127.0.0.1", port=0, data_size_limit=self.size_limit, enable_SMTPUTF8=True
        )
        self._controller.port = self.port or _free_port()
        self._controller.start()
        self.address = f"127.0.0.1:{self._controller.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Relay:
    """`relay365 run` as a process of its own; use as a context, or start(), kill() and start() again."""

    module = "relay365"  # what is run

    def __init__(self, directory: Path, config: str, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.config_file = directory / "relay365.toml"
        self.config_file.write_text(config)
        self.log_file = directory / "relay.log"
        self.environ = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}

    def start(self) -> Self:
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, "run", "--config", str(self.config_file), "--json"],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.directory, env=self.environ,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"relay365 did not start: {self.log_file.read_text()[-3000:]}")
        self.ready = json.loads(line)
        return self

    @property
    def port(self) -> int:
        return int(self.ready["listeners"][0].rpartition(":")[2])

    @property
    def ports(self) -> list[int]:
        return [int(address.rpartition(":")[2]) for address in self.ready["listeners"]]

    @property
    def ca_file(self) -> Path:
        """The authority of the certificate that the relay made for itself."""
        return self.directory / "data" / "tls" / "ca.pem"

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another relay365 command with the same configuration."""
        return subprocess.run(
            [sys.executable, "-m", "relay365", *arguments, "--config", str(self.config_file)],
            capture_output=True, text=True, input=stdin, timeout=DEADLINE_S, cwd=self.directory, env=self.environ,
        )  # fmt: skip

    def queue(self) -> list[dict[str, Any]]:
        result = self.command("queue", "list", "--json")
        assert result.returncode in (0, 1), result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def send(
        self, content: bytes, sender: str = "scan@contoso.com", to: tuple[str, ...] = ("lena@fabrikam.com",)
    ) -> str:
        """Send with smtplib; gives the text of the final 250."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=DEADLINE_S) as client:
            client.ehlo("device.test")
            client.mail(sender)
            for address in to:
                code, text = client.rcpt(address)
                assert code == 250, text
            code, text = client.data(content)
            assert code == 250, (code, text)
            return text.decode()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self.close_pipes()

    def close_pipes(self) -> None:
        """Let go of a process that has ended."""
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()


TODAY = formatdate()
"""A Date that no repair touches: one of these days, and the same for all of a run."""


def eventually(claim: Any, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until claim() is true; gives its value, or fails with the last one."""
    until = time.monotonic() + deadline_s
    while True:
        value = claim()
        if value or time.monotonic() > until:
            assert value, f"not within {deadline_s} s"
            return value
        time.sleep(0.02)


def without_trace(content: bytes) -> bytes:
    """The content without what the relay put in front: its Received, and the fields that were missing."""
    assert content.startswith(b"Received: ")
    return trial_mail.without_trace(content)


SMARTHOST = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "{host}"
tls = "none"
"""

UNREPAIRED = """
[repair]
date = "none"
sender = false
recipient = false
raw_headers = false
syntax = false
parts = false
"""
"""What a story adds that compares octets: only a missing Message-ID is added then."""
