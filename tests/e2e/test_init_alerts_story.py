"""`relay365 init` with somebody who hears when it breaks, and `init --rescue`, against a Microsoft 365 of our own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from e2e.administrator import relay365
from e2e.browser import Browser
from e2e.house import Relay, Sink, eventually
from e2e.microsoft import Microsoft, microsoft
from relay365.config import parse

STEPS = ["script", "result", "configuration", "checks", "mail", "alerts"]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """A tenant in which everything is set up."""
    with microsoft(tmp_path) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty directory: the clean machine."""
    found = tmp_path / "clean"
    found.mkdir()
    return found


class _Hook(BaseHTTPRequestHandler):
    posted: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def _hook(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """A webhook, its address in hook.url; gives what was posted."""
    posted: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"posted": posted}))
    (folder / "hook.url").write_text(f"http://127.0.0.1:{server.server_address[1]}/alert")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answers(cloud: Microsoft, folder: Path, **more: str) -> list[str]:
    """The command, with a file of answers for the emulator; more: further lines by key."""
    keys = {
        "listeners": '["127.0.0.1:0"]', "data": '"data"', "wait": '"60s"',
        "authority": f'"{cloud.facts["authority"]}"', "endpoint": f'"{cloud.facts["submission"]}"',
        "ca_file": f'"{cloud.facts["ca_file"]}"', "host": f'"{cloud.facts["mx"]}"',
        "graph_endpoint": f'"{cloud.facts["graph"]}"', "client": f'"{cloud.facts["client_id"]}"', **more,
    }  # fmt: skip
    (folder / "answers.toml").write_text(
        "".join(f"{key} = {value}\n" for key, value in keys.items()), "utf-8"
    )
    return ["init", "--answers", "answers.toml", "--config", "relay365.toml"]


def _whole(cloud: Microsoft) -> dict[str, str]:
    secret = f'{{ file = "{cloud.facts["secret_file"]}" }}'
    return {
        "mailbox": f'"{cloud.mailbox}"', "networks": '["127.0.0.0/8"]', "test_to": f'"{cloud.mailbox}"',
        "secret": secret,
    }  # fmt: skip


def test_the_channel_hears_a_test_before_anything_breaks(cloud: Microsoft, folder: Path) -> None:
    """A webhook gets it from the relay itself, and stands in the file by reference."""
    with _hook(folder) as posted:
        command = _answers(
            cloud, folder, **_whole(cloud), alert_by='"webhook"', alert_url='{ file = "hook.url" }'
        )
        done = relay365(folder, *command, "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert STEPS == json.loads(done.stdout)["steps"]
    assert [("test", "this is a test")] == [(one["state"], one["what"]) for one in posted]
    text = (folder / "relay365.toml").read_text("utf-8")
    assert 'url = { file = "hook.url" }' in text
    assert "127.0.0.1:" not in text.partition("[[alerts.channel]]")[2]


def test_a_channel_that_does_not_take_it_ends_the_wizard_and_is_resumed(
    cloud: Microsoft, folder: Path
) -> None:
    """Exit 1 with what, why and do; when it is mended --resume tries it again, and sends no second first mail."""
    (folder / "hook.url").write_text("http://127.0.0.1:1/x")
    command = _answers(
        cloud, folder, **_whole(cloud), alert_by='"webhook"', alert_url='{ file = "hook.url" }'
    )
    first = relay365(folder, *command)
    with _hook(folder) as posted:
        second = relay365(folder, "init", "--resume", "--data", str(folder / "data"))

    assert 1 == first.returncode
    assert first.stderr.startswith("what: alerts by webhook: 127.0.0.1: ")
    assert "; then: relay365 init --resume --data " in first.stderr
    assert (0, 1) == (second.returncode, len(posted)), second.stderr
    assert 1 == len(cloud.control.messages())


def test_alerts_by_mail_go_a_way_of_their_own(cloud: Microsoft, folder: Path) -> None:
    """The test arrives at the other server, and no mail of devices ever goes there."""
    with Sink() as isp:
        command = _answers(
            cloud, folder, **_whole(cloud), alert_by='"mail"', alert_to='"it@example.net"',
            alert_host=f'"{isp.address}"', alert_tls='"none"',
        )  # fmt: skip
        done = relay365(folder, *command)
        (letter,) = isp.delivered
        explained = relay365(
            folder, "route", "explain", "--to", "lena@fabrikam.com", "--config", "relay365.toml", "--json"
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert ["it@example.net"] == letter.recipients
    assert b"this is a test" in letter.content
    assert "alerts delivered" in done.stdout
    assert '"route": "alerts", "why": "rule 1 does not name it"' in explained.stdout
    assert [cloud.mailbox] == [one["mailbox"] for one in cloud.control.messages()]


def test_rescued_in_an_emergency(cloud: Microsoft, folder: Path) -> None:
    """Two answers and one sign-in, then mail goes; only the one device may send, and a reminder stands in the file."""
    command = [*_answers(cloud, folder), "--rescue"]
    done, said = _rescued(cloud, folder, command, is_here=False)
    text = (folder / "relay365.toml").read_text("utf-8")
    config = parse(text, "relay365.toml")

    assert done == 0, said
    assert 1 == said.count("1/2  The mailbox") == said.count("2/2  The one address")
    assert "1/6" not in said and "R365" not in said
    assert [("192.168.10.31/32"), ("127.0.0.0/8")] == [str(one.network) for one in config.allow]
    (mail,) = cloud.control.messages()
    assert (cloud.mailbox, [cloud.mailbox]) == (mail["mailbox"], mail["recipients"])
    days = (config.alerts.reminder[0].on - datetime.now(UTC).date()).days
    assert 6 <= days <= 7

    status = relay365(folder, "status", "--config", "relay365.toml")
    assert "  reminder    move from the sign-in of a person to an application of your own: " in status.stdout
    _the_day_comes(cloud, folder, text)


def test_rescued_with_a_browser_on_the_same_machine(cloud: Microsoft, folder: Path) -> None:
    """Nothing is pasted: the browser comes back to the wizard."""
    done, said = _rescued(cloud, folder, [*_answers(cloud, folder), "--rescue"], is_here=True)

    assert done == 0, said
    assert "paste it here" not in said
    assert [[cloud.mailbox]] == [mail["recipients"] for mail in cloud.control.messages()]


def _rescued(cloud: Microsoft, folder: Path, command: list[str], *, is_here: bool) -> tuple[int, str]:
    """(exit code, all that was said) where a person answers, and signs in when an address is shown.

    is_here: whether the browser is on the same machine.
    """
    environ = {key: value for key, value in os.environ.items() if key != "RELAY365_CONFIG"}
    said = ""
    with subprocess.Popen(
        [sys.executable, "-m", "relay365", *command], cwd=folder, env=environ, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as wizard:  # fmt: skip
        assert wizard.stdin is not None and wizard.stdout is not None
        wizard.stdin.write(f"{cloud.mailbox}\n192.168.10.31\n{'y' if is_here else 'n'}\n")
        wizard.stdin.flush()
        for line in wizard.stdout:
            said += line
            if "open in a browser on this machine:" in line:
                browser = Browser(cloud)
                browser.go_on(browser.accept(line.split()[-1]))
            if "open in any browser:" in line:
                wizard.stdin.write(f"{Browser(cloud).accept(line.split()[-1])}\n")
                wizard.stdin.flush()
    return wizard.returncode, said


def _the_day_comes(cloud: Microsoft, folder: Path, text: str) -> None:
    """The same file with the reminder of today: the running relay says it, by the way that the mail goes."""
    today = datetime.now().astimezone().date().isoformat()
    with Relay(folder, re.sub(r"(?m)^on = .*$", f"on = {today}", text)) as relay:
        letter = eventually(lambda: cloud.control.messages()[1:])[0]
        alerts = relay.command("alerts", "list", "--json")

    (alert,) = [json.loads(line) for line in alerts.stdout.splitlines()]
    assert "move from the sign-in of a person to an application of your own" == alert["what"]
    assert alert["do"].startswith("relay365 init, and choose road A")
    assert b"application of your own" in cloud.control.content(letter["number"])
