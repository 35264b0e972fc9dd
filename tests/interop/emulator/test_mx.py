"""The MX host as foreign clients meet it: openssl, swaks, curl and Postfix, with and without certificate and chain."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

OUTSIDE, INSIDE, OURS = "lena@fabrikam.example", "scan@contoso.com", "erp@contoso.com"
DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied"


def _client(emulator: Any, certificate: str) -> ssl.SSLContext:
    """A client's context with the full chain, the leaf alone, or nothing."""
    context = emulator.tls()
    if certificate:
        context.load_cert_chain(emulator.facts[certificate], emulator.facts["connector_key_file"])
    return context


def _begin(link: Any, emulator: Any, certificate: str, sender: str) -> Any:
    """EHLO, STARTTLS, EHLO, MAIL."""
    link.say("EHLO wire.test")
    link.start_tls(_client(emulator, certificate))
    link.say("EHLO wire.test")
    assert "250 2.1.0 Sender OK" == link.say(f"MAIL FROM:<{sender}>")
    return link


def test_the_list_of_the_mx_host(wire: Any) -> None:
    """The greeting is the MX host's, and no AUTH is offered before or after TLS."""
    link = wire("mx")

    assert link.greeting.startswith(
        "220 EM1PR00FT0001.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready"
    )
    assert [
        "SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME", "BINARYMIME", "CHUNKING",
        "SMTPUTF8",
    ] == [line[4:] for line in link.say("EHLO wire.test").splitlines()[1:]]  # fmt: skip


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("certificate", "start"),
    [("connector_certificate_file", "250 2.1.5"), ("connector_leaf_file", DENIED), ("", DENIED)],
)
def test_a_certificate_opens_the_way_out(
    emulator: Any, wire: Any, version: ssl.TLSVersion, certificate: str, start: str
) -> None:
    """The certificate with its chain relays to the outside; the leaf alone, or none, is 5.7.64 at RCPT, in each TLS."""
    link = wire("mx")
    link.say("EHLO wire.test")
    context = _client(emulator, certificate)
    context.minimum_version = context.maximum_version = version
    link.start_tls(context)
    link.say("EHLO wire.test")
    link.say(f"MAIL FROM:<{OURS}>")

    assert link.say(f"RCPT TO:<{OUTSIDE}>").startswith(start)


def test_the_words_of_acceptance(emulator: Any, wire: Any) -> None:
    """A relayed message is answered as the MX host answers, and the record names the service."""
    link = _begin(wire("mx"), emulator, "connector_certificate_file", OURS)
    link.say(f"RCPT TO:<{OUTSIDE}>")
    link.say("DATA")

    assert re.fullmatch(
        r"250 2\.6\.0 <mx@wire\.test> \[InternalId=\d+, Hostname=EM1PR00MB0001\.EMUPRD00\.PROD\.OUTLOOK\.COM\] "
        r"\d+ bytes in [\d.]+, [\d.]+ KB/sec Queued mail for delivery",
        link.say("Message-ID: <mx@wire.test>\r\n\r\nhello\r\n."),
    )
    assert [("mx", "", OURS)] == [
        (one["service"], one["mailbox"], one["reverse_path"]) for one in emulator.messages()
    ]


def test_the_null_sender_goes_by_certificate(emulator: Any, wire: Any) -> None:
    """A report (MAIL FROM:<>) is relayed through the certificate, and not without."""
    answers = []
    for certificate in ("connector_certificate_file", ""):
        link = _begin(wire("mx"), emulator, certificate, "")
        answers.append(link.say(f"RCPT TO:<{OUTSIDE}>")[:9])

    assert ["250 2.1.5", "550 5.7.6"] == answers


def test_direct_send_in_clear(wire: Any) -> None:
    """Without TLS and certificate mail for a known recipient inside is taken; an unknown one is 5.4.1."""
    link = wire("mx")
    link.say("EHLO wire.test")
    link.say("MAIL FROM:<someone@elsewhere.example>")

    assert ["250 2.1.5", "550 5.4.1"] == [
        link.say(f"RCPT TO:<{one}>")[:9] for one in (INSIDE, "gone@contoso.com")
    ]


def test_two_hundred_of_one_domain(emulator: Any, wire: Any) -> None:
    """The 201st recipient of a domain is 452 4.5.3; one of another domain is still taken."""
    link = _begin(wire("mx"), emulator, "connector_certificate_file", OURS)
    answers = [link.say(f"RCPT TO:<n{n}@fabrikam.example>")[:9] for n in range(201)]
    answers.append(link.say("RCPT TO:<a@woodgrove.example>")[:9])

    assert ["250 2.1.5"] * 200 + ["452 4.5.3", "250 2.1.5"] == answers


def test_bdat(emulator: Any, wire: Any) -> None:
    """A content in chunks arrives octet for octet, with bare octets and a dot of its own; RSET forgets chunks."""
    content = b"Message-ID: <bdat@wire.test>\r\n\r\n.\r\n..two\r\nbare\nline\x00\r\n"
    link = _begin(wire("mx"), emulator, "connector_certificate_file", OURS)
    link.say(f"RCPT TO:<{OUTSIDE}>")
    link.socket.sendall(b"BDAT 5\r\nwrong")
    assert "250 2.0.0 5 octets received" == link.reply()
    link.say("RSET")
    link.say(f"MAIL FROM:<{OURS}> BODY=BINARYMIME")
    link.say(f"RCPT TO:<{OUTSIDE}>")
    assert link.say("DATA").startswith("503")
    link.socket.sendall(
        b"BDAT 10\r\n" + content[:10] + b"BDAT %d LAST\r\n" % len(content[10:]) + content[10:]
    )

    assert "250 2.0.0 10 octets received" == link.reply()
    assert link.reply().startswith("250 2.6.0 <bdat@wire.test>")
    (message,) = emulator.messages()
    assert content == emulator.call("GET", f"/messages/{message['number']}/content")[1]


def test_a_chunk_out_of_place_is_swallowed(wire: Any) -> None:
    """BDAT without a recipient is 503, and its octets are not read as commands."""
    link = wire("mx")
    link.say("EHLO wire.test")
    link.socket.sendall(b"BDAT 6\r\nNOOP\r\nNOOP\r\n")

    assert ["503 5.5.1 Bad sequence of commands", "250 2.0.0 OK"] == [link.reply(), link.reply()]


def _openssl(emulator: Any, *arguments: str) -> str:
    """What openssl s_client shows of a session that sends one recipient outside."""
    host, port = emulator.at("mx")
    talk = f"EHLO c\r\nMAIL FROM:<{OURS}>\r\nrcpt to:<{OUTSIDE}>\r\nQUIT\r\n"
    done = subprocess.run(
        [
            "openssl", "s_client", "-connect", f"{host}:{port}", "-starttls", "smtp", "-quiet", "-crlf", "-ign_eof",
            "-CAfile", emulator.facts["ca_file"], *arguments,
        ],
        input=talk.replace("\r\n", "\n").encode(), capture_output=True, timeout=60,
    )  # fmt: skip
    return done.stdout.decode()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_with_and_without_chain(emulator: Any) -> None:
    """openssl s_client -cert sends the leaf alone and meets 5.7.64; with -cert_chain it relays."""
    facts = emulator.facts
    leaf = ("-cert", facts["connector_leaf_file"], "-key", facts["connector_key_file"])

    assert DENIED in _openssl(emulator, *leaf)
    assert DENIED in _openssl(emulator)
    assert "250 2.1.5 Recipient OK" in _openssl(
        emulator, *leaf, "-cert_chain", facts["connector_certificate_file"]
    )


@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is not installed")
def test_swaks_sends_directly(emulator: Any) -> None:
    """swaks delivers inside by direct send over TLS, and with a bare leaf certificate hears 5.7.64 for the outside."""
    host, port = emulator.at("mx")
    common = ["swaks", "--server", host, "--port", str(port), "--ehlo", "swaks.test", "--tls", "--from", OURS]
    leaf = [
        "--tls-cert",
        emulator.facts["connector_leaf_file"],
        "--tls-key",
        emulator.facts["connector_key_file"],
    ]

    inside = subprocess.run([*common, "--to", INSIDE], capture_output=True, text=True, timeout=60)
    outside = subprocess.run([*common, *leaf, "--to", OUTSIDE], capture_output=True, text=True, timeout=60)

    assert (0, 24) == (inside.returncode, outside.returncode), inside.stdout + outside.stdout
    assert "Queued mail for delivery" in inside.stdout
    assert DENIED in outside.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_relays_by_certificate(emulator: Any) -> None:
    """curl with certificate and chain relays to the outside."""
    host, port = emulator.at("mx")
    facts = emulator.facts

    done = subprocess.run(
        [
            "curl", "--silent", "--show-error", "--noproxy", "*", "--ssl-reqd", "--cacert", facts["ca_file"],
            "--cert", facts["connector_certificate_file"], "--key", facts["connector_key_file"], "--mail-from", OURS,
            "--mail-rcpt", OUTSIDE, "--upload-file", "-", f"smtp://{host}:{port}/curl.test",
        ],
        input=b"Message-ID: <curl@mx.test>\r\n\r\nhello\r\n", capture_output=True, timeout=60,
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr
    assert ["<curl@mx.test>"] == [one["message_id"] for one in emulator.messages()]


@pytest.fixture
def postfix(emulator: Any, tmp_path: Path) -> Any:
    """A Postfix of the test's own that relays everything to the MX host with certificate and chain."""
    if shutil.which("postfix", path="/usr/sbin:/sbin") is None or os.geteuid() != 0:
        pytest.skip("Postfix needs to be installed, and root to start it")
    config, queue, data = tmp_path / "config", tmp_path / "queue", tmp_path / "data"
    for one in (config, queue, data):
        one.mkdir()
    shutil.chown(data, "postfix")
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    host, port = emulator.at("mx")
    facts = emulator.facts
    (config / "main.cf").write_text(f"""\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
myhostname = postfix.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
relayhost = [{host}]:{port}
smtp_tls_security_level = encrypt
smtp_tls_chain_files = {tmp_path / "chain.pem"}
maillog_file = {tmp_path / "postfix.log"}
maillog_file_prefixes = {tmp_path}
smtp_host_lookup = native
""")
    key, chain = (
        Path(facts[one]).read_text() for one in ("connector_key_file", "connector_certificate_file")
    )
    (tmp_path / "chain.pem").write_text(key + chain)
    master = "\n".join(
        line
        for line in Path("/etc/postfix/master.cf").read_text().splitlines()
        if not line.startswith("smtp      inet")
    )
    (config / "master.cf").write_text(f"{master}\npostlog unix-dgram n - n - 1 postlogd\n")
    subprocess.run(["postfix", "-c", str(config), "start"], check=True, capture_output=True, timeout=60)
    yield config
    subprocess.run(["postfix", "-c", str(config), "stop"], check=False, capture_output=True, timeout=60)


def test_postfix_relays_by_certificate(emulator: Any, postfix: Path) -> None:
    """Postfix as a connector's client delivers to the outside with the certificate that the connector names."""
    subprocess.run(
        ["sendmail", "-C", str(postfix), "-f", OURS, OUTSIDE],
        input=b"Message-ID: <postfix@mx.test>\nSubject: hello\n\n.a dot\n", check=True, timeout=60,
    )  # fmt: skip
    until = time.monotonic() + 30
    while not emulator.messages():
        assert time.monotonic() < until, (postfix.parent / "postfix.log").read_text()
        time.sleep(0.1)

    (message,) = emulator.messages()
    assert ("<postfix@mx.test>", [OUTSIDE], "mx") == (
        message["message_id"],
        message["recipients"],
        message["service"],
    )
