"""How an application proves itself: a secret, a certificate with its key, or a token of the platform it runs on.

Apart from who asks for tokens, because a credential is read anew for each question: a file that was replaced heals a
refused sign-in without a restart. No credential shows itself in repr, and none is kept after the question.
(Microsoft: "Microsoft identity platform application authentication certificate credentials"; "Workload identity
federation"; RFC 7292 for PKCS#12)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from relay365.errors import ConfigError
from relay365.routes.identity.expiry import Ending

if TYPE_CHECKING:
    from cryptography import x509

Version = tuple[tuple[int, int, int] | None, ...]
"""Changes when a file is replaced or written: for each file its inode, size and time of change; None: no file."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is. read gives its octets and raises ConfigError; file: what to watch, None for none."""

    where: str
    read: Callable[[], bytes] = field(repr=False)
    file: Path | None = None

    def text(self) -> str:
        """The octets as text, without the last line end; raises ConfigError."""
        try:
            return self.read().decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ConfigError(self.where, "text", "octets that are not UTF-8") from error


class Credential(Protocol):
    """One way to prove who we are."""

    @property
    def kind(self) -> str:
        """What it is, for people."""
        ...

    def version(self) -> Version:
        """Differs when it was replaced on disk."""
        ...

    def proof(self) -> Any:
        """As msal.ConfidentialClientApplication takes it; raises ConfigError."""
        ...

    def ending(self) -> Ending | None:
        """When it ends, as far as that can be known; raises ConfigError."""
        ...


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client secret. Its end cannot be read from it; expires_at is what the administrator wrote down."""

    secret: Reference
    expires_at: float | None = None
    kind = "client secret"

    def version(self) -> Version:
        """See Credential."""
        return version_of(self.secret.file)

    def proof(self) -> str:
        """See Credential."""
        return self.secret.text()

    def ending(self) -> Ending | None:
        """See Credential."""
        return Ending("client secret", self.expires_at) if self.expires_at is not None else None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, both PEM."""

    certificate: Reference
    key: Reference
    kind = "certificate"

    def version(self) -> Version:
        """See Credential."""
        return version_of(self.certificate.file, self.key.file)

    def proof(self) -> dict[str, str]:
        """See Credential. Certificate and key must belong together: Entra would only say AADSTS700027."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        leaf, key = self._leaf(), self.key.text()
        try:
            is_a_pair = load_pem_private_key(key.encode(), None).public_key() == leaf.public_key()
        except (ValueError, TypeError) as error:
            raise ConfigError(
                self.key.where, "a private key in PEM, not encrypted", "something else"
            ) from error
        if not is_a_pair:
            raise ConfigError(self.key.where, "the key of the certificate", "another key")
        return {"private_key": key, "public_certificate": self.certificate.text()}

    def ending(self) -> Ending:
        """See Credential."""
        return _ending_of(self._leaf())

    def _leaf(self) -> x509.Certificate:
        from cryptography import x509

        try:
            return x509.load_pem_x509_certificate(self.certificate.text().encode())
        except ValueError as error:
            raise ConfigError(self.certificate.where, "a certificate in PEM", "something else") from error


@dataclass(frozen=True, slots=True)
class Pfx:
    """Certificate and key in one PKCS#12 file."""

    pfx: Reference
    password: Reference | None = None
    kind = "certificate"

    def version(self) -> Version:
        """See Credential."""
        return version_of(self.pfx.file, self.password.file if self.password is not None else None)

    def proof(self) -> dict[str, str]:
        """See Credential."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key, leaf = self._opened()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {
            "private_key": pem.decode(),
            "public_certificate": leaf.public_bytes(Encoding.PEM).decode(),
        }

    def ending(self) -> Ending:
        """See Credential."""
        return _ending_of(self._opened()[1])

    def _opened(self) -> tuple[Any, x509.Certificate]:
        from cryptography.hazmat.primitives.serialization import pkcs12

        password = self.password.text().encode() if self.password is not None else None
        try:
            key, leaf, _ = pkcs12.load_key_and_certificates(self.pfx.read(), password)
        except ValueError as error:
            raise ConfigError(self.pfx.where, "a PKCS#12 file that pfx_password opens", "another") from error
        if key is None or leaf is None:
            raise ConfigError(self.pfx.where, "a certificate and its key", "a PKCS#12 file without both")
        return key, leaf


@dataclass(frozen=True, slots=True)
class Workload:
    """A token of the platform, traded for one of Entra. The platform replaces it every hour or so."""

    token: Reference
    kind = "workload identity"

    def version(self) -> Version:
        """See Credential."""
        return version_of(self.token.file)

    def proof(self) -> dict[str, Callable[[], str]]:
        """See Credential: MSAL reads it for each request that it puts on the wire."""
        return {"client_assertion": self.token.text}

    def ending(self) -> None:
        """See Credential: it lives an hour, and the platform cares for it."""


def version_of(*files: Path | None) -> Version:
    """See Version."""
    return tuple(_stamp(file) for file in files if file is not None)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _ending_of(leaf: x509.Certificate) -> Ending:
    return Ending(f"certificate {leaf.subject.rfc4514_string()}", leaf.not_valid_after_utc.timestamp())
