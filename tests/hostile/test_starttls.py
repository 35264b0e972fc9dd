"""STARTTLS from both sides, with real TLS: nothing said in clear counts behind the handshake, and no secret leaves us
over a link that is not what it should be. (RFC 3207 4.2, 6; CVE-2011-0411, CVE-2021-38371; "NO STARTTLS", 2021)
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, eventually
from hostile.impostor import Impostor
from relay365.clock import SystemClock
from relay365.net.tls import own_certificate, server_context

PATIENCE_S = 10.0
USER, PASSWORD = "scan-canary", "S3cret-canary"
SECRETS = [
    text
    for secret in (USER, PASSWORD)
    for text in (
        secret.encode(),
        base64.b64encode(secret.encode()),
        base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()),
    )
]


# -- our door ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with Relay(tmp_path_factory.mktemp("relay"), SMARTHOST.format(host="127.0.0.1:1")) as running:
        yield running


GLUED = {
    "a-command": b"NOOP\r\n",
    "a-reset": b"RSET\r\n",
    "an-envelope": b"MAIL FROM:<evil@corp.test>\r\nRCPT TO:<victim@else.test>\r\n",
    "a-whole-message": b"EHLO x\r\nMAIL FROM:<e@corp.test>\r\nRCPT TO:<v@else.test>\r\nDATA\r\nboo\r\n.\r\n",
    "half-a-command": b"MAIL FROM:<evil@corp",
    "a-login": b"AUTH PLAIN AGEAYg==\r\n",
    "another-starttls": b"STARTTLS\r\nNOOP\r\n",
    "half-a-line-end": b"NOOP\r",
}


@pytest.mark.parametrize("glued", GLUED)
def test_what_is_glued_behind_starttls_is_never_answered(relay: Relay, glued: str) -> None:
    """In clear there is the 220 and silence; behind the handshake the first reply is the one to our own command, and
    no envelope of the attacker stands.
    """
    with socket.create_connection(("127.0.0.1", relay.port), PATIENCE_S) as wire:
        wire.recv(4096)
        wire.sendall(b"EHLO device.test\r\n")
        _read_to(wire, b"250 DSN\r\n")
        wire.sendall(b"STARTTLS\r\n" + GLUED[glued])
        context = ssl.create_default_context(cafile=str(relay.ca_file))

        assert b"220 2.0.0 Ready to start TLS\r\n" == _read_to(wire, b"\r\n")
        with context.wrap_socket(wire, server_hostname="localhost") as secured:
            secured.sendall(b"RCPT TO:<lena@else.test>\r\nVRFY x\r\n")

            assert b"503 5.5.1 Need MAIL before RCPT (A11)\r\n" == _read_to(secured, b"\r\n")[:39]
            assert b"252 2.5.0 " == _read_to(secured, b"\r\n")[:10]


def _read_to(wire: socket.socket, end: bytes) -> bytes:
    """Octet by octet, so that nothing behind is taken."""
    said = b""
    while not said.endswith(end):
        octet = wire.recv(1)
        assert octet, said
        said += octet
    return said


# -- our way out ------------------------------------------------------------------------------------------------------


def _contexts(folder: Path) -> dict[str, ssl.SSLContext]:
    now, day_s = SystemClock().now(), 86400.0
    folders = {name: folder / name for name in ("good", "wrong-name", "expired", "stranger")}
    files = {
        "good": own_certificate(folders["good"], ["localhost", "127.0.0.1"], now),
        "stranger": own_certificate(folders["stranger"], ["localhost", "127.0.0.1"], now),
    }
    for name, names, at in (
        ("wrong-name", ["other.test"], now), ("expired", ["localhost", "127.0.0.1"], now - 500 * day_s),
    ):  # fmt: skip
        folders[name].mkdir()
        for file in ("ca.pem", "ca.key"):
            (folders[name] / file).write_bytes((folders["good"] / file).read_bytes())
        files[name] = own_certificate(folders[name], names, at)
    return {name: server_context(*pair) for name, pair in files.items()}


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ssl.SSLContext]:
    return _contexts(tmp_path_factory.getbasetemp() / "impostors")


@pytest.fixture(scope="module")
def ca_file(contexts: dict[str, ssl.SSLContext], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "impostors" / "good" / "ca.pem"


def _relay(directory: Path, impostor: Impostor, ca_file: Path) -> Relay:
    config = SMARTHOST.format(host=f"127.0.0.1:{impostor.port}").replace('tls = "none"', 'tls = "required"')
    (directory / "password").write_text(PASSWORD)
    return Relay(
        directory, f'{config}user = "{USER}"\npassword = {{ file = "password" }}\nca_file = "{ca_file}"\n'
    )


GLUED_REPLIES = {
    "an-ehlo-reply": b"250-impostor.test\r\n250-SIZE 1\r\n250 AUTH PLAIN\r\n",
    "a-login-reply": b"250 impostor.test\r\n235 2.7.0 welcome\r\n",
    "half-a-reply": b"250-SIZE 1\r\n250-",
    "a-refusal": b"554 5.7.1 go away\r\n",
}


@pytest.mark.parametrize("glued", GLUED_REPLIES)
def test_replies_glued_behind_the_220_are_not_believed(
    tmp_path: Path, contexts: dict[str, ssl.SSLContext], ca_file: Path, glued: str
) -> None:
    """They would make a message too large, a login done, or a session refused; the message goes its ordinary way, with
    the login said behind TLS only.
    """
    impostor = Impostor(starttls=b"220 2.0.0 go\r\n" + GLUED_REPLIES[glued], context=contexts["good"])
    with impostor.running(), _relay(tmp_path, impostor, ca_file) as relay:
        relay.send(b"Message-ID: <a@device.test>\r\nSubject: x\r\n\r\nhello\r\n")
        eventually(lambda: not relay.queue())

    assert b"hello" in impostor.secured
    assert b"AUTH LOGIN" in impostor.secured
    assert [] == [secret for secret in SECRETS if secret in impostor.in_clear]
    assert b"MAIL FROM" not in impostor.in_clear


LIARS = {
    "no-starttls": (Impostor(features=(b"AUTH LOGIN PLAIN",)), "good"),
    "starttls-refused": (Impostor(starttls=b"454 4.7.0 TLS not available\r\n"), None),
    "starttls-unknown": (Impostor(starttls=b"502 5.5.1 no such command\r\n"), None),
    "no-handshake": (Impostor(starttls=b"220 2.0.0 go\r\n250 AUTH LOGIN\r\n"), None),
    "stranger": (Impostor(), "stranger"),
    "wrong-name": (Impostor(), "wrong-name"),
    "expired": (Impostor(), "expired"),
}


@pytest.mark.parametrize("liar", LIARS)
def test_no_secret_and_no_mail_leaves_over_a_bad_link(
    tmp_path: Path, contexts: dict[str, ssl.SSLContext], ca_file: Path, liar: str
) -> None:
    """Where TLS is stripped, refused, or proves another name, nothing but EHLO, STARTTLS and QUIT is said, and the
    mail stays queued.
    """
    impostor, certificate = LIARS[liar]
    impostor.context = contexts[certificate] if certificate else None
    with impostor.running(), _relay(tmp_path, impostor, ca_file) as relay:
        relay.send(b"Message-ID: <a@device.test>\r\nSubject: x\r\n\r\nprivate\r\n")
        eventually(lambda: relay.queue()[0]["recipients"][0]["last_reply"])
        states = [recipient["state"] for view in relay.queue() for recipient in view["recipients"]]
    verbs = set(re.findall(rb"(?m)^[A-Z]{4,8}\b", bytes(impostor.in_clear)))

    assert ["queued"] == states
    assert b"" == bytes(impostor.secured)
    assert [] == [secret for secret in [*SECRETS, b"private", b"MAIL"] if secret in impostor.in_clear]
    assert verbs <= {b"EHLO", b"STARTTLS", b"QUIT"}
    assert impostor.n_connections >= 1
