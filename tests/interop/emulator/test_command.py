"""`relay365 emulator` as a command: its ready line, its files, its restart, and how it refuses."""

from __future__ import annotations

import json
import smtplib
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "relay365", "emulator"]
KEYS = {
    "authority", "submission", "mx", "graph", "ca_file", "tenant", "tenant_id", "client_id", "client_secret",
    "secret_file", "certificate_file", "key_file", "mailboxes", "control", "hve", "acs", "acs_username",
    "hve_accounts", "connector_certificate_file", "connector_leaf_file", "connector_key_file", "public_root_file",
    "managed_identity", "upload", "workload_token_file",
}  # fmt: skip


def _refused(*arguments: str) -> tuple[int, list[str]]:
    """Exit code and the lines on standard error of a command that must not start."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
    assert "" == done.stdout
    return done.returncode, done.stderr.splitlines()


def test_the_ready_line_is_emulator_json(start: Any) -> None:
    """With --json the one line is the ready event with every key of emulator.json."""
    emulator = start()
    written = json.loads((emulator.directory / "emulator.json").read_text())

    assert {"event": "ready", **written} == emulator.facts
    assert set(written) == KEYS
    assert emulator.facts["client_secret"] == Path(emulator.facts["secret_file"]).read_text().strip()


def test_the_plain_ready_line(tmp_path: Path) -> None:
    """Without --json the one line is in words, and SIGTERM ends it with exit code 0 and nothing more said."""
    process = subprocess.Popen(
        [*COMMAND, "--dir", str(tmp_path / "d")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    rest, errors = process.communicate(timeout=30)

    assert line.startswith("the emulator is ready: submission 127.0.0.1:")
    assert (0, "", "") == (process.returncode, rest, errors)


def test_a_restart_keeps_what_clients_know(start: Any) -> None:
    """After a restart on the same directory the facts are the same, ports included, and an old token is good."""
    first = start()
    token, sender = first.token(), first.mailbox["address"]
    assert 0 == first.stop()
    second = start()

    assert first.facts == second.facts
    with smtplib.SMTP(*second.address, timeout=30) as client:
        client.starttls(context=second.tls())
        client.ehlo()
        code, _ = client.auth("XOAUTH2", lambda _=None: f"user={sender}\x01auth=Bearer {token}\x01\x01")
    assert 235 == code


def test_it_ends_while_connections_are_open(start: Any) -> None:
    """SIGTERM ends it although a submission connection and a control connection are idle."""
    emulator = start()
    links = [socket.create_connection(emulator.address)]
    host, _, port = emulator.facts["control"].removeprefix("http://").rpartition(":")
    links.append(socket.create_connection((host, int(port))))
    links[0].recv(1000)

    assert 0 == emulator.stop()
    for link in links:
        link.close()


def test_the_relay_configuration_is_what_the_relay_takes(start: Any, tmp_path: Path) -> None:
    """relay365.toml is a configuration that `relay365 config check` finds good."""
    emulator = start()
    file = emulator.directory / "relay365.toml"
    done = subprocess.run(
        [sys.executable, "-m", "relay365", "config", "check", "--config", str(file)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout + done.stderr
    assert emulator.facts["submission"] == tomllib.loads(file.read_text())["route"][0]["endpoint"]


def test_a_scenario(start: Any, tmp_path: Path) -> None:
    """A scenario sets tenant, mailboxes and moods before the ready line."""
    file = tmp_path / "scenario.toml"
    file.write_text(
        '[tenant]\ndomain = "x.test"\n[[mailbox]]\naddress = "a@x.test"\npassword = "given"\n'
        '[[mood]]\nname = "outage"\nhow = "greeting"\ncount = 1\n'
    )
    emulator = start("own", "--scenario", str(file))
    with socket.create_connection(emulator.address) as link:
        greeting = link.recv(1000)

    assert greeting.startswith(b"421 4.3.2")
    assert ("x.test", "given") == (emulator.facts["tenant"], emulator.mailbox["password"])
    assert emulator.token()


def test_given_ports_are_used(start: Any) -> None:
    """Ports that are given are those that listen."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    emulator = start("own", "--submission-port", str(port))

    assert ("127.0.0.1", port) == emulator.address


def test_a_taken_port(tmp_path: Path) -> None:
    """A port that another program has is exit code 1, with three lines."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option in ("--submission-port", "--authority-port", "--control-port"):
            code, lines = _refused("--dir", str(tmp_path / "d"), option, port)
            assert 1 == code
            assert ("what: the emulator cannot listen", 3) == (lines[0], len(lines))
            assert lines[1].startswith("why:  Address already in use")
            assert lines[2].startswith("do:   ")


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    """A directory that cannot be made is exit code 2 and named."""
    (tmp_path / "file").write_text("in the way")
    code, lines = _refused("--dir", str(tmp_path / "file" / "d"))

    assert (2, 3) == (code, len(lines))
    assert "cannot be used" in lines[0]


def test_a_second_one_on_the_directory(start: Any) -> None:
    """A second emulator on the same directory is exit code 2; the first goes on."""
    emulator = start()
    code, lines = _refused("--dir", str(emulator.directory))

    assert (2, "what: the emulator is running already") == (code, lines[0])
    assert emulator.token()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[tenant", "scenario.toml"),
        ("[tenant]\ndomian = 1", "scenario.toml: tenant.domian"),
        ('[[mood]]\nname = "slow"\nseconds = "long"', "scenario.toml: mood[0].seconds"),
    ],
)
def test_a_bad_scenario(tmp_path: Path, text: str, what: str) -> None:
    """A scenario with a fault is exit code 2; the first line names file and key."""
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    code, lines = _refused("--dir", str(tmp_path / "d"), "--scenario", str(file))

    assert (2, 3, f"what: {tmp_path}/{what}") == (code, len(lines), lines[0])


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    """A scenario file that cannot be read is exit code 2."""
    code, lines = _refused("--dir", str(tmp_path / "d"), "--scenario", str(tmp_path / "none.toml"))

    assert (2, "why:  No such file or directory") == (code, lines[1])


def test_only_loopback(tmp_path: Path) -> None:
    """An address that others could reach is refused for safety, exit code 4."""
    code, lines = _refused("--dir", str(tmp_path / "d"), "--host", "0.0.0.0")

    assert (4, "what: the emulator does not listen on 0.0.0.0") == (code, lines[0])
    assert not (tmp_path / "d").exists()
