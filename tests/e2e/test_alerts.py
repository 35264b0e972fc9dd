"""People are called: a relay whose remote refuses the login, a webhook and a syslog server on real sockets."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from e2e.house import SMARTHOST, Relay, Sink, eventually

MAIL = b"Message-ID: <a@b>\r\nSubject: x\r\n\r\nhello\r\n"
SECOND = """
[[route]]
kind = "smarthost"
name = "isp"
host = "{other}"
tls = "none"
"""
CHANNELS = """
[alerts]
disk_free = "0M"
[[alerts.channel]]
kind = "webhook"
url = {{ file = "hook.url" }}
[[alerts.channel]]
kind = "syslog"
address = "udp://127.0.0.1:{syslog}"
[[alerts.channel]]
kind = "mail"
to = "it@fabrikam.com"
"""


class _Hook(BaseHTTPRequestHandler):
    posted: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def _hook(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """A webhook; gives what was posted."""
    posted: list[dict[str, Any]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Hook", (_Hook,), {"posted": posted}))
    (tmp_path / "hook.url").write_text(f"http://127.0.0.1:{server.server_address[1]}/alert")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Refusing(Sink):
    """A next hop that wants a login that it never offers."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        return "530 5.7.57 Client not authenticated to send mail"


def test_a_held_route_is_told_by_three_ways_once_also_over_a_restart(tmp_path: Path) -> None:
    """By webhook, by syslog, and by mail through the other route; kill -9 and a new start tell nothing again."""
    with (
        Sink() as good, _Refusing() as bad, _hook(tmp_path) as posted,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog,
    ):  # fmt: skip
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(30)
        config = SMARTHOST.format(host=bad.address) + SECOND.format(other=good.address)
        relay = Relay(tmp_path, config + CHANNELS.format(syslog=syslog.getsockname()[1])).start()
        relay.send(MAIL)
        assert eventually(lambda: posted)[0]["state"] == "alert"
        line = syslog.recv(4096)
        letter = eventually(lambda: good.delivered)[0]
        assert posted[0]["key"].startswith("lane-held smarthost ")
        assert posted[0]["do"].startswith("relay365 explain ")
        assert b"530 5.7.57" in line
        assert (["it@fabrikam.com"], True) == (
            letter.recipients,
            b"route smarthost waits for a person" in letter.content,
        )
        row = json.loads(relay.command("alerts", "list", "--json").stdout.splitlines()[0])
        assert {"webhook", "syslog", "mail"} == set(row["told"])

        relay.kill()
        relay.close_pipes()
        with relay:
            tested = relay.command("alerts", "test")
            assert (0, ["webhook     taken", "syslog      taken", "mail        taken"]) == (
                tested.returncode, tested.stdout.splitlines(),
            )  # fmt: skip
            assert ["alert", "test"] == [one["state"] for one in posted]


def test_a_channel_whose_secret_is_missing_stops_the_start(tmp_path: Path) -> None:
    """Exit 2 and the channel's number; `config check` says it, too."""
    config = SMARTHOST.format(host="127.0.0.1:1") + CHANNELS.format(syslog=514)
    relay = Relay(tmp_path, config)

    assert (2, True) == ((run := relay.command("run")).returncode, "[[alerts.channel]] 1" in run.stderr)
    assert (1, True) == (
        (check := relay.command("config", "check")).returncode,
        "[[alerts.channel]] 1" in check.stderr,
    )


def test_a_synthetic_mail_is_timed_to_the_250(tmp_path: Path) -> None:
    """Sent at the start, taken by the next hop, on /metrics; the next start does not send another one."""
    lines = '[metrics]\naddress = "127.0.0.1:0"\n[alerts]\nprobe_to = "probe@fabrikam.com"\n'
    with Sink() as sink:
        relay = Relay(tmp_path, SMARTHOST.format(host=sink.address) + lines)
        with relay:
            eventually(lambda: sink.delivered)

            def took() -> float:
                with urllib.request.urlopen(f"http://{relay.ready['metrics']}/metrics", timeout=10) as answer:
                    found = re.search(
                        r"^relay365_synthetic_seconds (\S+)$", answer.read().decode(), re.MULTILINE
                    )
                return float(found[1]) if found else 0.0

            assert 0.0 < eventually(took) < 30.0
        with relay:
            assert not relay.queue()
            assert ["probe@fabrikam.com"] == [one.recipients[0] for one in sink.delivered]
