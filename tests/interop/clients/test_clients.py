"""Clients that we did not write deliver through a relay: plain, STARTTLS and implicit TLS, with PLAIN and LOGIN."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.programs import LOGIN, PASSWORD, PROGRAMS, RECIPIENT, SENDER, Order
from e2e.house import SMARTHOST, Relay, Sink, eventually, without_trace

MODES = {
    "plain": ("", ""),
    "starttls": ("starttls", ""),
    "starttls-login": ("starttls", "LOGIN"),
    "starttls-plain": ("starttls", "PLAIN"),
    "implicit-login": ("implicit", "LOGIN"),
    "implicit-plain": ("implicit", "PLAIN"),
}
CONTENT = (
    b"From: Copier <scan@contoso.com>\r\nTo: lena@fabrikam.com\r\nSubject: {mark}\r\n"
    b"Message-ID: <{mark}@device.test>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n"
    b"first line\r\n.\r\n..two dots\r\n. one dot\r\n\r\n" + b"x" * 900 + b"\r\nend\r\n"
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sink, Relay]]:
    """A relay with a plain and an implicit listener, in front of a sink."""
    with Sink() as sink:
        config = SMARTHOST.format(host=sink.address).replace(
            "[[allow]]", '[[listener]]\naddress = "127.0.0.1:0"\ntls = "implicit"\n[[allow]]'
        )
        relay = Relay(tmp_path_factory.mktemp("clients"), config)
        assert relay.command("user", "add", LOGIN, "--password-stdin", stdin=PASSWORD).returncode == 0
        with relay:
            yield sink, relay


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_foreign_client_delivers(name: str, mode: str, house: tuple[Sink, Relay], tmp_path: Path) -> None:
    """What the client sends arrives at the next hop octet for octet, behind our trace."""
    program, send = PROGRAMS[name]
    if program and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: see requirements/debian.txt")
    sink, relay = house
    tls, mechanism = MODES[mode]
    mark = f"{name}-{mode}-{next(_numbers)}".encode()
    content = CONTENT.replace(b"{mark}", mark)
    file = tmp_path / "message.eml"
    file.write_bytes(content)
    send(Order(relay.ports[1] if tls == "implicit" else relay.port, file, relay.ca_file, tls, mechanism))

    def arrived() -> list[bytes]:
        return [
            without_trace(one.content)
            for one in sink.delivered
            if mark in one.content and (one.reverse_path, one.recipients) == (SENDER, [RECIPIENT])
        ]

    assert [content] == eventually(arrived)
    trace = next(one.content for one in sink.delivered if mark in one.content)
    wanted = b"with ESMTP" + b"S" * bool(tls) + b"A" * bool(mechanism) + b" id "
    assert wanted in trace.partition(b"From:")[0]
