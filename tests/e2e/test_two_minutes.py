"""From a clean machine to a delivered mail: what is installed is the wheel, and nothing of this tree is in reach.

The wheel is built here, as a release is, and goes into a fresh environment with all that it asks for, as pipx does it.
From then on the clock runs: installing, the wizard while an administrator runs its script, the relay, a device.
"""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import pytest

from e2e.administrator import Administrator
from e2e.conftest import WALL_TIME
from e2e.house import eventually
from e2e.microsoft import microsoft

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
BOUND_S = 120.0
"""What is promised: two minutes of wall time and one wizard."""

NOTHING_SET_UP = """
[tenant]
smtp_auth = false
[application]
roles = []
[[mailbox]]
address = "scan@contoso.com"
rights = false
[[mailbox]]
address = "ops@contoso.com"
"""
ANSWERS = """
mailbox = "scan@contoso.com"
networks = ["127.0.0.0/8"]
listeners = ["127.0.0.1:0"]
data = "data"
test_to = "ops@contoso.com"
reports_to = "ops@contoso.com"
wait = "60s"
result = "result.txt"
"""


@dataclass
class Stopwatch:
    """Seconds of each part, one after the other."""

    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.parts[name] = time.monotonic() - began

    @property
    def total(self) -> float:
        return sum(self.parts.values())

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.parts.items())
        return f"{self.total:.1f} s of {BOUND_S:.0f} ({parts})"


@dataclass(frozen=True)
class Machine:
    """An environment of its own, a folder to work in, and no variable of ours."""

    venv: Path
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        path = f"{self.venv / 'bin'}:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def install(self, wheel: Path) -> None:
        """Like pipx: an environment, and the wheel with what it asks for, in the versions that we have pinned.

        From the cache of packages, where they are there from the making of our own environment.
        """
        base = Path(sys.base_prefix) / "bin" / "python3"
        _run([UV, "venv", "-q", "--clear", "--python", str(base), str(self.venv)])
        order = [UV, "pip", "install", "-q", "--python", str(self.venv / "bin" / "python"),
                 "-c", str(ROOT / "requirements" / "run.txt"), str(wheel)]  # fmt: skip
        if subprocess.run([*order, "--offline"], capture_output=True, check=False).returncode != 0:
            _run(order)

    def run(self, *order: str) -> str:
        """What a command of this machine prints; it must end with 0."""
        done = subprocess.run(
            order, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=BOUND_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def relay(self) -> Iterator[int]:
        """`relay365 run` as a process; gives the port on which it listens."""
        order = [str(self.venv / "bin" / "relay365"), "run", "--config", "relay365.toml", "--json"]
        with subprocess.Popen(
            order,
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line, process.communicate()[1][-3000:]
                yield int(json.loads(line)["listeners"][0].rpartition(":")[2])
            finally:
                process.terminate()
                process.communicate(timeout=30)
        assert 0 == process.returncode


def _run(order: list[str]) -> None:
    done = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tree, outside of it."""
    made = tmp_path_factory.mktemp("wheel")
    _run([str(Path(sys.executable).with_name("hatchling")), "build", "-t", "wheel", "-d", str(made)])
    (one,) = made.iterdir()
    return one


def _send(port: int) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "scan@contoso.com", "ops@contoso.com", "First scan"
    mail.set_content("From a device.\n")
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as device:
        device.send_message(mail)


@pytest.mark.timeout(400)
def test_a_clean_machine_to_a_delivered_mail(
    wheel: Path, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    """One installation, one wizard, one command to run: a device's mail is in the mailbox within two minutes."""
    machine, watch = Machine(tmp_path / "venv", tmp_path / "clean"), Stopwatch()
    machine.folder.mkdir()
    with microsoft(tmp_path, NOTHING_SET_UP) as cloud:
        places = {
            "authority": "authority", "endpoint": "submission", "ca_file": "ca_file", "host": "mx",
            "graph_endpoint": "graph",
        }  # fmt: skip
        more = "".join(f'{key} = "{cloud.facts[fact]}"\n' for key, fact in places.items())
        (machine.folder / "answers.toml").write_text(ANSWERS + more, "utf-8")
        admin = Administrator(cloud, machine.folder)
        with watch.part("installing"):
            machine.install(wheel)
        admin.start()
        with watch.part("the wizard"):
            said = machine.run("relay365", "init", "--answers", "answers.toml", "--config", "relay365.toml")
        admin.join()
        with watch.part("the relay and a device"), machine.relay() as port:
            _send(port)
            eventually(lambda: 2 == len(cloud.control.messages()))
        contents = [cloud.control.content(one["number"]) for one in cloud.control.messages()]
    record_property(WALL_TIME, str(watch))

    assert "delivered to Microsoft" in said
    assert [b"relay365 works", b"First scan"] == [
        name
        for content in contents
        for name in (b"relay365 works", b"First scan")
        if b"Subject: " + name in content
    ]
    assert watch.total < BOUND_S, str(watch)


def test_what_is_installed_is_whole(wheel: Path, tmp_path: Path) -> None:
    """The program runs from its own environment alone, with its data files and its documents."""
    machine = Machine(tmp_path / "venv", tmp_path / "clean")
    machine.folder.mkdir()
    machine.install(wheel)
    paths = machine.run(
        "python", "-c", "import relay365, sys; print(relay365.__file__, *sys.path, sep='\\n')"
    )

    assert paths.startswith(f"{machine.venv}{os.sep}")
    assert [] == [path for path in paths.splitlines() if Path(path).is_relative_to(ROOT)]
    assert "smtp-auth-disabled-tenant" in machine.run(
        "relay365", "explain", "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant"
    )
    assert "relay.contoso.com" in machine.run("relay365", "docs", "apps")
    assert "New-ServicePrincipal" in machine.run(
        "relay365", "app", "script", "--tenant", "contoso.com", "--mailbox", "scan@contoso.com"
    )
