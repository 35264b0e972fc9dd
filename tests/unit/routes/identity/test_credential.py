"""A credential is read when it is used, knows its end, and never shows itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from relay365.errors import ConfigError
from relay365.routes.identity.credential import Certificate, ClientSecret, Pfx, Reference, Workload

END = dt.datetime(2028, 11, 22, 12, tzinfo=dt.UTC)


def _reference(file: Path) -> Reference:
    return Reference(file.name, file.read_bytes, file)


def _write_pair(folder: Path, name: str) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """NAME.pem and NAME.key."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"relay365-{name}")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    one = (
        builder.not_valid_before(END - dt.timedelta(days=700)).not_valid_after(END).sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(one.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key, one


def test_a_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    """A file that was replaced is another version, and the next proof is the new secret."""
    file = tmp_path / "secret"
    file.write_text("first\n")
    secret = ClientSecret(_reference(file))
    before = (secret.version(), secret.proof())
    file.write_text("the second\n")

    assert "first" == before[1]
    assert ("the second", False) == (secret.proof(), secret.version() == before[0])


def test_the_end_of_a_secret_is_what_was_written_down(tmp_path: Path) -> None:
    """It cannot be read from the secret."""
    reference = _reference(tmp_path / "secret")

    assert None is ClientSecret(reference).ending()
    assert 5.0 == getattr(ClientSecret(reference, 5.0).ending(), "at", None)


def test_a_certificate_says_its_name_and_end(tmp_path: Path) -> None:
    """The subject and the last instant, from the file itself."""
    _write_pair(tmp_path, "a")
    credential = Certificate(_reference(tmp_path / "a.pem"), _reference(tmp_path / "a.key"))

    assert ("certificate CN=relay365-a", END.timestamp()) == (
        credential.ending().what,
        credential.ending().at,
    )
    assert {"private_key", "public_certificate"} == set(credential.proof())


def test_a_key_of_another_certificate_is_refused_here(tmp_path: Path) -> None:
    """Entra would say AADSTS700027 and not which file is wrong."""
    _write_pair(tmp_path, "a")
    _write_pair(tmp_path, "b")
    credential = Certificate(_reference(tmp_path / "a.pem"), _reference(tmp_path / "b.key"))
    with pytest.raises(ConfigError) as error:
        credential.proof()

    assert ("b.key", "another key") == (error.value.where, error.value.found)


@pytest.mark.parametrize("password", [None, "Pfx+Kanarie"])
def test_pkcs12_gives_the_same_as_pem(tmp_path: Path, password: str | None) -> None:
    """One file, with or without a password, is a certificate and its key."""
    key, leaf = _write_pair(tmp_path, "a")
    closed = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    (tmp_path / "a.pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"a", key, leaf, None, closed))
    (tmp_path / "password").write_text(password or "")
    credential = Pfx(_reference(tmp_path / "a.pfx"), _reference(tmp_path / "password") if password else None)
    pem = Certificate(_reference(tmp_path / "a.pem"), _reference(tmp_path / "a.key"))

    proof = {name: text.strip() for name, text in credential.proof().items()}

    assert pem.proof() == proof
    assert pem.ending() == credential.ending()


def test_a_wrong_password_is_a_setting_and_not_a_fault(tmp_path: Path) -> None:
    """The error names the key of the file and shows no password."""
    key, leaf = _write_pair(tmp_path, "a")
    closed = BestAvailableEncryption(b"right")
    (tmp_path / "a.pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"a", key, leaf, None, closed))
    (tmp_path / "password").write_text("wrong+Kanarie")
    with pytest.raises(ConfigError) as error:
        Pfx(_reference(tmp_path / "a.pfx"), _reference(tmp_path / "password")).proof()

    assert "a.pfx" == error.value.where
    assert "Kanarie" not in str(error.value)


@pytest.mark.parametrize("octets", [b"no certificate", b"\xff\xfe"])
def test_what_is_no_certificate_is_named(tmp_path: Path, octets: bytes) -> None:
    """A wrong file is a ConfigError with its name, whatever is in it."""
    _write_pair(tmp_path, "a")
    (tmp_path / "a.pem").write_bytes(octets)
    with pytest.raises(ConfigError) as error:
        Certificate(_reference(tmp_path / "a.pem"), _reference(tmp_path / "a.key")).ending()

    assert "a.pem" == error.value.where


def test_a_workload_token_is_read_at_each_request(tmp_path: Path) -> None:
    """The platform replaces it; MSAL is given the question, not the answer."""
    file = tmp_path / "token"
    file.write_text("one")
    read = Workload(_reference(file)).proof()["client_assertion"]
    first = read()
    file.write_text("two")

    assert ("one", "two") == (first, read())


def test_no_credential_shows_itself(tmp_path: Path) -> None:
    """Neither in repr nor in str, before and after it was read."""
    file = tmp_path / "secret"
    file.write_text("Sec/ret+Kanarie")
    credential = ClientSecret(_reference(file))
    credential.proof()

    assert "Kanarie" not in repr(credential) + str(credential)
