"""Backups of a relay that works: taken under load, restored elsewhere, and sent on by a second relay."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, UNREPAIRED, Relay, Sink, eventually
from relay365.clock import SystemClock
from relay365.spool.api import Selection
from relay365.spool.sqlite import SqliteSpool

PASSPHRASE = "correct horse battery"
SIZES = (200, 50_000, 1_200_000)  # in the database, in a shared segment, in one of its own
LATER = "later@fabrikam.com"
N_BACKUPS = 3


class Load:
    """Devices that send without a pause, each message once; accepted: number -> content, from the moment of its 250."""

    def __init__(self, relay: Relay, n_devices: int = 3) -> None:
        self._relay = relay
        self.accepted: dict[int, bytes] = {}
        self._numbers = iter(range(1_000_000))
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._devices = [threading.Thread(target=self._send) for _ in range(n_devices)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for one in self._devices:
            one.start()
        try:
            yield
        finally:
            self._is_over.set()
            for one in self._devices:
                one.join()

    def _send(self) -> None:
        with smtplib.SMTP("127.0.0.1", self._relay.port, timeout=30) as client:
            while not self._is_over.is_set():
                with self._lock:
                    n = next(self._numbers)
                content = _content(n)
                to = LATER if n % 4 == 0 else "lena@fabrikam.com"
                client.sendmail("scan@contoso.com", [to], content)
                self.accepted[n] = content


def _content(n: int) -> bytes:
    head = f"Message-ID: <{n}@device.test>\r\nSubject: {n}\r\n\r\n".encode()
    line = f"{n:07d} ".encode() * 9 + b"\r\n"
    return head + line * (SIZES[n % 3] // len(line)) + b"the end\r\n"


def _number(content: bytes) -> int:
    return int(content.partition(b"Message-ID: <")[2].partition(b"@")[0])


def _held(data: Path) -> dict[int, bytes]:
    """What a restored queue holds, by number, each content read to its end."""

    async def story() -> dict[int, bytes]:
        spool = await SqliteSpool.open(data, clock=SystemClock(), exclusive=False)
        found = {}
        for view in await spool.list(Selection(limit=100_000)):
            states = {r.state.value for r in view.recipients}
            if states == {"delivered"}:
                continue
            assert states == {"held"}
            content = await spool.content(view.spool_id)
            assert content is not None
            octets = b"".join([block async for block in content.blocks()])
            found[_number(octets)] = octets
        await spool.close()
        return found

    return asyncio.run(story())


def _command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "relay365", *arguments],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environ}, check=False,
    )  # fmt: skip


def test_a_backup_under_load_has_every_mail_that_was_accepted(tmp_path: Path) -> None:
    """While devices send and a next hop takes, backup after backup: each has every message that was answered 250 before
    it began and was not delivered when it ended, whole to the octet; the relay never stops taking mail.
    """
    home = tmp_path / "relay"
    home.mkdir()
    with Sink(refuse={LATER: "450 4.2.1 later"}) as sink:
        config = SMARTHOST.format(host=sink.address) + UNREPAIRED + '[queue]\nretry = ["1s"]\n'
        with Relay(home, config) as relay:
            load = Load(relay)
            with load.running():
                eventually(lambda: len(load.accepted) > 30)
                for n in range(N_BACKUPS):
                    before = dict(load.accepted)
                    made = relay.command("backup", "create", str(tmp_path / f"{n}.tar.gz"), "--json")
                    delivered = {_number(one.content) for one in sink.delivered}
                    assert 0 == made.returncode, made.stderr + made.stdout
                    assert len(load.accepted) > len(before), "the devices had to wait for the backup"
                    _prove(tmp_path / f"{n}.tar.gz", tmp_path / f"new-{n}", before, delivered)

    assert [] == [one for one in (home / "data").iterdir() if one.name == "backup"]
    assert "spool" not in (home / "relay.log").read_text().replace("spool.begun", "")


def _prove(file: Path, to: Path, before: dict[int, bytes], delivered: set[int]) -> None:
    verified = _command("backup", "verify", str(file), "--json")
    assert 0 == verified.returncode, verified.stdout + verified.stderr
    restored = _command("backup", "restore", str(file), "--to", str(to), "--json")
    assert 0 == restored.returncode, restored.stderr
    held = _held(to)
    assert set() == {n for n in before if n not in delivered} - set(held)
    assert len(held) == json.loads(restored.stdout)["waiting"]
    assert set() == {n for n, octets in held.items() if octets != _content(n)}


def test_a_lost_machine_comes_back(tmp_path: Path) -> None:
    """Sealed backup, machine gone, restored with its configuration on a new one: the relay starts, sends nothing by
    itself, and everything once a person releases it; a login and the certificate are the old ones.
    """
    home, new = tmp_path / "relay", tmp_path / "new"
    home.mkdir()
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    sealed = ("--passphrase-file", str(tmp_path / "passphrase"))
    with Sink(refuse={LATER: "450 4.2.1 later"}) as sink:
        with Relay(home, SMARTHOST.format(host=sink.address) + UNREPAIRED) as relay:
            relay.command("user", "add", "copier", "--password-stdin", stdin="a password of 20 letters")
            for n in range(0, 24, 4):
                relay.send(_content(n), to=(LATER,))
            assert 0 == relay.command("backup", "create", str(tmp_path / "b.age"), *sealed).returncode
        wrong = _command("backup", "restore", str(tmp_path / "b.age"), "--to", str(new / "data"))
        done = _command(
            "backup", "restore", str(tmp_path / "b.age"), "--to", str(new / "data"), "--config-to", str(new), *sealed
        )  # fmt: skip
        certificates = [(one / "data/tls/relay.pem").read_bytes() for one in (home, new)]
        sink.refuse.clear()
        config = (new / "relay365.toml").read_text()
        with Relay(new, config) as relay:
            relay.send(_content(1))
            eventually(lambda: len(sink.delivered) == 1)
            held = [one["state"] for one in relay.queue()]
            assert "copier" in relay.command("user", "list").stdout
            relay.command("queue", "release", "--all")
            eventually(lambda: len(sink.delivered) == 7)
            eventually(lambda: not relay.queue())

    assert (2, 0) == (wrong.returncode, done.returncode)
    assert "held      all of them: nothing goes out until you release it." in done.stdout
    assert ["held"] * 6 == held
    assert certificates[0] == certificates[1]
    assert {0, 1, 4, 8, 12, 16, 20} == {_number(one.content) for one in sink.delivered}
    assert all(one.content.endswith(_content(_number(one.content))) for one in sink.delivered)


@pytest.mark.parametrize("kind", ["running", "used"])
def test_nothing_is_restored_over_a_relay(tmp_path: Path, kind: str) -> None:
    """Onto a data directory with a service, or with anything in it: exit 4, in three lines, and all is as before."""
    home = tmp_path / "relay"
    home.mkdir()
    with Sink() as sink, Relay(home, SMARTHOST.format(host=sink.address)) as relay:
        assert 0 == relay.command("backup", "create", str(tmp_path / "b.tar.gz")).returncode
        if kind == "used":
            relay.stop()
        done = _command("backup", "restore", str(tmp_path / "b.tar.gz"), "--to", str(home / "data"))
        if kind == "running":
            relay.send(b"Subject: x\r\n\r\nstill here\r\n")
            eventually(lambda: len(sink.delivered) == 1)

    assert 4 == done.returncode
    assert ["what", "why", "do"] == [line.partition(":")[0] for line in done.stderr.splitlines()]
    assert (f"process {relay.process.pid}" in done.stderr) == (kind == "running")  # type: ignore[union-attr]


def _kill_while_it_writes(relay: Relay, file: Path, after_s: float) -> None:
    """Begin a backup, wait until it copies, and a while longer; then kill -9, if it is still there."""
    child = subprocess.Popen(
        [sys.executable, "-m", "relay365", "backup", "create", str(file), "--config", str(relay.config_file)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=relay.environ,
    )  # fmt: skip
    stage, until = relay.directory / "data" / "backup", time.monotonic() + 20
    while not stage.exists() and time.monotonic() < until and child.poll() is None:
        time.sleep(0.002)
    time.sleep(after_s)
    child.send_signal(signal.SIGKILL)
    child.wait(30)


def test_a_killed_backup_leaves_no_backup(tmp_path: Path) -> None:
    """kill -9 in the middle: what has a backup's name is one, the relay does not notice, and the next one is good."""
    home, n_whole = tmp_path / "relay", 0
    home.mkdir()
    refuse = Sink(refuse={LATER: "450 4.2.1 later"})
    with refuse as sink, Relay(home, SMARTHOST.format(host=sink.address) + UNREPAIRED) as relay:
        for n in range(2, 122, 12):
            relay.send(_content(n), to=(LATER,))
        for n in range(6):
            file = tmp_path / f"{n}.tar.gz"
            _kill_while_it_writes(relay, file, 0.02 * n)
            if file.exists():  # it was quicker than we
                n_whole += 1
                assert 0 == _command("backup", "verify", str(file)).returncode
        assert 0 == relay.command("backup", "create", str(tmp_path / "last.tar.gz")).returncode
        verified = _command("backup", "verify", str(tmp_path / "last.tar.gz"), "--json")
        relay.send(_content(1))
        eventually(lambda: len(sink.delivered) == 1)

    assert n_whole < 6, "none was killed in the middle"
    assert json.loads(verified.stdout)["good"]
    assert 10 == json.loads(verified.stdout)["waiting"]
    assert not (home / "data" / "backup").exists()


def test_mail_is_rescued_from_a_backup_without_us(tmp_path: Path) -> None:
    """tar, and the script that docs/queue-format.md prints, in a Python with nothing of ours: each mail that waited,
    whole, with our Received line in front; what was delivered is not there.
    """
    home, folder = tmp_path / "relay", tmp_path / "unpacked"
    home.mkdir()
    folder.mkdir()
    refuse = Sink(refuse={LATER: "450 4.2.1 later"})
    with refuse as sink, Relay(home, SMARTHOST.format(host=sink.address) + UNREPAIRED) as relay:
        for n in (0, 1, 2):
            relay.send(_content(n), to=(LATER, "otto@fabrikam.com"))
        relay.send(_content(4))
        eventually(lambda: len(sink.delivered) == 4)
        eventually(lambda: len(relay.queue()) == 3)
        assert 0 == relay.command("backup", "create", str(tmp_path / "b.tar.gz")).returncode
    page = (Path(__file__).parents[2] / "docs" / "queue-format.md").read_text("utf-8")
    (tmp_path / "rescue.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    subprocess.run(["tar", "xzf", str(tmp_path / "b.tar.gz")], cwd=folder, check=True)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(tmp_path / "rescue.py"), str(folder / "data"), str(folder / "mails")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    mails = {path.name: path.read_bytes() for path in (folder / "mails").iterdir()}

    assert ["1.eml", "2.eml", "3.eml"] == sorted(mails)
    assert "damaged" not in done.stdout
    for n in (0, 1, 2):
        assert f"X-Envelope-To: <{LATER}>\r\nReceived: ".encode() in mails[f"{n + 1}.eml"]
        assert mails[f"{n + 1}.eml"].endswith(_content(n))
