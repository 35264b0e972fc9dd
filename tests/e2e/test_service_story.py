"""The relay as a service: what the supervisor hears of a real run, and that what packaging ships is sound."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.house import Relay

PACKAGING = Path(__file__).parents[2] / "packaging"
CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
"""
MOST_EXPOSED = 2.0  # of 10, as systemd-analyze security counts


def test_a_supervisor_hears_ready_life_and_stop(tmp_path: Path) -> None:
    """In this order, on the socket that it names; ready says where the relay listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20.0)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with Relay(tmp_path, CONFIG, env=environment) as relay:
            ready, first = systemd.recv(4096).decode(), systemd.recv(4096).decode()
            port = relay.port
            assert 0 == relay.stop()
        heard = [first]
        while not heard[-1].startswith("STOPPING=1"):
            heard.append(systemd.recv(4096).decode())

    assert f"READY=1\nSTATUS=ready on 127.0.0.1:{port}" == ready
    assert {"WATCHDOG=1"} == set(heard[:-1])


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed (Debian: systemd)"
)
def test_the_unit_is_sound_and_tight(tmp_path: Path) -> None:
    """systemd reads it without a word, and finds little that a broken relay could reach."""
    program = Path(sys.executable).with_name("relay365")
    text = (
        (PACKAGING / "relay365.service").read_text("utf-8").replace("/usr/local/bin/relay365", str(program))
    )
    (tmp_path / "relay365.service").write_text(text, "utf-8")
    read = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "relay365.service")], capture_output=True, text=True
    )
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(tmp_path / "relay365.service")],
        capture_output=True,
        text=True,
    )
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", judged.stdout)

    assert (0, "") == (read.returncode, read.stdout + read.stderr)
    assert exposure is not None, judged.stdout + judged.stderr
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_container_file_takes_what_is_there() -> None:
    """Every source of a COPY is in the tree; it runs as nobody special, and `relay365` is its command."""
    text = (PACKAGING / "Containerfile").read_text("utf-8")
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert copied
    assert [] == [source for source in copied if not (PACKAGING.parent / source).exists()]
    assert "USER relay365" in text
    assert 'ENTRYPOINT ["relay365"]' in text
