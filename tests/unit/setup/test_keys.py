"""The application's certificate and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from relay365.config import parse
from relay365.setup.keys import LIFE_DAYS, RENEW_DAYS, make_key, read_key

NOW = 1_796_000_000.0
DAY_S = 86_400.0


def test_made_and_read_again(tmp_path: Path) -> None:
    """One file with both, for its owner only; an RSA key; self-signed; 24 months."""
    made = make_key(tmp_path / "keys" / "app.pem", "srv-relay", NOW)
    certificate = x509.load_der_x509_certificate(made.der)
    public = certificate.public_key()

    assert made == read_key(made.file)
    assert 0o600 == made.file.stat().st_mode & 0o777
    assert isinstance(public, rsa.RSAPublicKey)
    assert "relay365 srv-relay 2026-11" == made.name
    assert certificate.issuer == certificate.subject
    assert LIFE_DAYS == round((made.ends_at - NOW) / DAY_S)


def test_when_it_is_due(tmp_path: Path) -> None:
    """Two months before its end."""
    made = make_key(tmp_path / "app.pem", "srv-relay", NOW)

    assert not made.is_due(made.ends_at - (RENEW_DAYS + 1) * DAY_S)
    assert made.is_due(made.ends_at - (RENEW_DAYS - 1) * DAY_S)


def test_a_long_host_name(tmp_path: Path) -> None:
    """A common name has 64 letters at most (X.520)."""
    assert len(make_key(tmp_path / "app.pem", "h" * 63, NOW).name) <= 64


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    """It is said before Entra says AADSTS700027."""
    one, other = make_key(tmp_path / "a.pem", "a", NOW), make_key(tmp_path / "b.pem", "b", NOW)
    key, certificate = one.file.read_bytes().split(b"-----BEGIN CERT")[0], other.file.read_bytes()
    (tmp_path / "c.pem").write_bytes(key + b"-----BEGIN CERT" + certificate.split(b"-----BEGIN CERT")[1])

    with pytest.raises(ValueError, match="not that of the certificate"):
        read_key(tmp_path / "c.pem")


def test_the_configuration_may_name_one_file_for_both(tmp_path: Path) -> None:
    """The relay signs in with certificate and key of one file."""
    from relay365.app.place import Site
    from relay365.app.ways.identity import credential_of

    make_key(tmp_path / "app.pem", "srv-relay", NOW)
    config = parse(
        '[server]\ndata = "d"\n[[listener]]\naddress = "127.0.0.1:0"\n[[route]]\nkind = "submission"\ntenant = "t"\n'
        'client = "c"\ncertificate = { file = "app.pem" }\nkey = { file = "app.pem" }\nmailbox = "a@contoso.com"\n',
        "x",
    )
    credential = credential_of("submission", config.route[0], Site("", tmp_path, tmp_path))  # type: ignore[arg-type]

    assert credential is not None
    assert "BEGIN PRIVATE KEY" in credential.proof()["private_key"]
