"""What a TLS client says first, and why a handshake failed, in words for a person.

Apart from net.stream because it is reading and wording, without a socket: OpenSSL says "unsupported protocol" to us
and nothing to the admin, who needs to know what the device offered and which setting takes it.
(RFC 8446 4.1.2 and 4.2.1; RFC 5246 7.4.1.2)
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

HANDSHAKE = 0x16  # the first octet of every TLS and SSLv3 connection

_SSL3 = 0x0300
_NAMES = {_SSL3: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_SUPPORTED_VERSIONS = 43
_RSA_AES = frozenset({0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D})  # key exchange by RSA, AES
_LAST_RETIRED = 0x001B  # up to here: no encryption, export, RC2, RC4, DES, 3DES (RFC 5246 A.5)
_SIGNALS = frozenset({0x00FF, 0x5600})  # renegotiation and fallback markers, no suites

_DISTRUST = (
    "the device does not trust our certificate: import tls/ca.pem of the data directory there (or the root of your "
    "own certificate), or switch its check of certificates off"
)
_IN_CLEAR = "let it send without TLS, on a network of its own"
_TOO_OLD = 'a listener with ciphers = "legacy" takes TLS 1.0 and 1.1'
_GONE = f"no present TLS has that: {_IN_CLEAR}"
_BY_REASON = {
    "TLSV1_ALERT_UNKNOWN_CA": _DISTRUST,
    "SSLV3_ALERT_BAD_CERTIFICATE": _DISTRUST,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _DISTRUST,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "the device cannot use our certificate: give it an RSA one, SHA-256",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the device says that our certificate has ended: look at its clock and at ours",
}


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers: protocol versions, highest first, and cipher suites, both as on the wire."""

    versions: tuple[int, ...]
    suites: tuple[int, ...]

    @classmethod
    def read(cls, octets: bytes) -> ClientHello | None:
        """Read the first octets of a connection; None when they are no ClientHello, or not enough of one."""
        if len(octets) < 9 or octets[0] != HANDSHAKE or octets[5] != 1:
            return None
        try:
            return cls._read(_Pieces(_Pieces(octets[6:]).block(3)))
        except IndexError:
            return None

    @classmethod
    def _read(cls, hello: _Pieces) -> ClientHello:
        version = hello.number(2)
        hello.take(32)
        hello.block(1)
        suites = _numbers(hello.block(2))
        hello.block(1)
        versions: tuple[int, ...] = (version,)
        extensions = _Pieces(hello.block(2) if hello.left else b"")
        while extensions.left:
            kind, value = extensions.number(2), extensions.block(2)
            if kind == _SUPPORTED_VERSIONS:
                known = {one for one in _numbers(value[1:]) if one in _NAMES}
                versions = tuple(sorted(known, reverse=True)) or versions
        return cls(versions, tuple(one for one in suites if one not in _SIGNALS and not _is_grease(one)))

    @property
    def newest(self) -> str:
        """The highest version in words."""
        return _NAMES.get(self.versions[0], f"version {self.versions[0]:#06x}")

    def suites_in_words(self) -> str:
        """What kind of ciphers these are, as far as it matters to somebody who looks for a setting."""
        if self.suites and max(self.suites) <= _LAST_RETIRED:
            return f"only ciphers that no present TLS has (RC4, DES, 3DES, export): {_IN_CLEAR}"
        if _RSA_AES.issuperset(one for one in self.suites if one > _LAST_RETIRED):
            return 'only RSA key exchange: it needs ciphers = "office" and an RSA certificate'
        return f"{len(self.suites)} cipher suites, none of which fits this listener and its certificate"


class _Pieces:
    """Octets that are taken from the front; IndexError when there are too few."""

    def __init__(self, octets: bytes) -> None:
        self._octets, self._at = octets, 0

    @property
    def left(self) -> int:
        return len(self._octets) - self._at

    def take(self, n: int) -> bytes:
        if self.left < n:
            raise IndexError("not enough octets")
        self._at += n
        return self._octets[self._at - n : self._at]

    def number(self, n: int) -> int:
        return int.from_bytes(self.take(n), "big")

    def block(self, n: int) -> bytes:
        """Octets behind their length, which takes n octets."""
        return self.take(self.number(n))


def _numbers(octets: bytes) -> list[int]:
    return [int.from_bytes(octets[n : n + 2], "big") for n in range(0, len(octets) - 1, 2)]


def _is_grease(number: int) -> bool:
    """Numbers that mean nothing and keep servers tolerant (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def is_ssl2_hello(octets: bytes) -> bool:
    """A ClientHello in the form of SSL 2.0: a length of two octets with the high bit set, 1, then the version."""
    return len(octets) > 4 and octets[0] & 0x80 != 0 and octets[2] == 1 and octets[3:5] in _SSL2_VERSIONS


_SSL2_VERSIONS = (b"\0\2", b"\3\0", b"\3\1", b"\3\2", b"\3\3")


def describe_tls_error(error: Exception) -> str:
    """A TLS failure in words, without knowing what the other side offered."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return str(error) or type(error).__name__


def explain_failure(error: Exception, first_octets: bytes) -> str:
    """Why a client's handshake with us failed, and which setting helps. first_octets: what the client began with."""
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    hello = ClientHello.read(first_octets)
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    if hello is None:
        return describe_tls_error(error)
    if reason in ("UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW"):
        cure = _TOO_OLD if hello.versions[0] > _SSL3 else _GONE
        return f"the client offers {hello.newest} at most; {cure}"
    if reason == "NO_SHARED_CIPHER":
        return f"no cipher in common: the client ({hello.newest}) offers {hello.suites_in_words()}"
    if isinstance(error, ConnectionError):
        doubt = "it may not trust our certificate, or want another version"
        return f"the client ({hello.newest}) went away in the handshake: {doubt}"
    return describe_tls_error(error)
