"""The certificate that a relay makes for itself, and contexts that never go below TLS 1.2."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from relay365.net.tls import CA_DAYS, LEAF_DAYS, RENEW_DAYS, client_context, own_certificate, server_context

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
