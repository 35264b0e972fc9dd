"""The fire drill, the freeze and the rescue, with a running relay and a next hop that we did not write."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, TODAY, Relay, Sink, eventually, without_trace

PAGE = Path(__file__).resolve().parents[2] / "docs" / "queue-format.md"


def drill(relay: Relay, *words: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    command = [
        sys.executable,
        "-m",
        "relay365",
        "simulate",
        "outage",
        "--yes",
        "--json",
        "--report",
        "drill.txt",
        *words,
    ]
    return subprocess.Popen(
        [*command, "--config", str(relay.config_file)], stdout=subprocess.PIPE, text=True, cwd=relay.directory
    )


def is_frozen(relay: Relay) -> bool:
    """Whether the relay has said so."""
    return relay.log_file.read_text().count("service.frozen") > relay.log_file.read_text().count(
        "service.thawed"
    )


def mail(n: int, body: bytes = b".hello\r\n") -> bytes:
    """One message that no repair touches."""
    return f"Message-ID: <{n}@device.test>\r\nDate: {TODAY}\r\nSubject: n {n}\r\n\r\n".encode() + body


def lines(n: int) -> bytes:
    """So many lines of 900 octets."""
    return b"\r\n".join([b"z" * 900] * n) + b"\r\n"


def test_a_drill_takes_everything_delivers_nothing_and_then_all(tmp_path: Path) -> None:
    """The sink hears nothing in the outage; afterwards every mail once; the report counts what was sent."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        relay.send(mail(0))
        eventually(lambda: len(sink.delivered) == 1)
        holding = drill(relay, "--for", "15s")
        eventually(lambda: is_frozen(relay))
        banner = relay.command("status").stdout
        for n in range(1, 21):
            relay.send(mail(n))
        time.sleep(1.5)
        n_meanwhile = len(sink.delivered)
        said, _ = holding.communicate(timeout=60)
        report = json.loads(said.splitlines()[-1])

        assert 1 == n_meanwhile
        assert [True, True] == [banner.splitlines()[0].endswith(" FROZEN"), "\n  FROZEN until " in banner]
        assert 0 == holding.returncode
        assert (20, [], {"delivered": 20}, 20, 0) == tuple(
            report[key] for key in ("messages", "lost", "recipients", "most_waiting", "disobeyed")
        )
        assert sorted(without_trace(one.content) for one in sink.delivered) == sorted(
            mail(n) for n in range(21)
        )
        assert "RESULT  20 mails taken, 0 lost, drained in " in (tmp_path / "drill.txt").read_text()


def test_a_drill_that_dies_does_not_leave_the_relay_frozen(tmp_path: Path) -> None:
    """kill -9 of the command: the order carries its own end."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        holding = drill(relay, "--for", "5s")
        eventually(lambda: is_frozen(relay))
        relay.send(mail(1))
        holding.kill()
        holding.communicate(timeout=30)
        time.sleep(1.2)
        n_meanwhile, began = len(sink.delivered), time.monotonic()
        eventually(lambda: sink.delivered)

        assert 0 == n_meanwhile
        assert time.monotonic() - began < 8.0
        assert "service.thawed by=its own end" in relay.log_file.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_drill_that_is_ended_early_thaws_and_drains(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a stop, a closed terminal: the drain is watched, and the report says that it was ended."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        holding = drill(relay, "--for", "10m")
        eventually(lambda: is_frozen(relay))
        relay.send(mail(1))
        time.sleep(0.3)
        holding.send_signal(number)
        said, _ = holding.communicate(timeout=30)
        report = json.loads(said.splitlines()[-1])

        assert 0 == holding.returncode
        assert (1, "the person who held it ended it") == (report["messages"], report["thawed_early"])
        assert 1 == len(sink.delivered)


def test_a_freeze_outlives_a_restart_and_ends_with_a_thaw(tmp_path: Path) -> None:
    """Taken before and after a kill -9, delivered only when somebody says so."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        assert 0 == relay.command("queue", "freeze", "--reason", "change window").returncode
        eventually(lambda: is_frozen(relay))
        relay.send(mail(1))
        relay.kill()
        relay.close_pipes()
        relay.start()
        relay.send(mail(2))
        time.sleep(2.0)
        n_meanwhile = len(sink.delivered)
        assert 0 == relay.command("queue", "thaw").returncode
        eventually(lambda: len(sink.delivered) == 2)

        assert 0 == n_meanwhile
        assert {b"n 1", b"n 2"} == {re.findall(rb"Subject: (n \d)", one.content)[0] for one in sink.delivered}


def frozen_relay(directory: Path, host: str) -> Relay:
    """A relay with a fixed port for commands of this machine, that delivers nothing."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory.mkdir()
    return Relay(directory, SMARTHOST.format(host=host).replace("127.0.0.1:0", f"127.0.0.1:{port}"))


def test_mail_is_rescued_from_one_relay_into_another(tmp_path: Path) -> None:
    """Small and large, with the envelope: what the second one delivers is what the first one took."""
    large = mail(2, lines(300))
    with Sink() as sink, frozen_relay(tmp_path / "old", sink.address) as old:
        old.command("queue", "freeze")
        eventually(lambda: is_frozen(old))
        old.send(mail(1), to=("a@x.test", "b@x.test"))
        old.send(large, sender="")
        exported = old.command("queue", "export", "--all", "--to", str(tmp_path / "out.zip"))
        assert 0 == exported.returncode, exported.stderr
    with Sink() as sink, frozen_relay(tmp_path / "new", sink.address) as new:
        imported = new.command("queue", "import", str(tmp_path / "out.zip"))
        assert 0 == imported.returncode, imported.stdout + imported.stderr
        eventually(lambda: len(sink.delivered) >= 2)

        first, second = sorted(sink.delivered, key=lambda one: len(one.content))
        assert ("scan@contoso.com", ["a@x.test", "b@x.test"]) == (first.reverse_path, first.recipients)
        assert second.reverse_path in ("", "<>")
        assert [mail(1), large] == [without_trace(without_trace(one.content)) for one in (first, second)]


def test_the_page_alone_rescues_every_mail(tmp_path: Path) -> None:
    """The script of docs/queue-format.md, on a copy of the data of a relay that was killed: nothing else is used."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    contents = (mail(1), mail(2), mail(3, lines(400)), mail(4, lines(12_000)))
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        relay.send(mail(0))
        eventually(lambda: sink.delivered)
        relay.command("queue", "freeze")
        eventually(lambda: is_frozen(relay))
        for content in contents:
            relay.send(content, to=("a@x.test", "b@x.test"))
        deleted = relay.queue()[1]["id"]
        relay.command("queue", "delete", deleted)
        relay.kill()
    file = tmp_path / "rescue.py"
    file.write_text(script, "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(file), str(tmp_path / "data"), str(tmp_path / "out")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = sorted((tmp_path / "out").glob("*.eml"), key=lambda one: int(one.stem))
    head = (
        b"X-Envelope-From: <scan@contoso.com>\r\nX-Envelope-To: <a@x.test>\r\nX-Envelope-To: <b@x.test>\r\n"
    )

    assert "" == done.stderr
    assert 4 == len(found) == done.stdout.count("from <scan@contoso.com> to a@x.test, b@x.test")
    for one, content in zip(found, contents, strict=True):
        assert one.read_bytes().startswith(head)
        assert content == without_trace(one.read_bytes().removeprefix(head))


def test_a_freeze_costs_no_mail_its_life(tmp_path: Path) -> None:
    """A message whose time would be over long before the thaw is delivered, not reported as expired."""
    with Sink() as sink:
        config = SMARTHOST.format(host=sink.address) + '\n[queue]\ngive_up = "3s"\nwarn_after = "2s"\n'
        with Relay(tmp_path, config) as relay:
            relay.command("queue", "freeze")
            eventually(lambda: is_frozen(relay))
            time.sleep(5.5)  # the keeper has written down that the lane keeps its mail
            relay.send(mail(1))
            time.sleep(8.0)
            (waiting,) = relay.queue()
            relay.command("queue", "thaw")
            eventually(lambda: sink.delivered)

            assert ("queued", 1) == (waiting["state"], len(sink.delivered))
            assert waiting["kept_s"] > 3.0
            assert "recipient.expired" not in relay.log_file.read_text()
