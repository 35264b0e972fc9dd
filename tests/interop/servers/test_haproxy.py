"""HAProxy in front of a listener with proxy_from: the devices behind it are told apart, by both forms of its header."""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients.order import missing
from e2e.house import DEADLINE_S, SMARTHOST, Relay, Sink, _free_port, eventually

pytestmark = pytest.mark.skipif(missing("haproxy"), reason="haproxy is not here")

COPIER, STRANGER = "127.0.0.9", "127.0.0.8"  # both of them reach a port on loopback
CONTENT = b"From: scan@contoso.com\r\nSubject: by proxy\r\n\r\nhello\r\n"
LISTENERS = """address = "127.0.0.1:0"
proxy_from = ["127.0.0.1/32"]
[[listener]]
address = "127.0.0.1:0"
tls = "implicit"
proxy_from = ["127.0.0.1/32"]
[[device]]
name = "copier"
match = { address = ["127.0.0.9"] }"""
PROXY = """
global
    maxconn 50
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
"""
ONE = """
listen {name}
    bind 127.0.0.1:{port}
    server relay 127.0.0.1:{to} {word} check inter 100 fall 1 rise 1 check-send-proxy
"""


@contextmanager
def haproxy(directory: Path, word: str, relay: Relay) -> Iterator[list[int]]:
    """A HAProxy of our own in front of both listeners; gives its ports."""
    ports = [_free_port() for _ in relay.ports]
    text = PROXY + "".join(
        ONE.format(name=f"door{n}", port=port, to=to, word=word)
        for n, (port, to) in enumerate(zip(ports, relay.ports, strict=True))
    )
    file = directory / "haproxy.cfg"
    file.write_text(text, "utf-8")
    said = directory / "haproxy.log"
    with said.open("w") as log:
        process = subprocess.Popen(["haproxy", "-f", str(file), "-db"], stdout=log, stderr=log)
    try:
        eventually(lambda: process.poll() is not None or all(_listens(port) for port in ports))
        assert process.poll() is None, said.read_text("utf-8")
        yield ports
        assert "is DOWN" not in said.read_text("utf-8")
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def relay_behind(tmp_path: Path) -> Iterator[tuple[Relay, Sink]]:
    with Sink() as sink:
        text = SMARTHOST.format(host=sink.address).replace('address = "127.0.0.1:0"', LISTENERS)
        with Relay(tmp_path, text.replace('network = "127.0.0.0/8"', 'network = "192.0.2.0/24"')) as relay:
            yield relay, sink


def _send(client: smtplib.SMTP) -> int:
    try:
        client.sendmail("scan@contoso.com", ["lena@fabrikam.com"], CONTENT)
    except smtplib.SMTPSenderRefused as refused:
        return int(refused.smtp_code)
    return 250


def _listed(relay: Relay) -> str:
    return relay.command("device", "list", "--json").stdout.replace(" ", "")


@pytest.mark.parametrize("word", ["send-proxy", "send-proxy-v2"])
def test_a_device_behind_haproxy_is_known_by_its_own_address(tmp_path: Path, word: str) -> None:
    """In clear, with STARTTLS and with TLS from the first octet; who is nobody's device is refused; the checks of the
    proxy itself, which have a header of their own, leave the listener up; nobody gets past the proxy.
    """
    with relay_behind(tmp_path) as (relay, sink), haproxy(tmp_path, word, relay) as (plain, implicit):
        trust = ssl.create_default_context(cafile=str(relay.ca_file))
        with smtplib.SMTP("127.0.0.1", plain, "copier.test", DEADLINE_S, (COPIER, 0)) as client:
            in_clear = _send(client)
        with smtplib.SMTP("127.0.0.1", plain, "copier.test", DEADLINE_S, (COPIER, 0)) as client:
            client.starttls(context=trust)
            by_starttls = _send(client)
        with smtplib.SMTP_SSL(
            "127.0.0.1",
            implicit,
            "copier.test",
            timeout=DEADLINE_S,
            source_address=(COPIER, 0),
            context=trust,
        ) as client:
            by_tls = _send(client)
        with smtplib.SMTP("127.0.0.1", plain, "x.test", DEADLINE_S, (STRANGER, 0)) as client:
            refused = _send(client)
        with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S, ("127.0.0.1", 0)) as past:
            past.sendall(b"EHLO past.the.proxy\r\n")
            unheard = past.recv(4096)
        eventually(lambda: len(sink.delivered) >= 3)
        traces = [one.content.partition(b";")[0] for one in sink.delivered]
        # The black box is written once a second, or later where the last writing took long.
        eventually(lambda: f'"address":"{STRANGER}"' in _listed(relay))
        listed = _listed(relay)

    assert (250, 250, 250, 550, b"") == (in_clear, by_starttls, by_tls, refused, unheard)
    assert [True] * 3 == [b"[127.0.0.9]" in one for one in traces]
    assert '"name":"copier"' in listed
