"""relay365 as on Windows, as far as Linux can play it (tests/fakes/windows/sitecustomize.py): its lacks, not itself.

Each process of a story, also those that a command begins, is without what CPython for Windows lacks, and files,
locks, names, signals, addresses and code pages are as they are there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import DEADLINE_S, Relay, Sink, eventually
from relay365.keeping.estate import STAGE

WINDOWS = Path(__file__).parents[1] / "fakes" / "windows"
PLAYED = {
    "PYTHONPATH": str(WINDOWS),
    "PYTHONWARNDEFAULTENCODING": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
CONFIG = """
[server]
data = './data'
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "{sink}"
tls = "none"
"""
LARGE = 300_000  # octets: beyond what lies inside the database, so in a segment
EVERY_HELP = """
import click
from click.testing import CliRunner
from relay365.cli.main import main

def look(command, path):
    told = CliRunner().invoke(main, [*path, "--help"])
    assert told.exit_code == 0, (path, told.output, told.exception)
    print(" ".join(path) or "relay365", told.output.encode("cp1252") != b"")
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            look(command.get_command(click.Context(command), name), [*path, name])

look(main, [])
"""


def _python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **PLAYED}, cwd=folder,
        capture_output=True, encoding="utf-8", timeout=DEADLINE_S,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import fcntl", "ModuleNotFoundError"),
        ("import pwd", "ModuleNotFoundError"),
        ("import uvloop", "ModuleNotFoundError"),
        ("from signal import SIGHUP", "ImportError"),
        ("import os; os.geteuid()", "AttributeError"),
        ("import os; os.pread(0, 1, 0)", "AttributeError"),
        ("import socket; socket.AF_UNIX", "AttributeError"),
        ("import asyncio; asyncio.start_unix_server", "AttributeError"),
        ("import signal; signal.signal(1, print)", "ValueError"),
        ("import os; os.open('.', os.O_RDONLY)", "PermissionError"),
        ("import os; os.fsync(os.open('old', os.O_RDONLY))", "PermissionError"),
        ("from pathlib import Path; f = open('old', 'rb'); Path('old').unlink()", "PermissionError"),
        ("from pathlib import Path; f = open('old', 'rb'); Path('new').replace('old')", "PermissionError"),
        ("from pathlib import Path; f = open('new', 'rb'); Path('new').replace('old')", "PermissionError"),
        ("from pathlib import Path; Path('new').rename('old')", "FileExistsError"),
        ("from pathlib import Path; Path('lane:25').write_text('', 'utf-8')", "OSError: [Errno 22]"),
        ("from pathlib import Path; Path('aux.txt').write_text('', 'utf-8')", "OSError: [Errno 22]"),
        ("from pathlib import Path; Path('old').read_text()", "EncodingWarning"),
        ("print('\\u30e9\\u30e0')", "UnicodeEncodeError"),
        (
            "import asyncio\nwith asyncio.Runner() as one: one.get_loop().add_signal_handler(2, print)",
            "NotImplementedError",
        ),
        (
            "import msvcrt, os; a, b = (os.open('old', 2) for _ in '12'); msvcrt.locking(a, 2, 1); os.read(b, 1)",
            "PermissionError",
        ),
    ],
)  # fmt: skip
def test_the_play_refuses_what_windows_refuses(code: str, said: str, tmp_path: Path) -> None:
    """In a module of ours; without it the stories below would show nothing. Elsewhere in Python it is as before."""
    (tmp_path / "old").write_text("1")
    (tmp_path / "new").write_text("2")
    found = _python(f"exec({code!r}, {{'__name__': 'relay365.played'}})", tmp_path)

    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].startswith(said), found.stderr
    assert _python("import fcntl, os; os.geteuid()", tmp_path).returncode == 0


def test_every_command_tells_its_help(tmp_path: Path) -> None:
    """All are imported whole, and what they say fits the code page of a Windows console's pipe."""
    found = _python(EVERY_HELP, tmp_path)

    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) > 90


def test_the_demo_delivers_everything(tmp_path: Path) -> None:
    """Emulator, relay and devices, each a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "relay365", "demo", "--messages", "20", "--json"],
        env={**os.environ, **PLAYED}, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=100,
    )  # fmt: skip

    assert found.returncode == 0, found.stderr
    counted = json.loads(found.stdout.splitlines()[-1])
    assert {"accepted": 20, "delivered": 20, "failed": 0, "waiting": 0, "duplicates": 0} == {
        key: counted[key] for key in ("accepted", "delivered", "failed", "waiting", "duplicates")
    }


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as found:
        yield found


def _mail(subject: str, n_octets: int = 100) -> bytes:
    lines = b"scan\r\n" * (n_octets // 6)
    return f"From: scan@contoso.com\r\nSubject: {subject}\r\n\r\n".encode() + lines


def test_a_day_of_a_relay(tmp_path: Path, sink: Sink) -> None:
    """Checked, run, asked, changed, copied, brought back; and Ctrl-Break ends it in order."""
    relay = Relay(tmp_path, CONFIG.format(sink=sink.address), env=PLAYED)
    assert relay.command("config", "check").returncode == 0
    with relay:
        relay.send(_mail("\N{KATAKANA LETTER RA}", LARGE))
        eventually(lambda: len(sink.delivered) == 1)
        assert "FINE" in relay.command("status").stdout
        assert relay.command("queue", "freeze", "--for", "1h").returncode == 0
        eventually(lambda: "service.frozen" in relay.log_file.read_text("utf-8"))
        relay.send(_mail("waits", LARGE))
        eventually(lambda: [one["state"] for one in relay.queue()] == ["queued"])
        assert relay.command("queue", "thaw").returncode == 0
        eventually(lambda: len(sink.delivered) == 2)
        assert relay.command("user", "add", "kyocera").returncode == 0
        assert relay.command("user", "add", "ricoh").returncode == 0
        relay.config_file.write_text(CONFIG.format(sink=sink.address) + '[log]\nlevel = "debug"\n', "utf-8")
        assert relay.command("reload").stdout.startswith("[log] changed")
        second = relay.command("run")
        copied = relay.command("backup", "create", str(tmp_path / "site.tar.gz"))
        assert relay.process is not None
        relay.process.send_signal(signal.SIGQUIT)  # Ctrl-Break, as Windows is played
        ended = relay.process.wait(DEADLINE_S)

    assert (second.returncode, f"(process {relay.process.pid})" in second.stderr) == (2, True), second.stderr
    assert copied.returncode == 0, copied.stderr
    assert ended == 0
    assert not (tmp_path / "data" / STAGE).exists()  # the lock in it was open when it was removed
    assert _restored(tmp_path) == 2
    (tmp_path / "cut.tar.gz").write_bytes((tmp_path / "site.tar.gz").read_bytes()[:5000])
    (tmp_path / "again").mkdir()
    assert _restore(tmp_path, "cut.tar.gz", "again").returncode == 1
    assert [] == list((tmp_path / "again").iterdir())  # its lock was open when it was given up
    assert relay.command("status").returncode == 3


def _restore(folder: Path, file: str, to: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relay365", "backup", "restore", file, "--to", to, "--json"]
    return subprocess.run(
        command,
        env={**os.environ, **PLAYED},
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
    )


def _restored(folder: Path) -> int:
    """How many messages a backup brings back."""
    found = _restore(folder, "site.tar.gz", "back")
    assert found.returncode == 0, found.stderr
    return int(json.loads(found.stdout)["messages"])


def test_two_relays_do_not_share_a_port(tmp_path: Path, sink: Sink) -> None:
    """Windows would let both listen where SO_REUSEADDR is set, and give the mail to either."""
    (tmp_path / "other").mkdir()
    with Relay(tmp_path, CONFIG.format(sink=sink.address), env=PLAYED) as relay:
        config = CONFIG.format(sink=sink.address).replace("127.0.0.1:0", f"127.0.0.1:{relay.port}")
        second = Relay(tmp_path / "other", config, env=PLAYED).command("run")

    assert second.returncode == 1
    assert second.stderr.splitlines()[-3:][0] == "what: cannot listen", second.stderr
    assert "Get-Service SMTPSVC" in second.stderr


def test_names_of_every_script_go_into_a_pipe(tmp_path: Path, sink: Sink) -> None:
    """What a person redirects is UTF-8, whatever the code page is: also the names that it does not have."""
    with Relay(tmp_path, CONFIG.format(sink=sink.address), env=PLAYED) as relay:
        said = "\u30b9\u30ad\u30e3\u30f3"
        assert relay.command("queue", "freeze", "--for", "1h", "--reason", said).returncode == 0
        found = relay.command("status")

    assert said in found.stdout, found.stderr
