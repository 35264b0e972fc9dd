"""The certificate that a relay makes for itself, and what a listener's suites let in."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from relay365.net.tls import (
    CA_DAYS,
    LEAF_DAYS,
    RENEW_DAYS,
    client_context,
    local_addresses,
    own_certificate,
    own_names,
    server_context,
)

NOW = 1_795_000_000.0
DAY_S = 86_400.0
NAMES = ["relay.contoso.test", "192.168.10.5", "localhost"]


def _leaf(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_the_first_start_makes_an_authority_and_a_certificate(tmp_path: Path) -> None:
    """Names and addresses stand in the SAN, the use is server authentication, the chain is complete."""
    chain_file, key_file = own_certificate(tmp_path / "tls", NAMES, NOW)
    chain = x509.load_pem_x509_certificates(chain_file.read_bytes())
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = chain[0].extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert NAMES == [str(name.value) for name in names]
    assert [ExtendedKeyUsageOID.SERVER_AUTH] == list(usage)
    assert chain[0].issuer == chain[1].subject == chain[1].issuer
    assert key_file.exists()


def test_keys_are_for_this_user_only(tmp_path: Path) -> None:
    """Nobody else may read folder or keys."""
    own_certificate(tmp_path / "tls", NAMES, NOW)
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "tls").iterdir()}

    assert {"ca.key": 0o600, "ca.pem": 0o600, "relay.key": 0o600, "relay.pem": 0o600} == modes
    assert 0o700 == (tmp_path / "tls").stat().st_mode & 0o777


def test_the_certificate_stays_until_it_is_due(tmp_path: Path) -> None:
    """A start in between changes nothing; 30 days before its end it is renewed by the same authority."""
    chain_file, _ = own_certificate(tmp_path, NAMES, NOW)
    first = _leaf(chain_file)
    own_certificate(tmp_path, NAMES, NOW + (LEAF_DAYS - RENEW_DAYS - 1) * DAY_S)
    assert first == _leaf(chain_file)
    own_certificate(tmp_path, NAMES, NOW + (LEAF_DAYS - RENEW_DAYS + 1) * DAY_S)
    second = _leaf(chain_file)

    assert first.serial_number != second.serial_number
    assert first.issuer == second.issuer
    assert LEAF_DAYS < CA_DAYS


def test_a_new_name_makes_a_new_certificate(tmp_path: Path) -> None:
    """A listener on another address: devices must find it in the certificate."""
    own_certificate(tmp_path, NAMES[:1], NOW)
    chain_file, _ = own_certificate(tmp_path, NAMES, NOW)
    names = _leaf(chain_file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert NAMES == [str(name.value) for name in names]


def test_contexts_refuse_old_versions_and_verify(tmp_path: Path) -> None:
    """TLS 1.2 at least on both sides; as a client, name and chain are always checked."""
    server = server_context(*own_certificate(tmp_path, NAMES, NOW))
    client = client_context(str(tmp_path / "ca.pem"))

    assert ssl.TLSVersion.TLSv1_2 == server.minimum_version == client.minimum_version
    assert 0 == server.num_tickets
    assert (True, ssl.CERT_REQUIRED) == (client.check_hostname, client.verify_mode)
    assert 1 == len(client.get_ca_certs())


def test_the_certificate_is_one_that_devices_can_use(tmp_path: Path) -> None:
    """RSA 2048, SHA-256, at most 825 days, and a key usage that allows key exchange by RSA."""
    chain_file, _ = own_certificate(tmp_path, NAMES, NOW)
    for one in x509.load_pem_x509_certificates(chain_file.read_bytes()):
        key = one.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        assert (2048, "sha256") == (key.key_size, getattr(one.signature_hash_algorithm, "name", ""))
    leaf = _leaf(chain_file)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value

    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days <= 825
    assert (True, True) == (usage.digital_signature, usage.key_encipherment)


def test_a_clock_that_was_ahead_is_healed(tmp_path: Path) -> None:
    """Made in 2040 by mistake: when the clock is right again the certificate is not valid yet, and made anew."""
    own_certificate(tmp_path, NAMES, NOW + 14 * 365 * DAY_S)
    chain_file, _ = own_certificate(tmp_path, NAMES, NOW)

    assert _leaf(chain_file).not_valid_before_utc.timestamp() < NOW
    assert _leaf(tmp_path / "ca.pem").not_valid_before_utc.timestamp() < NOW


def test_a_lost_key_makes_a_new_certificate(tmp_path: Path) -> None:
    """relay.key was deleted: a start heals it."""
    _, key_file = own_certificate(tmp_path, NAMES, NOW)
    key_file.unlink()
    own_certificate(tmp_path, NAMES, NOW)

    assert key_file.exists()


def test_all_listeners_stand_in_one_certificate() -> None:
    """Host name, each address once, localhost; for "all addresses" those that this machine has."""
    assert ["relay.test", "192.168.10.5", "fd00::5", "localhost"] == own_names(
        "relay.test", ["192.168.10.5", "fd00::5", "192.168.10.5"]
    )
    assert ["relay.test", *local_addresses(), "localhost"] == own_names("relay.test", ["0.0.0.0", "::"])


def test_local_addresses_are_addresses() -> None:
    """Each is one that can stand in a certificate, and none twice."""
    found = local_addresses()

    assert found == list(dict.fromkeys(str(ipaddress.ip_address(one)) for one in found))


def _shake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, str]:
    """Both ends in memory; gives version and cipher. Raises ssl.SSLError of the end that gave up first."""
    wires = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(wires[0], wires[1], server_hostname="localhost"),
        server.wrap_bio(wires[1], wires[0], server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return str(ends[1].version()), (ends[1].cipher() or ("",))[0]


def _device(newest: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    context.set_ciphers(ciphers)
    return context


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return own_certificate(tmp_path_factory.mktemp("own"), NAMES, NOW)


V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("suites", "newest", "ciphers", "taken"),
    [
        ("office", V1_2, "AES128-GCM-SHA256", ("TLSv1.2", "AES128-GCM-SHA256")),
        ("office", V1_2, "AES256-SHA", ("TLSv1.2", "AES256-SHA")),
        (
            "office",
            V1_2,
            "AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256",
            ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
        ),
        ("office", V1_3, "DEFAULT", ("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
        ("modern", V1_2, "DEFAULT", ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")),
        ("legacy", V1_2, "AES128-SHA", ("TLSv1.2", "AES128-SHA")),
        ("legacy", V1_3, "DEFAULT", ("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
    ],
)
def test_suites_take_what_they_say(
    own: tuple[Path, Path], suites: str, newest: ssl.TLSVersion, ciphers: str, taken: tuple[str, str]
) -> None:
    """The best that both can: what is modern first, key exchange by RSA where nothing else is left."""
    assert taken == _shake(server_context(*own, suites), _device(newest, ciphers))


@pytest.mark.parametrize(
    ("suites", "newest", "ciphers"),
    [
        ("modern", V1_2, "AES128-GCM-SHA256:AES256-SHA"),
        ("modern", V1_2, "ECDHE-RSA-AES128-SHA"),
        ("office", V1_2, "aNULL:@SECLEVEL=0"),
        ("legacy", V1_2, "aNULL:@SECLEVEL=0"),
        ("legacy", V1_2, "eNULL:@SECLEVEL=0"),
    ],
)
def test_suites_refuse_the_rest(
    own: tuple[Path, Path], suites: str, newest: ssl.TLSVersion, ciphers: str
) -> None:
    """No key exchange by RSA on a modern listener, and nowhere a link without certificate or encryption."""
    with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
        _shake(server_context(*own, suites), _device(newest, ciphers))


def test_an_encrypted_key_is_an_error_and_asks_nobody(own: tuple[Path, Path], tmp_path: Path) -> None:
    """OpenSSL would ask for the password at a terminal and wait."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(own[1].read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ssl.SSLError):
        server_context(own[0], locked)
