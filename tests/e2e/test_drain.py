"""A relay that is drained: devices are sent away in order, what waits goes out, and the end is told to the command."""

from __future__ import annotations

import json
import signal
import smtplib
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from e2e.house import DEADLINE_S, SMARTHOST, TODAY, Relay, Sink, _free_port, eventually

LETTER = (
    f"From: scan@contoso.com\r\nTo: lena@fabrikam.com\r\nDate: {TODAY}\r\nSubject: x\r\n\r\nbody\r\n".encode()
)
FAST = '[queue]\nretry = ["1s"]\n'


def _greeting(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as peer:
        return peer.recv(200).decode()


def _begun(relay: Relay, *arguments: str) -> subprocess.Popen[str]:
    """`relay365 drain --json`, once no mail is taken."""
    drain = subprocess.Popen(
        [sys.executable, "-m", "relay365", "drain", "--json", *arguments, "--config", str(relay.config_file)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=relay.directory,
    )  # fmt: skip
    eventually(lambda: _greeting(relay.port).startswith("421"))
    return drain


def _ended(drain: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    out, err = drain.communicate(timeout=DEADLINE_S)
    assert "Traceback" not in err
    return drain.returncode, [json.loads(line) for line in out.splitlines()]


def test_open_sessions_end_in_order_and_the_service_with_them(tmp_path: Path) -> None:
    """--stop: a message that has begun gets its 250, an idle session its 421; all is delivered, exit 0 and 0."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        busy, idle = (smtplib.SMTP("127.0.0.1", relay.port, timeout=DEADLINE_S) for _ in range(2))
        for one in (busy, idle):
            one.ehlo("device.test")
        busy.mail("scan@contoso.com")
        drain = _begun(relay, "--stop")
        sent_away = idle.getreply()
        status = relay.command("status")
        busy.rcpt("lena@fabrikam.com")
        taken = busy.data(LETTER)
        code, seen = _ended(drain)
        assert relay.process is not None
        service = relay.process.wait(DEADLINE_S)
        busy.close()
        idle.close()

    assert (421, 250) == (sent_away[0], taken[0])
    assert (1, True) == (status.returncode, "DRAINING until" in status.stdout)
    assert (0, 0, 1) == (code, service, len(sink.delivered))
    assert ("draining", "stopped", 0) == (seen[0]["event"], seen[-1]["event"], seen[-1]["left"])


def test_what_waits_goes_out_first(tmp_path: Path) -> None:
    """The remote comes back while the relay drains: empty, exit 0; it takes mail again only by an undo."""
    port = _free_port()
    with Relay(tmp_path, SMARTHOST.format(host=f"127.0.0.1:{port}") + FAST) as relay:
        for _ in range(3):
            relay.send(LETTER)
        drain = _begun(relay)
        with Sink(port=port) as sink:
            code, seen = _ended(drain)
            still, undone = _greeting(relay.port), relay.command("drain", "--undo")
            relay.send(LETTER)
            eventually(lambda: len(sink.delivered) == 4)

    assert (0, "empty", 0) == (code, seen[-1]["event"], undone.returncode)
    assert (3, "421 4.3.2") == (seen[0]["waiting"] + seen[0]["under_way"], still[:9])


def test_held_mail_keeps_it_from_being_empty(tmp_path: Path) -> None:
    """Exit 1 and three lines; the service goes on although --stop was said; released, it ends."""
    port = _free_port()
    with Relay(tmp_path, SMARTHOST.format(host=f"127.0.0.1:{port}") + FAST) as relay:
        relay.send(LETTER)
        relay.command("queue", "hold", "--all")
        first = relay.command("drain", "--stop")
        with Sink(port=port) as sink:
            relay.command("queue", "release", "--all")
            assert relay.process is not None
            service = relay.process.wait(DEADLINE_S)

    assert (1, 0, 1) == (first.returncode, service, len(sink.delivered))
    assert (
        "what: not empty: 1 held\nwhy:  smarthost: 1 held for a person\ndo:   relay365 queue list"
        in first.stderr
    )


def test_ctrl_c_and_a_killed_command(tmp_path: Path) -> None:
    """Interrupted, mail is taken again at once; killed, when the time is over. A bounded drain says what is left."""
    port = _free_port()
    with Relay(tmp_path, SMARTHOST.format(host=f"127.0.0.1:{port}")) as relay:
        relay.send(LETTER)
        drain = _begun(relay)
        drain.send_signal(signal.SIGINT)
        code, seen = _ended(drain)
        after_ctrl_c = _greeting(relay.port)
        killed = _begun(relay, "--for", "8s")
        killed.kill()
        killed.communicate()
        eventually(lambda: _greeting(relay.port).startswith("220"))
        bounded = relay.command("drain", "--for", "5s")

    assert (1, "undone", "220") == (code, seen[-1]["event"], after_ctrl_c[:3])
    assert 1 == bounded.returncode
    assert "what: not empty: 1 recipient waits\nwhy:  smarthost: 1 waits" in bounded.stderr
    assert "service.accepts by=its own end" in relay.log_file.read_text()


def test_a_restart_takes_mail_again(tmp_path: Path) -> None:
    """Killed while it drains, it starts as if nothing had been said; what waited waits."""
    port = _free_port()
    with Relay(tmp_path, SMARTHOST.format(host=f"127.0.0.1:{port}")) as relay:
        relay.send(LETTER)
        drain = _begun(relay)
        relay.kill()
        code, seen = _ended(drain)
        relay.close_pipes()
        relay.start()
        status = json.loads(relay.command("status", "--json").stdout)
        relay.send(LETTER)
        waits = len(relay.queue())

    assert (1, "stopped", 1) == (code, seen[-1]["event"], seen[-1]["left"])
    assert (None, 2) == (status["draining"], waits)


def test_a_load_balancer_and_systemd_are_told(tmp_path: Path) -> None:
    """/readyz says 503 with the reason, /metrics a 1, and the supervisor its line, until the undo."""
    import urllib.error
    import urllib.request

    metrics = _free_port()
    notify = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(notify))
        systemd.settimeout(DEADLINE_S)
        config = SMARTHOST.format(host="127.0.0.1:9") + f'[metrics]\naddress = "127.0.0.1:{metrics}"\n'
        with Relay(tmp_path, config, env={"NOTIFY_SOCKET": str(notify)}) as relay:
            systemd.recv(4096)
            relay.send(LETTER)
            drain = _begun(relay)
            told = systemd.recv(4096).decode()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{metrics}/readyz", timeout=DEADLINE_S)
                ready = (200, "")
            except urllib.error.HTTPError as error:
                ready = (error.code, error.read().decode())
                error.close()
            page = (
                urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=DEADLINE_S)
                .read()
                .decode()
            )
            relay.command("drain", "--undo")
            again = systemd.recv(4096).decode()
            code, _ = _ended(drain)

    assert told.startswith("READY=1\nSTATUS=draining: it takes no mail")
    assert again.startswith("READY=1\nSTATUS=ready on")
    assert (503, True) == (ready[0], "the relay drains" in ready[1])
    assert "\nrelay365_draining 1.0\n" in page
    assert 1 == code


def test_mail_of_a_gone_route_is_held_where_it_is_found(tmp_path: Path) -> None:
    """A restart with another route: what a person holds moves, still held; released it goes out."""
    with Sink() as sink:
        shut = '\n[[rule]]\nrecipients = ["@fabrikam.com"]\nroutes = ["shut"]\n'
        both = SMARTHOST.format(host=sink.address).replace('kind = "smart', 'name = "well"\nkind = "smart')
        gone = '[[route]]\nname = "shut"\nkind = "smarthost"\nhost = "127.0.0.1:9"\ntls = "none"\n'
        with Relay(tmp_path, both + gone + shut) as relay:
            relay.send(LETTER)
            relay.command("queue", "hold", "--all")
            relay.stop()
            relay.close_pipes()
            relay.config_file.write_text(both)
            relay.start()
            lanes = eventually(
                lambda: [r["lane"] for one in relay.queue() for r in one["recipients"]] == ["well"]
            )
            state = relay.queue()[0]["state"]
            time.sleep(0.5)
            n_before = len(sink.delivered)
            relay.command("queue", "release", "--all")
            eventually(lambda: len(sink.delivered) == 1)

    assert (True, "held", 0) == (lanes, state, n_before)
