"""nginx's mail proxy in front of a listener with xclient_from: the devices behind it are told apart by XCLIENT."""

from __future__ import annotations

import json
import shutil
import smtplib
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.house import DEADLINE_S, SMARTHOST, Delivered, Relay, Sink, eventually
from servers.nginx import IS_HERE, Nginx

COPIER, ELSEWHERE = "127.0.0.9", "127.0.0.8"  # both of them reach a port on loopback
PASSWORD = "k3y-at-the-proxy"
CONTENT = b"From: scan@contoso.com\r\nSubject: by proxy\r\n\r\nhello\r\n"
NAMED = 'xclient_from = ["127.0.0.1/32"]'
UNNAMED = 'xclient_from = ["192.0.2.1/32"]'
DEVICES = """
[[device]]
name = "copier"
match = { address = ["127.0.0.9"] }
senders = ["scan@contoso.com"]
[[device]]
name = "erp"
match = { login = "erp" }
senders = ["erp@contoso.com"]
"""

needs_nginx = pytest.mark.skipif(not IS_HERE, reason="nginx is not unpacked below tests/interop/.tools")


@contextmanager
def relay_behind(folder: Path, trust: str) -> Iterator[tuple[Relay, Sink]]:
    """A relay with two devices and nobody else, and a sink behind it. trust: a line for its listener."""
    with Sink() as sink:
        text = SMARTHOST.format(host=sink.address).replace("127.0.0.0/8", "192.0.2.0/24")
        door = 'address = "127.0.0.1:0"'
        with Relay(folder, text.replace(door, f"{door}\n{trust}") + DEVICES) as relay:
            yield relay, sink


def send(port: int, address: str, sender: str, login: str = "") -> str:
    """One message from an address, with or without a login; gives the reply that it ended with."""
    with smtplib.SMTP("127.0.0.1", port, "copier.test", DEADLINE_S, (address, 0)) as client:
        client.ehlo()
        if login:
            code, said = client.docmd("AUTH PLAIN", b64encode(f"\0{login}\0{PASSWORD}".encode()).decode())
            if code != 235:
                return f"{code} {said.decode()}"
        for step, argument in (
            (client.mail, sender),
            (client.rcpt, "lena@fabrikam.com"),
            (client.data, CONTENT),
        ):
            code, said = step(argument)
            if code != 250:
                break
        return f"{code} {said.decode()}"


def trace_of(delivered: list[Delivered], sender: str) -> bytes:
    """The lines of our Received field, joined, of the one message with this envelope sender."""
    (content,) = [one.content for one in delivered if one.reverse_path == sender]
    return content.partition(b";")[0].replace(b"\r\n\t", b" ")


def clients_of(relay: Relay) -> dict[str, Any]:
    """What the black box knows: name, or address of a stranger -> its facts."""
    lines = relay.command("device", "list", "--json").stdout.splitlines()
    known = [json.loads(line) for line in lines]
    return {one["name"] or one["address"]: one for one in known if one["last_heard_at"]}


@needs_nginx
def test_a_device_behind_nginx_is_known_by_address_and_login(tmp_path: Path) -> None:
    """What nginx says by XCLIENT is what the rules go by: the copier by its address, the ERP by the login that nginx
    has checked, each with its own senders; an address that no rule knows is refused although nginx itself is here.
    """
    with (
        relay_behind(tmp_path, NAMED) as (relay, sink),
        Nginx(tmp_path / "nginx", relay.port, PASSWORD) as nginx,
    ):
        by_address = send(nginx.port, COPIER, "scan@contoso.com")
        by_login = send(nginx.port, ELSEWHERE, "erp@contoso.com", "erp")
        wrong_sender = send(nginx.port, ELSEWHERE, "scan@contoso.com", "erp")
        stranger = send(nginx.port, ELSEWHERE, "scan@contoso.com")
        methods = [one["auth-method"] for one in nginx.desk.asked]
        eventually(lambda: len(sink.delivered) >= 2)
        eventually(lambda: {"copier", "erp", ELSEWHERE} <= set(clients_of(relay)))
        known = clients_of(relay)

    assert ["250 2.6.0 queued as"] * 2 == [reply[:19] for reply in (by_address, by_login)]
    assert "550 5.7.1 sender not allowed here (R2)" == wrong_sender
    assert "550 5.7.1 address not allowed here (R0)" == stranger
    assert ["none", "plain", "plain", "none"] == methods
    assert b"[127.0.0.9]) by localhost (relay365) with ESMTP id" in trace_of(
        sink.delivered, "scan@contoso.com"
    )
    assert b"[127.0.0.8]) by localhost (relay365) with ESMTPA id" in trace_of(
        sink.delivered, "erp@contoso.com"
    )
    assert (COPIER, "copier.test", None) == tuple(
        known["copier"][key] for key in ("address", "helo", "login")
    )
    assert (ELSEWHERE, "erp") == (known["erp"]["address"], known["erp"]["login"])
    assert "127.0.0.1" not in known


@needs_nginx
def test_an_nginx_that_is_not_named_speaks_for_nobody(tmp_path: Path) -> None:
    """XCLIENT is neither offered to it nor taken from it: no mail, by no address and by no login."""
    with (
        relay_behind(tmp_path, UNNAMED) as (relay, sink),
        Nginx(tmp_path / "nginx", relay.port, PASSWORD) as nginx,
    ):
        replies = [
            send(nginx.port, COPIER, "scan@contoso.com"),
            send(nginx.port, ELSEWHERE, "erp@contoso.com", "erp"),
        ]
        queue = relay.queue()

    assert ["502 5.5.1 Command not implemented (A6)"] * 2 == replies
    assert [] == queue == sink.delivered


@needs_nginx
def test_without_xclient_every_device_is_the_proxy(tmp_path: Path) -> None:
    """What makes the difference is XCLIENT alone: with `xclient off` the copier behind nginx is nobody."""
    with (
        relay_behind(tmp_path, NAMED) as (relay, sink),
        Nginx(tmp_path / "nginx", relay.port, PASSWORD, xclient=False) as nginx,
    ):
        reply = send(nginx.port, COPIER, "scan@contoso.com")

    assert "550 5.7.1 address not allowed here (R0)" == reply
    assert [] == sink.delivered


@needs_nginx
@pytest.mark.parametrize("attributes", ["LOGIN=erp", "ADDR=127.0.0.9 LOGIN=[UNAVAILABLE]"])
def test_a_device_behind_nginx_cannot_make_itself_another(tmp_path: Path, attributes: str) -> None:
    """nginx passes on whatever a client says behind its login: an XCLIENT of the client's own is refused."""
    with (
        relay_behind(tmp_path, NAMED) as (relay, sink),
        Nginx(tmp_path / "nginx", relay.port, PASSWORD) as nginx,
        smtplib.SMTP("127.0.0.1", nginx.port, "x.test", DEADLINE_S, (ELSEWHERE, 0)) as client,
    ):
        client.ehlo()
        client.docmd("AUTH PLAIN", b64encode(f"\0guest\0{PASSWORD}".encode()).decode())
        _, offered = client.ehlo()
        replies = [client.docmd("XCLIENT", attributes)]
        client.ehlo()
        replies.append(client.mail("scan@contoso.com"))

    assert b"XCLIENT" not in offered
    assert [502, 250] == [code for code, _ in replies]  # still the guest, whose login may send as anybody
    assert [] == sink.delivered


def _swaks(relay: Relay, *arguments: str) -> subprocess.CompletedProcess[str]:
    """swaks as a proxy that says it itself."""
    command = ["swaks", "--server", f"127.0.0.1:{relay.port}", "--helo", "proxy.test", "--hide-informational"]
    envelope = ["--from", "scan@contoso.com", "--to", "lena@fabrikam.com"]
    return subprocess.run(
        [*command, *envelope, *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not here")
@pytest.mark.parametrize(("trust", "is_taken"), [(NAMED, True), (UNNAMED, False)], ids=["named", "unnamed"])
def test_swaks_says_every_attribute(tmp_path: Path, trust: str, is_taken: bool) -> None:
    """A second speaker, which asks whether XCLIENT is offered: name, address, port, protocol, HELO and login arrive
    where it is named; where it is not, nothing is offered and swaks gives up.
    """
    said = ("--xclient-addr", COPIER, "--xclient-name", "copier.lan", "--xclient-port", "1025")
    more = ("--xclient-proto", "ESMTP", "--xclient-helo", "scan7", "--xclient-login", "scan")
    with relay_behind(tmp_path, trust) as (relay, sink):
        done = _swaks(relay, *said, *more)
        if is_taken:
            eventually(lambda: sink.delivered)
        traces = [one.content.partition(b";")[0].replace(b"\r\n\t", b" ") for one in sink.delivered]

    assert (is_taken, is_taken) == (done.returncode == 0, "XCLIENT " in done.stdout), done.stdout
    assert [True] * is_taken == [
        b"[127.0.0.9]) by localhost (relay365) with ESMTPA id" in one for one in traces
    ]
