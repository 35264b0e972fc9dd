"""packaging/Containerfile, built and run with the flags of docs/start-container.md: mail in, and mail that stays.

`make container`; not in `make test`, because it makes a Debian for the image and loads all that the relay stands on:
three minutes on two busy cores.
"""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from container.engine import Engine, lacks
from e2e.house import SMARTHOST, Sink, eventually

ROOT = Path(__file__).parents[2]
FLAGS = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--stop-timeout", "20"]
STOP_S = 10.0
pytestmark = pytest.mark.timeout(600)


class Container:
    """One relay in a container of the host's network; its volume outlives it."""

    def __init__(self, engine: Engine, folder: Path, next_hop: str) -> None:
        self.engine, self._n_ready = engine, 0
        self._config = folder / "relay365.toml"
        text = SMARTHOST.format(host=next_hop).replace('"./data"', '"/var/lib/relay365"')
        self._config.write_text(text, "utf-8")
        self._config.chmod(0o644)

    def make(self) -> None:
        """A new one on the volume, as the page says, but for the ports."""
        mounts = ["-v", "relay365:/var/lib/relay365", "-v", f"{self._config}:/etc/relay365/relay365.toml:ro"]
        self.engine.run("run", "-d", "--name", "relay365", "--network", "host", *FLAGS, *mounts, "relay365")
        self._n_ready = 0

    def port(self) -> int:
        """Where this life of it listens."""
        self._n_ready += 1
        lines = eventually(self._ready_lines)
        return int(json.loads(lines[-1])["listeners"][0].rpartition(":")[2])

    def _ready_lines(self) -> list[str]:
        said = self.engine.run("logs", "relay365").stdout
        lines = [line for line in said.splitlines() if line.startswith('{"event": "ready"')]
        return lines if len(lines) >= self._n_ready else []

    def command(self, *order: str, good: int | None = 0) -> str:
        """A command inside; as the user that is there."""
        return self.engine.run("exec", "relay365", *order, good=good).stdout

    def waiting(self) -> list[str]:
        said = self.command("relay365", "queue", "list", "--json", good=None)
        return sorted(str(json.loads(line)["id"]) for line in said.splitlines())


def _send(port: int, n: int) -> list[str]:
    """Mail of a device; gives the queue's name for each."""
    queued = []
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as device:
        device.ehlo("copier.test")
        for k in range(n):
            device.mail("scan@contoso.com")
            device.rcpt("lena@fabrikam.com")
            code, text = device.data(f"From: scan@contoso.com\r\nSubject: page {k}\r\n\r\nx\r\n")
            assert 250 == code, text
            queued.append(text.decode().split()[-1])
    return sorted(queued)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """With the image in it, built as the page says."""
    assert "" == lacks()
    with Engine(tmp_path_factory.mktemp("engine")) as made:
        made.make_base()
        certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"  # a machine may have authorities of its own
        made.run(
            "build", "--isolation=chroot", "--pull-never", "--format=docker", "-v", certificates,
            "-f", "packaging/Containerfile", "-t", "relay365", ".",
        )  # fmt: skip
        yield made


def test_the_image_says_how_it_is_run(engine: Engine) -> None:
    """Who it is, how it ends, how it is asked whether it is well; and the page has the flags that are tried here."""
    (found,) = json.loads(engine.run("inspect", "relay365").stdout)
    page = (ROOT / "docs" / "start-container.md").read_text("utf-8")
    settings: dict[str, Any] = found["Config"]

    assert ("relay365", "SIGTERM", ["relay365"]) == (
        settings["User"],
        settings["StopSignal"],
        settings["Entrypoint"],
    )
    assert ["/var/lib/relay365"] == list(settings["Volumes"])
    assert "relay365 status" in found["Healthcheck"]["Test"][1]
    assert " ".join(FLAGS) in page


def test_mail_outlives_the_container(engine: Engine, tmp_path: Path) -> None:
    """Restarted, killed, made anew on the same volume: all that was answered 250 is there, and arrives once."""
    with Sink() as sink:
        address = sink.address
    container = Container(engine, tmp_path, address)  # where nobody answers now
    container.make()
    sent = _send(container.port(), 3)
    rights = container.command(
        "sh", "-c", "id -u; id -g; grep CapBnd /proc/1/status; touch /mark || echo read-only"
    )

    assert ["10025", "10025", "CapBnd:", "0000000000000000", "read-only"] == rights.split()
    assert sent == container.waiting()
    engine.run("healthcheck", "run", "relay365")

    began = time.monotonic()
    engine.run("restart", "relay365")
    assert time.monotonic() - began < STOP_S
    sent = sorted([*sent, *_send(container.port(), 1)])
    assert sent == container.waiting()

    engine.run("kill", "--signal", "KILL", "relay365")
    engine.run("start", "relay365")
    container.port()
    assert sent == container.waiting()

    engine.run("stop", "relay365")
    assert "0" == engine.run("inspect", "--format", "{{.State.ExitCode}}", "relay365").stdout.strip()
    engine.run("rm", "relay365")
    container.make()
    container.port()
    assert sent == container.waiting()
    with Sink(port=int(address.rpartition(":")[2])) as sink:
        container.command("relay365", "queue", "retry", "--all", "--yes")
        eventually(lambda: [] == container.waiting())
        assert len(sent) == len(sink.delivered)


def test_a_killed_one_forgets_that_it_was_drained(engine: Engine) -> None:
    """Every life in a container has the same process number: the order of a former one is no order."""
    engine.run("exec", "--detach", "relay365", "relay365", "drain")
    eventually(lambda: "DRAINING" in _status(engine))
    engine.run("kill", "--signal", "KILL", "relay365")
    engine.run("start", "relay365")
    eventually(lambda: ", up " in _status(engine))

    assert "DRAINING" not in _status(engine)


def _status(engine: Engine) -> str:
    return engine.run("exec", "relay365", "relay365", "status", good=None).stdout
