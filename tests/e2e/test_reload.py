"""A changed file in a running relay: what it changes, what it must not touch, and that a bad one changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import smtplib
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import argon2

from e2e.house import DEADLINE_S, TODAY, Relay, Sink, _free_port, eventually
from e2e.microsoft import Microsoft, microsoft

HEAD = """
[server]
data = "./data"
"""
LISTENER = """
[[listener]]
address = "127.0.0.1:{port}"
tls = "{tls}"
"""
ALLOW = """
[[allow]]
network = "{network}"
"""
ROUTE = """
[[route]]
kind = "smarthost"
name = "{name}"
host = "{host}"
tls = "none"
"""
NOWHERE = "127.0.0.1:9"
LETTER = f"From: scan@contoso.com\r\nTo: lena@fabrikam.com\r\nDate: {TODAY}\r\nSubject: {{n}}\r\n\r\nbody\r\n"


def _config(
    *ports: int,
    routes: dict[str, str],
    network: str = "127.0.0.0/8",
    tls: str = "none",
    more: str = "",
) -> str:
    listeners = "".join(LISTENER.format(port=port, tls=tls) for port in ports)
    ways = "".join(ROUTE.format(name=name, host=host) for name, host in routes.items())
    return HEAD + listeners + ALLOW.format(network=network) + ways + more


def _reload(relay: Relay, config: str) -> dict[str, Any]:
    """Another file, and the answer of `relay365 reload --json`."""
    relay.config_file.write_text(config)
    done = relay.command("reload", "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["taken"], found
    return found


def _client(port: int) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", port, timeout=DEADLINE_S)
    client.ehlo("device.test")
    return client


def _give(port: int, n: object = 1, to: str = "lena@fabrikam.com") -> None:
    with _client(port) as client:
        client.sendmail("scan@contoso.com", [to], LETTER.format(n=n).encode())


def _subjects(sink: Sink) -> list[str]:
    lines = [one for mail in sink.delivered for one in mail.content.decode().splitlines()]
    return sorted(line.removeprefix("Subject: ") for line in lines if line.startswith("Subject: "))


@dataclass
class SlowSink(Sink):
    """Answers the final dot only when it is let."""

    go_on: threading.Event = field(default_factory=threading.Event)
    n_waiting: int = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.n_waiting += 1
        while not self.go_on.is_set():
            await asyncio.sleep(0.02)
        return await super().handle_DATA(server, session, envelope)


class Load:
    """Devices that send, and strangers that only connect, until it ends."""

    def __init__(self, port: int, senders: int) -> None:
        self._port, self._over = port, threading.Event()
        self.accepted: list[str] = []
        self.faults: list[str] = []
        self.n_connections = 0
        work = [threading.Thread(target=self._send, args=(n,)) for n in range(senders)]
        self._threads = [*work, threading.Thread(target=self._connect)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self, who: int) -> None:
        n = 0
        while not self._over.is_set():
            try:
                with _client(self._port) as client:
                    for _ in range(5):
                        n += 1
                        client.sendmail(
                            "scan@contoso.com", ["lena@fabrikam.com"], LETTER.format(n=f"{who}-{n}").encode()
                        )
                        self.accepted.append(f"{who}-{n}")
            except (OSError, smtplib.SMTPException) as error:
                self.faults.append(f"sender {who}: {error!r}")

    def _connect(self) -> None:
        while not self._over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 5.0) as peer:
                    assert peer.recv(3) == b"220"
                    peer.sendall(b"QUIT\r\n")
                self.n_connections += 1
            except (OSError, AssertionError) as error:
                self.faults.append(f"stranger: {error!r}")
            time.sleep(0.002)


def _descriptors(relay: Relay) -> int:
    assert relay.process is not None
    return len(list(Path(f"/proc/{relay.process.pid}/fd").iterdir()))


def test_fifty_reloads_under_load(tmp_path: Path) -> None:
    """No connection is refused, no session is cut, every message arrives once; and nothing is left open behind them."""
    port = _free_port()
    with Sink() as first, Sink() as second:
        plain = _config(port, routes={"a": first.address})
        other = _config(
            port,
            routes={"a": second.address},
            more='[repair]\nreceived = "short"\n[queue]\nretry = ["1s"]\n',
        )
        third = _config(port, routes={"b": first.address}, tls="optional")
        with Relay(tmp_path, plain) as relay, Load(port, 3) as load:
            eventually(lambda: len(load.accepted) > 20)
            settled = 0
            for n in range(50):
                relay.config_file.write_text((plain, other, third)[n % 3])
                relay.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
                count = n + 1
                eventually(lambda c=count: relay.log_file.read_text().count("config.reloaded") == c)  # type: ignore[misc]
                if n == 5:
                    settled = _descriptors(relay)
            assert len(load.accepted) > 50
            load.__exit__()
            eventually(lambda: len(first.delivered) + len(second.delivered) >= len(load.accepted))
            eventually(lambda: _descriptors(relay) <= settled + 3)
            assert 0 == relay.stop()

    assert [] == load.faults
    assert load.n_connections > 50
    assert sorted(load.accepted) == sorted(_subjects(first) + _subjects(second))
    assert "config.refused" not in relay.log_file.read_text()


def test_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    """Whatever is bad in it: the words name it, the exit code is 2 or 4, and mail goes on by what was there."""
    port = _free_port()
    with Sink() as sink, Relay(tmp_path, good := _config(port, routes={"a": sink.address})) as relay:
        bad = {
            "TOML": "[server\n",
            "kind": good.replace('"smarthost"', '"smarthoss"'),
            "missing.secret": good.replace('tls = "none"\n[[allow', 'tls = "none"\n[[allow')
            + '[[alerts.channel]]\nkind = "webhook"\nurl = { file = "missing.secret" }\n',
            "missing.pem": good.replace(
                'tls = "none"\n\n[[allow',
                'certificate = { file = "missing.pem" }\nkey = { file = "k" }\n[[allow',
            ),
            "192.0.2.1": good + LISTENER.format(port=1, tls="none").replace("127.0.0.1", "192.0.2.1"),
            "open relay": good.replace("127.0.0.0/8", "0.0.0.0/0").replace("127.0.0.1:", "0.0.0.0:"),
        }
        codes = {}
        for words, text in bad.items():
            relay.config_file.write_text(text)
            done = relay.command("reload")
            codes[words] = done.returncode
            assert words in done.stderr, (words, done.stderr)
            _give(port, words)
        eventually(lambda: len(sink.delivered) == len(bad))

    assert {4} == {codes.pop("open relay")}
    assert {2} == set(codes.values())
    assert "config.reloaded" not in relay.log_file.read_text()


def test_an_open_session_finishes_under_what_it_began_with(tmp_path: Path) -> None:
    """In the middle of its content its network is taken out of the file: it hears 250, and the next one 550."""
    port = _free_port()
    with Sink() as sink, Relay(tmp_path, _config(port, routes={"a": sink.address})) as relay:
        with _client(port) as open_one:
            open_one.mail("scan@contoso.com")
            open_one.rcpt("lena@fabrikam.com")
            assert open_one.docmd("DATA")[0] == 354
            open_one.send(LETTER.format(n="half").encode())
            found = _reload(relay, _config(port, routes={"a": sink.address}, network="192.0.2.0/24"))
            open_one.send(b"more\r\n.\r\n")
            end = open_one.getreply()
        with _client(port) as later:
            refused = later.mail("scan@contoso.com")
        eventually(lambda: _subjects(sink) == ["half"])

    assert ["[[allow]] changed"] == found["changes"]
    assert (250, 550) == (end[0], refused[0])


def test_listeners_come_and_go(tmp_path: Path) -> None:
    """One that is gone takes nobody in, and its session ends in peace; one that is new serves; one that stays stays."""
    stays, goes, comes = _free_port(), _free_port(), _free_port()
    with Sink() as sink, Relay(tmp_path, _config(stays, goes, routes={"a": sink.address})) as relay:
        with _client(goes) as old, _client(stays) as kept:
            found = _reload(relay, _config(stays, comes, routes={"a": sink.address}))
            old.sendmail("scan@contoso.com", ["lena@fabrikam.com"], LETTER.format(n="old").encode())
            kept.sendmail("scan@contoso.com", ["lena@fabrikam.com"], LETTER.format(n="kept").encode())
            _give(comes, "new")
        with socket.socket() as probe:
            is_open = probe.connect_ex(("127.0.0.1", goes)) == 0
        eventually(lambda: _subjects(sink) == ["kept", "new", "old"])

    assert not is_open
    assert {"changed": [], "added": [f"127.0.0.1:{comes}"], "removed": [f"127.0.0.1:{goes}"]} == found[
        "listeners"
    ]


def test_a_route_that_leads_elsewhere(tmp_path: Path) -> None:
    """What is on its way ends where it was sent, once; what waited goes where the route leads now, without a pause."""
    port = _free_port()
    with SlowSink() as old, Sink() as new:
        one_at_a_time = "connections = 1\n"
        with Relay(tmp_path, _config(port, routes={"a": old.address}, more=one_at_a_time)) as relay:
            _give(port, 1)
            eventually(lambda: old.n_waiting == 1)
            _give(port, 2)
            found = _reload(relay, _config(port, routes={"a": new.address}))
            eventually(lambda: _subjects(new) == ["2"])
            old.go_on.set()
            eventually(lambda: _subjects(old) == ["1"])
            eventually(lambda: relay.queue() == [])
            _give(port, 3)
            eventually(lambda: _subjects(new) == ["2", "3"])

    assert ["route a changed"] == found["changes"]
    assert ["1"] == _subjects(old)


def test_a_route_that_is_gone(tmp_path: Path) -> None:
    """Its mail goes by the rules that there are now, held mail can still be released, and what is on its way ends."""
    port = _free_port()
    rule = '[[rule]]\nrecipients = ["@fabrikam.com"]\nroutes = ["shut"]\n'
    with Sink() as sink:
        routes = {"well": sink.address, "shut": NOWHERE}
        with Relay(tmp_path, _config(port, routes=routes, more=rule)) as relay:
            for n in (1, 2):
                _give(port, n)
            first, second = (one["id"] for one in relay.queue())
            relay.command("queue", "hold", second)
            found = _reload(relay, _config(port, routes={"well": sink.address}))
            eventually(lambda: len(sink.delivered) == 1)
            eventually(lambda: [one["recipients"][0]["lane"] for one in relay.queue()] == ["well"])
            released = relay.command("queue", "release", second)
            eventually(lambda: _subjects(sink) == ["1", "2"])
            history = relay.command("queue", "show", first).stdout

    assert {"changed": [], "added": [], "removed": ["shut"]} == found["routes"]
    assert 0 == released.returncode, released.stderr
    assert "no shut any more" in history


def test_a_rule_that_names_another_route(tmp_path: Path) -> None:
    """Mail that waits in a route that its rule does not name any more goes to the one that it names."""
    port = _free_port()
    rule = '[[rule]]\nrecipients = ["@fabrikam.com"]\nroutes = ["{}"]\n'
    with Sink() as sink:
        routes = {"shut": NOWHERE, "well": sink.address}
        with Relay(tmp_path, _config(port, routes=routes, more=rule.format("shut"))) as relay:
            _give(port, 1)
            _give(port, 2, to="paul@contoso.com")
            found = _reload(relay, _config(port, routes=routes, more=rule.format("well")))
            eventually(lambda: _subjects(sink) == ["1"])
            waits = relay.queue()

    assert ["[[rule]] changed"] == found["changes"]
    assert ["paul@contoso.com"] == [r["address"] for one in waits for r in one["recipients"]]


def test_a_login_of_the_file(tmp_path: Path) -> None:
    """A [[user]] that was added may log in at once; one that was taken out may not."""
    port = _free_port()
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=1024)
    table = '[[user]]\nname = "{}"\npassword_hash = "{}"\n'
    with Sink() as sink:
        before = _config(port, routes={"a": sink.address}, more=table.format("old", hasher.hash("secret")))
        after = _config(port, routes={"a": sink.address}, more=table.format("new", hasher.hash("secret")))
        before, after = (text.replace('tls = "none"', 'tls = "optional"', 1) for text in (before, after))
        with Relay(tmp_path, before) as relay:
            was = [_login(port, name) for name in ("old", "new")]
            _reload(relay, after)
            now = [_login(port, name) for name in ("old", "new")]

    assert ([True, False], [False, True]) == (was, now)


def _login(port: int, name: str) -> bool:
    with _client(port) as client:
        client.starttls()
        client.ehlo("device.test")
        try:
            return client.login(name, "secret")[0] == 235
        except smtplib.SMTPAuthenticationError:
            return False


def test_the_supervisor_hears_of_it(tmp_path: Path) -> None:
    """RELOADING with the monotonic clock, then READY with where it listens now, whatever became of it."""
    port, other = _free_port(), _free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20.0)
        config = _config(port, routes={"a": NOWHERE})
        with Relay(tmp_path, config, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as relay:
            systemd.recv(4096)
            began_us = time.monotonic_ns() // 1000
            _reload(relay, _config(other, routes={"a": NOWHERE}))
            good = [systemd.recv(4096).decode() for _ in range(2)]
            relay.config_file.write_text("nothing")
            relay.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
            bad = [systemd.recv(4096).decode() for _ in range(2)]

    name, _, at_us = good[0].partition("\nMONOTONIC_USEC=")
    assert ("RELOADING=1", f"READY=1\nSTATUS=ready on 127.0.0.1:{other}") == (name, good[1])
    assert began_us <= int(at_us) <= time.monotonic_ns() // 1000
    assert good[1] == bad[1]


def test_what_needs_a_restart_is_named(tmp_path: Path) -> None:
    """The rest of the file holds; the key keeps its old value, and the exit code says that not all of it holds."""
    port = _free_port()
    with Sink() as sink, Relay(tmp_path, _config(port, routes={"a": sink.address})) as relay:
        more = '[queue]\ndisk_floor = "1M"\nretry = ["5s"]\n'
        relay.config_file.write_text(_config(port, routes={"a": sink.address}, more=more))
        first = relay.command("reload")
        second = relay.command("reload", "--json")

    assert (1, 1) == (first.returncode, second.returncode)
    assert "[queue] changed" in first.stdout
    assert "[queue] disk_floor" in first.stderr
    assert (["[queue] disk_floor"], []) == (
        json.loads(second.stdout)["needs_restart"],
        json.loads(second.stdout)["changes"],
    )


def test_nobody_runs(tmp_path: Path) -> None:
    """Exit 3 in three lines, before the first start and after a stop."""
    relay = Relay(tmp_path, _config(_free_port(), routes={"a": NOWHERE}))
    before = relay.command("reload")
    with relay:
        pass
    after = relay.command("reload")

    assert (3, 3) == (before.returncode, after.returncode)
    assert after.stderr.startswith("what: no relay runs")


def test_metrics_move(tmp_path: Path) -> None:
    """/metrics answers at the new address, and what was counted goes on; with the table gone it answers nowhere."""
    port, metrics, moved = _free_port(), _free_port(), _free_port()
    table = '[metrics]\naddress = "127.0.0.1:{}"\n'
    with Sink() as sink:
        routes = {"a": sink.address}
        with Relay(tmp_path, _config(port, routes=routes, more=table.format(metrics))) as relay:
            _give(port)
            _reload(relay, _config(port, routes=routes, more=table.format(moved)))
            page = _page(moved)
            is_old_open = bool(_page(metrics))
            _reload(relay, _config(port, routes=routes))
            is_new_open = bool(_page(moved))

    assert 'relay365_messages_accepted_total{lane="a",priority="normal"} 1.0' in page
    assert (False, False) == (is_old_open, is_new_open)


def _page(port: int) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), 5.0) as peer:
            peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            blocks = iter(lambda: peer.recv(65536), b"")
            return b"".join(blocks).decode()
    except OSError:
        return ""


def test_a_person_opens_a_shut_route(tmp_path: Path) -> None:
    """One message tries it: refused, it is shut again with the words; healed, all that waits goes at once."""
    port = _free_port()
    with Sink() as sink:
        sink.refuse["lena@fabrikam.com"] = "530 5.7.57 Client not authenticated to send mail"
        with Relay(tmp_path, _config(port, routes={"a": sink.address})) as relay:
            open_already = relay.command("route", "open", "a")
            _give(port)
            eventually(lambda: "HELD" in relay.command("route", "list").stdout)
            for n in range(1, 5):
                _give(port, n)
            still = relay.command("route", "open", "a")
            n_tried = relay.log_file.read_text().count("recipient.deferred")
            sink.refuse.clear()
            healed = relay.command("route", "open", "a", "--json")
            eventually(lambda: len(sink.delivered) == 5, deadline_s=10.0)
            nobody = relay.command("route", "open", "b")

    assert (0, 1, 0, 2) == tuple(one.returncode for one in (open_already, still, healed, nobody))
    assert "nothing to do" in open_already.stdout
    assert still.stderr.startswith("what: a is still shut\nwhy:  530 5.7.57")
    assert n_tried == 2
    assert ("a", "well") == (json.loads(healed.stdout)["lane"], json.loads(healed.stdout)["state"])
    assert 2 == relay.log_file.read_text().count("lane.asked lane=a")


def test_nothing_waits_in_a_shut_route(tmp_path: Path) -> None:
    """Then there is nothing to try with, and that is said."""
    port = _free_port()
    with Sink() as sink:
        sink.refuse["lena@fabrikam.com"] = "530 5.7.57 Client not authenticated to send mail"
        with Relay(tmp_path, _config(port, routes={"a": sink.address})) as relay:
            _give(port)
            eventually(lambda: "HELD" in relay.command("route", "list").stdout)
            relay.command("queue", "delete", relay.queue()[0]["id"])
            done = relay.command("route", "open", "a")

    assert 0 == done.returncode
    assert "no mail waits there" in done.stdout


def test_microsofts_side_notices_nothing(tmp_path: Path) -> None:
    """An unchanged route to Microsoft keeps its token and its warm line; a route beside it comes and goes meanwhile."""
    with microsoft(tmp_path) as cloud, cloud.relay(tmp_path / "relay") as relay:
        text = relay.config_file.read_text()
        relay.send(b"Subject: before\r\n\r\n1\r\n")
        eventually(lambda: len(cloud.control.messages()) == 1)
        seen = _seen(cloud)
        for n in range(4):
            _reload(relay, text + ROUTE.format(name="beside", host=NOWHERE) * (n % 2 == 0))
        relay.send(b"Subject: after\r\n\r\n2\r\n")
        eventually(lambda: len(cloud.control.messages()) == 2)

        assert seen == _seen(cloud)


def test_what_microsoft_counts_goes_on(tmp_path: Path) -> None:
    """Of a mailbox with another limit per minute, what was sent before the change counts, so no more than that goes."""
    with microsoft(tmp_path) as cloud, cloud.relay(tmp_path / "relay") as relay:
        text = relay.config_file.read_text()
        for n in range(4):
            relay.send(f"Subject: {n}\r\n\r\nx\r\n".encode())
        eventually(lambda: len(cloud.control.messages()) == 4)
        found = _reload(relay, re.sub(r"(?m)^mailbox = ", "per_minute = 6\nmailbox = ", text, count=1))
        for n in range(4, 10):
            relay.send(f"Subject: {n}\r\n\r\nx\r\n".encode())
        eventually(lambda: len(cloud.control.messages()) == 6)
        time.sleep(1.0)

        assert ["route submission changed"] == found["changes"]
        assert 6 == len(cloud.control.messages())
        assert 4 == len(relay.queue())


def _seen(cloud: Microsoft) -> tuple[int, int]:
    """Tokens that were asked for, and connections."""
    stats = cloud.control.stats()
    return stats["tokens"]["requests"], stats["connections"]


def test_a_route_that_comes_back(tmp_path: Path) -> None:
    """Held, taken away and put back: `status` calls nobody for it meanwhile, and its hold is probed when it is back."""
    port = _free_port()
    with Sink() as sink, Sink() as other:
        sink.refuse["lena@fabrikam.com"] = "530 5.7.57 Client not authenticated to send mail"
        routes = {"well": other.address, "shut": sink.address}
        rule = '[[rule]]\nrecipients = ["@fabrikam.com"]\nroutes = ["shut"]\n'
        with Relay(tmp_path, _config(port, routes=routes, more=rule)) as relay:
            _give(port, 1)
            eventually(lambda: "HELD" in relay.command("route", "list").stdout)
            _reload(relay, _config(port, routes={"well": other.address}))
            eventually(lambda: _subjects(other) == ["1"])
            gone = eventually(lambda: not _held(relay))
            sink.refuse.clear()
            _reload(relay, _config(port, routes=routes, more=rule))
            _give(port, 2)
            eventually(lambda: _subjects(sink) == ["2"])

    assert gone


def _held(relay: Relay) -> list[str]:
    found = json.loads(relay.command("status", "--json").stdout)
    return [one["lane"] for one in found["lanes"] if one["held"]]
