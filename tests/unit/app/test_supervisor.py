"""What systemd hears from us, on a real socket; and that mail goes on when it does not listen."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay365.app.supervisor import Supervisor


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The receiving end of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5.0)
        yield listening


def said(listening: socket.socket) -> list[str]:
    return listening.recv(4096).decode().split("\n")


def test_it_hears_that_we_are_ready_and_that_we_stop(systemd: socket.socket) -> None:
    """One datagram each, with a line for `systemctl status`."""
    supervisor = Supervisor.of({"NOTIFY_SOCKET": systemd.getsockname()}, 7)
    supervisor.ready("ready on 192.168.10.5:25")
    assert ["READY=1", "STATUS=ready on 192.168.10.5:25"] == said(systemd)
    supervisor.stopping()

    assert "STOPPING=1" == said(systemd)[0]


def test_the_watchdog_is_fed_twice_as_often_as_it_asks(systemd: socket.socket) -> None:
    """By the loop itself, until the task is cancelled."""

    async def story() -> None:
        environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "40000", "WATCHDOG_PID": "7"}
        task = asyncio.ensure_future(Supervisor.of(environment, 7).live())
        for _ in range(3):
            assert ["WATCHDOG=1"] == await asyncio.to_thread(said, systemd)
        task.cancel()

    asyncio.run(story())


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "40000", "WATCHDOG_PID": "8"}, {"WATCHDOG_USEC": "soon"}],
    ids=["no-supervisor", "another-process", "no-number"],
)
def test_where_nobody_asks_nothing_is_said(environment: dict[str, str]) -> None:
    """Outside systemd the relay runs as ever."""
    supervisor = Supervisor.of(environment, 7)
    supervisor.ready("ready")
    asyncio.run(asyncio.wait_for(supervisor.live(), 1.0))

    assert 0.0 == supervisor.watchdog_s


def test_an_abstract_socket_is_found() -> None:
    """An @ stands for the null octet (sd_notify(3))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(b"\0relay365-test-notify")
        listening.settimeout(5.0)
        Supervisor("@relay365-test-notify").ready("ready")

        assert "READY=1" == said(listening)[0]


def test_a_supervisor_that_is_gone_hurts_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line in the log, and mail goes on."""
    caplog.set_level(logging.WARNING)
    Supervisor(str(tmp_path / "nobody")).ready("ready")

    assert "supervisor.unheard" in caplog.text


def test_it_hears_that_a_changed_file_is_taken_up(systemd: socket.socket) -> None:
    """With the instant of the monotonic clock, by which it tells this reload from an earlier one; ready() ends it."""
    supervisor = Supervisor.of({"NOTIFY_SOCKET": systemd.getsockname()}, 7)
    before = time.monotonic_ns() // 1000
    supervisor.reloading()
    name, at = said(systemd)

    assert "RELOADING=1" == name
    assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
