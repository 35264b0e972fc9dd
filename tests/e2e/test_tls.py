"""Handshakes as devices make them: the relay as a process, `openssl s_client` and Python's ssl as the devices."""

from __future__ import annotations

import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from e2e.house import Relay, eventually
from relay365.clock import SystemClock
from relay365.net.tls import own_certificate

DEADLINE_S = 20.0
RSA_ONLY = ("-tls1_2", "-cipher", "AES128-GCM-SHA256")
OLD_RSA = ("-tls1_2", "-cipher", "AES256-SHA")
TLS_1_0 = ("-tls1", "-cipher", "AES256-SHA:@SECLEVEL=0")
STARTTLS = ("-starttls", "smtp")

HEAD = """
[server]
name = "relay.test"
data = "./data"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:1"
tls = "none"
"""
LEGACY = """
[[listener]]
address = "127.0.0.1:0"
ciphers = "legacy"
hosts = ["127.0.0.0/8"]
review_by = {review_by}
"""


def listener(*keys: str, address: str = "127.0.0.1:0") -> str:
    return "\n".join(["[[listener]]", f'address = "{address}"', *keys, ""])


def s_client(port: int, *options: str) -> tuple[int, str]:
    """Connect with OpenSSL's own client, say EHLO and QUIT; gives its exit code and all that it wrote."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-crlf", "-ign_eof", *options],
        input="EHLO printer\nQUIT\n", capture_output=True, text=True, timeout=DEADLINE_S, errors="replace",
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def cipher_of(output: str) -> str:
    """Version and cipher that s_client names, "" when there was none."""
    lines = [line.strip() for line in output.splitlines()]
    found = [line for line in lines if line.startswith("New, ") and "Cipher is" in line]
    version = [line.partition(":")[2].strip() for line in lines if line.startswith("Protocol  :")]
    name = found[-1].rpartition(" ")[2] if found else ""
    return f"{version[-1] if version else ''} {name}".strip() if name not in ("", "(NONE)") else ""


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with every kind of listener: office, modern, legacy, implicit, implicit with plain words, none."""
    config = HEAD + "".join(
        (
            listener(),
            listener('ciphers = "modern"'),
            LEGACY.format(review_by="2019-12-31"),
            listener('tls = "implicit"'),
            listener('tls = "none"'),
        )
    )
    with Relay(tmp_path_factory.mktemp("doors"), config) as relay:
        yield relay


OFFICE, MODERN, OLD, IMPLICIT, NONE = range(5)


@pytest.mark.parametrize(
    ("door", "client", "cipher"),
    [
        (OFFICE, RSA_ONLY, "TLSv1.2 AES128-GCM-SHA256"),
        (OFFICE, OLD_RSA, "TLSv1.2 AES256-SHA"),
        (OFFICE, ("-tls1_3",), "TLS_AES_256_GCM_SHA384"),
        (OFFICE, ("-tls1_2",), "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"),
        (MODERN, ("-tls1_2",), "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"),
        (OLD, TLS_1_0, "TLSv1 AES256-SHA"),
        (OLD, RSA_ONLY, "TLSv1.2 AES128-GCM-SHA256"),
        (OLD, ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "TLSv1.1 ECDHE-RSA-AES256-SHA"),
    ],
)
def test_what_a_device_can_is_taken(doors: Relay, door: int, client: tuple[str, ...], cipher: str) -> None:
    """Behind STARTTLS the cipher is the one that both can, and the session goes on to its end."""
    code, output = s_client(doors.ports[door], *STARTTLS, *client)

    assert cipher == cipher_of(output) if " " in cipher else cipher in output
    assert "250-relay.test greets" in output
    assert "221 2.0.0" in output
    assert 0 == code


@pytest.mark.parametrize(
    ("door", "client", "words"),
    [
        (MODERN, RSA_ONLY, "no cipher in common: the client (TLS 1.2) offers only RSA key exchange"),
        (OFFICE, TLS_1_0, 'the client offers TLS 1.0 at most; a listener with ciphers = "legacy" takes'),
        (MODERN, TLS_1_0, "the client offers TLS 1.0 at most"),
        (MODERN, ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "the client offers TLS 1.1 at most"),
        (OFFICE, ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "the client offers TLS 1.1 at most"),
    ],
)
def test_what_a_listener_does_not_take_fails_with_words(
    doors: Relay, door: int, client: tuple[str, ...], words: str
) -> None:
    """No handshake comes about, and the log says what the device offered and which setting takes it."""
    _, output = s_client(doors.ports[door], *STARTTLS, *client)

    assert "" == cipher_of(output)
    eventually(lambda: f"tls.failed peer=127.0.0.1 reason=tls: {words}" in doors.log_file.read_text())


def test_no_cipher_without_a_certificate_is_ever_offered(doors: Relay) -> None:
    """Anonymous suites, which anybody in between could answer, are not for legacy devices either."""
    _, output = s_client(doors.ports[OLD], *STARTTLS, "-tls1_2", "-cipher", "aNULL:@SECLEVEL=0")

    assert "" == cipher_of(output)


def test_a_client_that_does_not_trust_us_is_understood(doors: Relay) -> None:
    """Its alert becomes an instruction in the log: import the authority, or switch the check off."""
    with pytest.raises(ssl.SSLCertVerificationError), smtplib.SMTP("127.0.0.1", doors.port) as client:
        client.starttls(context=ssl.create_default_context())

    eventually(lambda: "the device does not trust our certificate: import" in doors.log_file.read_text())


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_our_certificate_names_the_listener(doors: Relay, name: str) -> None:
    """With the authority imported, address and name are verified by the strictest client."""
    context = ssl.create_default_context(cafile=str(doors.ca_file))
    with smtplib.SMTP_SSL(name, doors.ports[IMPLICIT], context=context, timeout=DEADLINE_S) as client:
        assert 250 == client.ehlo()[0]


def test_a_client_that_begins_tls_at_once_is_served_on_a_plain_port(doors: Relay) -> None:
    """An address that was never here is given a moment; the greeting comes encrypted, and the log names it."""
    code, output = s_client(doors.ports[OFFICE], "-bind", "127.0.0.11:0")

    assert "220 relay.test ESMTP" in output
    assert "250-STARTTLS" not in output
    assert "221 2.0.0" in output
    assert 0 == code
    eventually(lambda: "tls.at-once peer=127.0.0.11 " in doors.log_file.read_text())


def test_an_address_that_spoke_plainly_is_not_waited_for_until_it_begins_tls(tmp_path: Path) -> None:
    """The first TLS at once behind plain sessions comes too late and is explained; the next one is served."""
    with Relay(tmp_path, HEAD + listener()) as relay:
        with smtplib.SMTP("127.0.0.1", relay.port) as plain:
            plain.ehlo()
        _, lost = s_client(relay.port)
        eventually(lambda: "its next connection is waited for" in relay.log_file.read_text())
        _, served = s_client(relay.port)
        with smtplib.SMTP("127.0.0.1", relay.port) as plain:
            greeted = plain.ehlo()[0]

    assert "" == cipher_of(lost)
    assert "220 relay.test ESMTP" in served
    assert 250 == greeted


def test_tls_at_once_where_there_is_none_is_explained(doors: Relay) -> None:
    """A listener with tls = "none" has nothing to answer with; the log says what to set."""
    _, output = s_client(doors.ports[NONE])

    assert "" == cipher_of(output)
    eventually(lambda: "it began TLS at once, and this listener has none" in doors.log_file.read_text())


@pytest.mark.parametrize("door", [OFFICE, IMPLICIT])
def test_an_sslv2_hello_is_named(doors: Relay, door: int) -> None:
    """What HP printers of 2013 begin with: no TLS of today can read it, so the log says it in words."""
    n_before = doors.log_file.read_text().count("SSLv2 hello")
    with socket.create_connection(("127.0.0.1", doors.ports[door]), DEADLINE_S) as wire:
        wire.sendall(bytes.fromhex("802e0103010015000000100000390000380000350000160000130000") + b"\0" * 20)
        while wire.recv(4096):
            pass

    eventually(lambda: doors.log_file.read_text().count("SSLv2 hello") > n_before)


def test_a_plain_client_on_the_tls_port_is_explained(doors: Relay) -> None:
    """Plain words end the connection, silence is named after three seconds; both say which port to set."""
    with socket.create_connection(("127.0.0.1", doors.ports[IMPLICIT]), DEADLINE_S) as early:
        early.sendall(b"EHLO printer\r\n")
        assert b"" == early.recv(4096)
    with socket.create_connection(("127.0.0.1", doors.ports[IMPLICIT]), DEADLINE_S) as silent:
        eventually(lambda: "nothing said for 3 s: plain client on the TLS port" in doors.log_file.read_text())
        context = ssl.create_default_context(cafile=str(doors.ca_file))
        with context.wrap_socket(silent, server_hostname="localhost") as slow:
            assert slow.recv(4096).startswith(b"220 ")


def test_the_last_sessions_of_a_device_show_the_reason(tmp_path: Path) -> None:
    """A technician who asks for the device reads what the log says: once, as the reading of a session without words."""
    with Relay(tmp_path, HEAD + listener('tls = "implicit"')) as relay:
        with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S) as plain:
            plain.sendall(b"EHLO printer\r\n")
            assert b"" == plain.recv(4096)
        shown = eventually(
            lambda: "reading:" in (said := relay.command("device", "sessions", "127.0.0.1").stdout) and said
        )

    assert 1 == shown.count("! plain client on the TLS port")
    assert "reading: plain client on the TLS port; set it to 25 or 587" in shown


def test_a_plain_client_is_greeted_on_the_tls_port_by_tolerance(tmp_path: Path) -> None:
    """With plain_on_tls_port the one that waits is greeted in clear after three seconds, and can send."""
    config = HEAD + listener('tls = "implicit"') + "[tolerate]\nplain_on_tls_port = true\n"
    with (
        Relay(tmp_path, config) as relay,
        smtplib.SMTP("127.0.0.1", relay.port, timeout=DEADLINE_S) as client,
    ):
        code, offered = client.ehlo()

        assert 250 == code
        assert "STARTTLS" not in offered.decode()
        assert 250 == client.mail("scan@corp.test")[0]


def test_the_greeting_is_out_within_50_ms(doors: Relay) -> None:
    """Nothing is looked up before it; also where the address is new and the greeting is held."""
    times = []
    for n in range(20):
        with socket.socket() as wire:
            wire.bind((f"127.0.1.{n + 1}", 0))
            wire.settimeout(DEADLINE_S)
            wire.connect(("127.0.0.1", doors.ports[OFFICE]))
            began = time.perf_counter()
            assert wire.recv(4096).startswith(b"220 ")
            times.append(time.perf_counter() - began)

    assert 0.025 < min(times) < 0.05


def test_a_review_that_is_due_is_said(doors: Relay) -> None:
    """The legacy listener goes on working behind its date, and the log says at start that it is over."""
    eventually(
        lambda: "listener.review-due listener=127.0.0.1:0 review_by=2019-12-31" in doors.log_file.read_text()
    )


def test_only_the_named_hosts_reach_a_listener(tmp_path: Path) -> None:
    """Whoever is not in hosts is told so at the greeting, and the connection ends."""
    config = HEAD + listener('hosts = ["127.0.0.7/32"]')
    with Relay(tmp_path, config) as relay:
        with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S) as stranger:
            stranger_heard = stranger.makefile("rb").read()
        with socket.create_connection(
            ("127.0.0.1", relay.port), DEADLINE_S, source_address=("127.0.0.7", 0)
        ) as host:
            host_heard = host.recv(4096)

    assert b"554 5.7.1 Address not allowed on this listener (A53)\r\n" == stranger_heard
    assert b"220 relay.test ESMTP" == host_heard[:20]


def test_a_proxy_says_whose_connection_it_passes_on(tmp_path: Path) -> None:
    """Behind PROXY the real peer is judged: inside [[allow]] it may send, outside it may not."""
    config = HEAD.replace("127.0.0.0/8", "192.0.2.0/24") + listener('proxy_from = ["127.0.0.1/32"]')
    heard = {}
    with Relay(tmp_path, config) as relay:
        for source in ("192.0.2.7", "198.51.100.7"):
            with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S) as wire:
                wire.sendall(f"PROXY TCP4 {source} 192.0.2.1 40000 25\r\n".encode())
                wire.sendall(b"EHLO printer\r\nMAIL FROM:<scan@corp.test>\r\nQUIT\r\n")
                heard[source] = wire.makefile("rb").read()
        with socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S) as bare:
            bare.sendall(b"EHLO printer\r\n")
            nothing = bare.recv(4096)
        eventually(
            lambda: "proxy.refused peer=127.0.0.1 reason=no PROXY header" in relay.log_file.read_text()
        )

    assert b"greets [192.0.2.7]" in heard["192.0.2.7"]
    assert b"250 2.1.0" in heard["192.0.2.7"]
    assert b"250 2.1.0" not in heard["198.51.100.7"]
    assert b"" == nothing


def _ecdsa(folder: Path) -> None:
    """A self-signed ECDSA certificate, as Let's Encrypt's clients make their keys by default."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
    )  # fmt: skip
    (folder / "chain.pem").write_bytes(
        built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    (folder / "chain.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def test_an_administrators_certificate_is_judged(tmp_path: Path) -> None:
    """One that is not RSA locks printers out, one that ends next week everybody: both are said at start."""
    _ecdsa(tmp_path)
    own = listener('certificate = { file = "chain.pem" }', 'key = { file = "chain.key" }')
    with Relay(tmp_path, HEAD + own) as relay:
        _, modern = s_client(relay.port, *STARTTLS, "-tls1_2")
        _, printer = s_client(relay.port, *STARTTLS, *RSA_ONLY)
        log = relay.log_file
        eventually(
            lambda: "certificate.not-rsa" in log.read_text() and "certificate.ends-soon" in log.read_text()
        )

    assert "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384" == cipher_of(modern)
    assert "" == cipher_of(printer)


def test_a_key_that_needs_a_password_is_an_error_at_once(tmp_path: Path) -> None:
    """Nobody is asked at a terminal: the relay does not start and says why."""
    chain, key = own_certificate(tmp_path / "made", ["relay.test"], SystemClock().now())
    shutil.copy(chain, tmp_path / "chain.pem")
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    (tmp_path / "chain.key").write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    own = listener('certificate = { file = "chain.pem" }', 'key = { file = "chain.key" }')
    relay = Relay(tmp_path, HEAD + own)
    result = relay.command("run")

    assert 2 == result.returncode
    assert "expected a usable chain and key" in result.stderr


def test_a_replaced_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    """Chain and key are replaced under the running service: within a minute whoever connects sees the new one."""
    for name in ("old", "new"):
        own_certificate(tmp_path / name, ["localhost"], SystemClock().now())

    def put(name: str) -> None:
        for made, kept in (("relay.pem", "chain.pem"), ("relay.key", "chain.key")):
            shutil.copy(tmp_path / name / made, tmp_path / kept)

    def greets(port: int, name: str) -> bool:
        context = ssl.create_default_context(cafile=str(tmp_path / name / "ca.pem"))
        try:
            with smtplib.SMTP_SSL("localhost", port, context=context, timeout=DEADLINE_S) as client:
                return client.ehlo()[0] == 250
        except ssl.SSLCertVerificationError:
            return False

    put("old")
    own = listener('tls = "implicit"', 'certificate = { file = "chain.pem" }', 'key = { file = "chain.key" }')
    with Relay(tmp_path, HEAD + own) as relay:
        assert greets(relay.port, "old")
        put("new")
        eventually(lambda: greets(relay.port, "new"), deadline_s=60.0)
        assert not greets(relay.port, "old")
        eventually(lambda: "certificate.reloaded" in relay.log_file.read_text())
