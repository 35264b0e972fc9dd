"""Servers that we did not write and that want our certificate: Postfix and aiosmtpd, with its chain and without it."""

from __future__ import annotations

import itertools
import ssl
import subprocess
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from clients.order import missing
from e2e.house import Relay, Sink, _free_port, eventually, without_trace
from servers.authority import Authority, Papers, authority, papers
from servers.postfix import Postfix

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "connector"
host = "{host}"
ca_file = "{ca_file}"
source = "127.0.0.7"
"""
MINE = 'certificate = {{ file = "{chain}" }}\nkey = {{ file = "{key}" }}\n'
NAME = "relay.contoso.test"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the servers."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Who vouches for us: the servers know the root and no intermediate."""
    return papers(tmp_path_factory.mktemp("papers"), NAME)


def content() -> bytes:
    mark = f"certificate-{next(_numbers)}"
    return (
        f"From: ERP <erp@contoso.com>\r\nTo: lena@fabrikam.com\r\nSubject: x\r\nMessage-ID: <{mark}@erp.test>\r\n"
        f"Date: {formatdate()}\r\n\r\nhello\r\n..dots\r\n"
    ).encode()


def relay(home: Path, address: str, own: Authority, mine: Papers | None) -> Relay:
    home.mkdir()
    config = CONFIG.format(host=address, ca_file=own.ca)
    return Relay(home, config + (MINE.format(chain=mine.chain, key=mine.key) if mine else ""))


@pytest.mark.skipif(
    missing(".tools/postfix") or missing("root"), reason="Postfix is not here, or we are not root"
)
@pytest.mark.parametrize("shown", [True, False])
def test_postfix_knows_us_by_our_certificate(
    shown: bool, tmp_path: Path, own: Authority, mine: Papers
) -> None:
    """Its trace names our certificate as verified, and our source address; without it nothing is relayed."""
    mail, port = content(), _free_port()
    with Sink() as sink:
        settings = {
            "relayhost": "[{}]:{}".format(*sink.address.rsplit(":", 1)), "smtp_tls_security_level": "none",
            "mynetworks": "192.0.2.0/24", "smtpd_tls_security_level": "encrypt", "smtpd_tls_ask_ccert": "yes",
            "smtpd_tls_CAfile": str(mine.root), "smtpd_tls_received_header": "yes",
            "smtpd_tls_cert_file": str(own.certificate), "smtpd_tls_key_file": str(own.key),
            "smtpd_recipient_restrictions": "permit_tls_all_clientcerts, defer",
            "smtpd_relay_restrictions": "permit_tls_all_clientcerts, defer",
        }  # fmt: skip
        with (
            Postfix(tmp_path / "postfix", settings, listen=port),
            relay(tmp_path / "relay", f"127.0.0.1:{port}", own, mine if shown else None) as running,
        ):
            running.send(mail, sender="erp@contoso.com")
            if not shown:
                eventually(lambda: "recipient.deferred" in running.log_file.read_text())
                assert [] == list(sink.delivered)
                return
            (arrived,) = eventually(lambda: list(sink.delivered))

    assert mail == without_trace(without_trace(arrived.content))
    trace = arrived.content.partition(b";")[0]
    assert f'Client CN "{NAME}", Issuer "intermediate" (verified OK)'.encode() in trace
    assert b"[127.0.0.7]" in trace


class Box:
    """What aiosmtpd took, and whom it saw."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.peers: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.taken.append(envelope.original_content)
        self.peers.append(session.peer[0])
        return "250 2.0.0 taken"


def test_aiosmtpd_takes_our_chain(tmp_path: Path, own: Authority, mine: Papers) -> None:
    """A server that ends the handshake without a whole chain takes our mail: the intermediate is sent."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(mine.root))
    context.load_cert_chain(own.certificate, own.key)
    context.verify_mode = ssl.CERT_REQUIRED
    box, mail = Box(), content()
    server = Controller(
        box, hostname="127.0.0.1", port=_free_port(), tls_context=context, require_starttls=True
    )
    server.start()
    try:
        assert not _is_let_in(server.port, own, mine)
        assert _is_let_in(server.port, own, mine, "-cert_chain", str(mine.chain))
        with relay(tmp_path / "relay", f"127.0.0.1:{server.port}", own, mine) as running:
            running.send(mail, sender="erp@contoso.com")
            eventually(lambda: box.taken)
    finally:
        server.stop()

    assert [mail] == [without_trace(one) for one in box.taken]
    assert ["127.0.0.7"] == box.peers


def _is_let_in(port: int, own: Authority, mine: Papers, *chain: str) -> bool:
    """The control: whether openssl s_client with our leaf, and what else it is told, hears an answer behind TLS."""
    result = subprocess.run(
        [
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-quiet", "-crlf", "-ign_eof",
            "-CAfile", str(own.ca), "-cert", str(mine.leaf), "-key", str(mine.key), *chain,
        ],
        input=b"NOOP\nQUIT\n", capture_output=True, timeout=30,
    )  # fmt: skip
    return b"221" in result.stdout
