"""What a client offers, read from real ClientHellos, and what a failure is called."""

from __future__ import annotations

import ssl

import pytest

from relay365.net.handshake import ClientHello, describe_tls_error, explain_failure, is_ssl2_hello

DISTRUST = "the device does not trust our certificate: import tls/ca.pem"


def hello_of(ciphers: str, newest: ssl.TLSVersion) -> bytes:
    """The first octets that OpenSSL itself sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.maximum_version = (
        ssl.TLSVersion.TLSv1_2,
        newest,
    )  # Debian knows no minimum
    context.set_ciphers(ciphers)
    context.check_hostname = False
    wire_in, wire_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(wire_in, wire_out, server_hostname="relay.test").do_handshake()
    return wire_out.read()


def made_hello(version: int, *suites: int) -> bytes:
    """A ClientHello of a device of long ago: no extensions at all."""
    listed = b"".join(one.to_bytes(2, "big") for one in suites)
    body = version.to_bytes(2, "big") + b"\7" * 32 + b"\0" + len(listed).to_bytes(2, "big") + listed + b"\1\0"
    handshake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\0" + len(handshake).to_bytes(2, "big") + handshake


def failure(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


RSA_1_2 = hello_of("AES128-GCM-SHA256:AES256-SHA", ssl.TLSVersion.TLSv1_2)
MODERN_1_3 = hello_of("ECDHE+AESGCM", ssl.TLSVersion.TLSv1_3)


def test_a_hello_of_tls_1_2_is_read() -> None:
    """Version and suites in the client's order, without the renegotiation marker."""
    assert ClientHello((0x0303,), (0x009C, 0x0035)) == ClientHello.read(RSA_1_2)


def test_a_hello_of_tls_1_3_is_read() -> None:
    """The versions stand in an extension there; the highest comes first."""
    hello = ClientHello.read(MODERN_1_3)

    assert hello is not None
    assert ((0x0304, 0x0303), "TLS 1.3") == (hello.versions, hello.newest)
    assert 0x1301 in hello.suites


@pytest.mark.parametrize("octets", [RSA_1_2, MODERN_1_3], ids=["1.2", "1.3"])
def test_half_a_hello_is_none(octets: bytes) -> None:
    """Cut after any octet nothing is made up and nothing is raised."""
    assert [None] * len(octets) == [ClientHello.read(octets[:n]) for n in range(len(octets))]


def test_marks_of_modern_browsers_mean_nothing() -> None:
    """Reserved numbers that test a server's tolerance are neither versions nor suites. (RFC 8701)"""
    hello = ClientHello.read(made_hello(0x0303, 0x1A1A, 0x009C, 0x5600, 0xFAFA))

    assert hello is not None
    assert (0x009C,) == hello.suites


@pytest.mark.parametrize(
    ("octets", "is_one"),
    [
        (b"\x80\x2e\x01\x00\x02\x00\x15", True),
        (b"\x80\x2e\x01\x03\x01\x00\x15", True),
        (b"\x80\x2e\x01\x03", False),
        (b"\x16\x03\x01\x02\x00\x01", False),
        (b"\xef\xbb\xbfEHLO printer\r\n", False),
        (b"EHLO printer\r\n", False),
    ],
)
def test_a_hello_of_ssl_2_is_known_by_its_form(octets: bytes, is_one: bool) -> None:
    """A length with the high bit, 1, a version; a byte order mark before EHLO is none."""
    assert is_one == is_ssl2_hello(octets)


@pytest.mark.parametrize(
    ("reason", "octets", "words"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", RSA_1_2, DISTRUST),
        ("SSLV3_ALERT_BAD_CERTIFICATE", b"", DISTRUST),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", RSA_1_2, DISTRUST),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", RSA_1_2, "the device says that our certificate has ended"),
        (
            "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
            RSA_1_2,
            "the device cannot use our certificate: give it an RSA one",
        ),
        (
            "UNSUPPORTED_PROTOCOL",
            made_hello(0x0301, 0x002F),
            "the client offers TLS 1.0 at most; a listener with",
        ),
        ("VERSION_TOO_LOW", made_hello(0x0302, 0x002F), "the client offers TLS 1.1 at most; a listener with"),
        (
            "UNSUPPORTED_PROTOCOL",
            made_hello(0x0300, 4),
            "the client offers SSL 3.0 at most; no present TLS has that",
        ),
        (
            "NO_SHARED_CIPHER",
            made_hello(0x0303, 4, 5, 10),
            "no cipher in common: the client (TLS 1.2) offers only ciph",
        ),
        (
            "NO_SHARED_CIPHER",
            RSA_1_2,
            "no cipher in common: the client (TLS 1.2) offers only RSA key exchange",
        ),
        (
            "NO_SHARED_CIPHER",
            MODERN_1_3,
            "no cipher in common: the client (TLS 1.3) offers 7 cipher suites, none",
        ),
        ("NO_SHARED_CIPHER", b"\x16\3", "no shared cipher"),
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", RSA_1_2, "decryption failed or bad record mac"),
    ],
)
def test_a_failure_says_what_to_set(reason: str, octets: bytes, words: str) -> None:
    """What the client offered, and the setting that takes it; where we know no better, OpenSSL's own words."""
    assert words == explain_failure(failure(reason), octets)[: len(words)]


def test_a_client_that_goes_away_is_named_by_its_version() -> None:
    """A reset in the handshake is how many devices say that they want something else."""
    words = explain_failure(ConnectionResetError("gone"), RSA_1_2)

    assert "the client (TLS 1.2) went away in the handshake: it may not trust our certificate" == words[:81]
    assert "gone" == explain_failure(ConnectionResetError("gone"), b"")


def test_an_error_without_words_is_named() -> None:
    """A person sees at least its kind."""
    assert "ConnectionResetError" == describe_tls_error(ConnectionResetError())
    assert "wrong version number" == describe_tls_error(failure("WRONG_VERSION_NUMBER"))
