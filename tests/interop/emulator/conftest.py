"""An emulator as a process of its own, and its control API with the standard library only."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DEADLINE_S = 30.0


class Emulator:
    """`relay365 emulator` on a directory; facts is its ready line."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self._log = directory.with_suffix(".log")
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "relay365", "emulator", "--dir", str(directory), "--json", *arguments],
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the emulator did not start: {self._log.read_text()}")
        self.facts: dict[str, Any] = json.loads(line)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.facts["submission"].rpartition(":")
        return host, int(port)

    def at(self, service: str) -> tuple[str, int]:
        """Address and port of one of the SMTP services."""
        host, _, port = self.facts[service].rpartition(":")
        return host, int(port)

    @property
    def mailbox(self) -> dict[str, Any]:
        return self.facts["mailboxes"][0]

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.facts["ca_file"])
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python knows no minimum
        return context

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request of the control API; gives (status, JSON or octets)."""
        link = http.client.HTTPConnection(self.facts["control"].removeprefix("http://"), timeout=DEADLINE_S)
        with contextlib.closing(link):
            link.request(method, path, None if body is None else json.dumps(body))
            answer = link.getresponse()
            octets = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(octets) if is_json else octets

    def mood(self, name: str, **values: object) -> None:
        status, answer = self.call("POST", "/moods", {"name": name, **values})
        assert 201 == status, answer

    def messages(self) -> list[dict[str, Any]]:
        return self.call("GET", "/messages")[1]

    def stats(self) -> dict[str, Any]:
        return self.call("GET", "/stats")[1]

    def token_request(self, form: dict[str, str], tenant: str = "") -> tuple[int, Any, dict[str, str]]:
        """A POST to the token endpoint; gives (status, body, headers)."""
        from urllib.parse import urlencode

        where = self.facts["authority"].removeprefix("https://")
        link = http.client.HTTPSConnection(where, timeout=DEADLINE_S, context=self.tls())
        path = f"/{tenant or self.facts['tenant']}/oauth2/v2.0/token"
        with contextlib.closing(link):
            link.request("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
            answer = link.getresponse()
            return answer.status, json.loads(answer.read()), dict(answer.headers)

    def token(self, **changes: str) -> str:
        """A token by client secret, without MSAL."""
        form = {
            "grant_type": "client_credentials", "client_id": self.facts["client_id"],
            "client_secret": self.facts["client_secret"], "scope": "https://outlook.office365.com/.default",
        }  # fmt: skip
        status, body, _ = self.token_request(form | changes)
        assert 200 == status, body
        return body["access_token"]

    def xoauth2(self, mailbox: str = "") -> str:
        mailbox = mailbox or self.mailbox["address"]
        return base64.b64encode(f"user={mailbox}\x01auth=Bearer {self.token()}\x01\x01".encode()).decode()

    def reset(self) -> None:
        """Back to a healthy tenant without mail."""
        self.call("DELETE", "/moods")
        self.call("DELETE", "/messages")
        self.call(
            "PATCH", "/application", {"requests_per_minute": 100_000}
        )  # a whole run asks for many tokens
        for mailbox in self.facts["mailboxes"]:
            self.call("DELETE", f"/mailboxes/{mailbox['address']}/usage")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


class Wire:
    """A raw connection: what is said is what is sent."""

    def __init__(self, address: tuple[str, int], *, greeted: bool = True) -> None:
        self.socket = socket.create_connection(address, timeout=DEADLINE_S)
        self._octets = b""
        self.greeting = self.reply() if greeted else ""

    def line(self) -> str:
        """One line; "" at the end of the connection."""
        while b"\n" not in self._octets:
            block = self.socket.recv(65536)
            if not block:
                return ""
            self._octets += block
        line, _, self._octets = self._octets.partition(b"\n")
        return line.decode().rstrip("\r")

    def reply(self) -> str:
        """One whole reply, its lines joined by newlines."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def say(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def rest(self) -> bytes:
        """Everything until the connection ends."""
        octets, self._octets = self._octets, b""
        while block := self.socket.recv(65536):
            octets += block
        return octets

    def pour(self, octets: bytes, times: int) -> None:
        """Send the same octets many times."""
        for _ in range(times):
            self.socket.sendall(octets)

    def start_tls(self, context: ssl.SSLContext) -> None:
        assert self.say("STARTTLS").startswith("220")
        self.socket = context.wrap_socket(
            self.socket, server_hostname="localhost", suppress_ragged_eofs=False
        )
        self._octets = b""

    def sign_in(self, emulator: Emulator, mailbox: str = "") -> None:
        """EHLO, STARTTLS, EHLO, AUTH XOAUTH2."""
        self.say("EHLO wire.test")
        self.start_tls(emulator.tls())
        self.say("EHLO wire.test")
        answer = self.say(f"AUTH XOAUTH2 {emulator.xoauth2(mailbox)}")
        assert answer.startswith("235"), answer

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for the whole run."""
    emulator = Emulator(tmp_path_factory.mktemp("emulator") / "directory")
    yield emulator
    assert 0 == emulator.stop()


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """The emulator, healthy and without mail, whatever a test before did."""
    running.reset()
    yield running
    running.reset()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Starts emulators of the test's own, by directory name and further arguments."""
    started: list[Emulator] = []

    def begin(name: str = "own", *arguments: str) -> Emulator:
        started.append(Emulator(tmp_path / name, *arguments))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[Any]:
    """Opens raw connections to the emulator's submission port, or to that of another service."""
    opened: list[Wire] = []

    def begin(service: str = "submission", *, greeted: bool = True) -> Wire:
        opened.append(Wire(emulator.at(service), greeted=greeted))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


@pytest.fixture
def wire_at() -> Iterator[Any]:
    """Opens raw connections to any address."""
    opened: list[Wire] = []

    def begin(address: tuple[str, int]) -> Wire:
        opened.append(Wire(address))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()
