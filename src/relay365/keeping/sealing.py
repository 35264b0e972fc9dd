"""Sealing: a stream of octets behind a passphrase, in the age file format, so that any age can open it without us.

The format is age-encryption.org/v1 with one scrypt recipient (https://c2sp.org/age): scrypt makes a key of the
passphrase, which wraps a random file key; ChaCha20-Poly1305 seals chunks of 64 KiB, each with its number and a mark on
the last one, so that nothing can be cut off, swapped or repeated unseen. `age -d FILE | tar xz` opens a backup.
Apart from the archive, which does not know whether it is sealed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import os
import re
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

INTRO = b"age-encryption.org/v1\n"
LOG_N = 17  # 128 MiB and half a second for each guess
MOST_LOG_N = 22  # as age itself; a file that asks for more is made to exhaust us
CHUNK_OCTETS = 64 * 1024
LEAST_LETTERS = 12
_TAG_OCTETS, _SALT_OCTETS, _NONCE_OCTETS, _KEY_OCTETS = 16, 16, 16, 16
_MOST_HEADER_OCTETS = 1024  # one recipient of scrypt has 180
_HEADER = re.compile(
    rb"age-encryption\.org/v1\n-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n---"
)


class Unopened(Exception):
    """A sealed stream that does not open: another passphrase, not whole, or not made by us or age."""


class Sealer(io.RawIOBase):
    """Takes octets by write() and writes them sealed; close() writes the last chunk, and leaves the file below open."""

    def __init__(self, to: BinaryIO, passphrase: str, log_n: int = LOG_N) -> None:
        file_key, salt = os.urandom(_KEY_OCTETS), os.urandom(_SALT_OCTETS)
        wrapped = ChaCha20Poly1305(_wrap_key(passphrase, salt, log_n)).encrypt(bytes(12), file_key, None)
        head = INTRO + b"-> scrypt %s %d\n%s\n---" % (_text(salt), log_n, _text(wrapped))
        nonce = os.urandom(_NONCE_OCTETS)
        to.write(head + b" " + _text(_mac(file_key, head)) + b"\n" + nonce)
        self._to, self._cipher = to, ChaCha20Poly1305(_derived(file_key, b"payload", nonce))
        self._waiting, self._n = bytearray(), 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, octets: object) -> int:
        """Take a block of any size."""
        view = memoryview(octets)  # type: ignore[arg-type]
        self._waiting += view
        while (
            len(self._waiting) > CHUNK_OCTETS
        ):  # a full chunk waits until it is known whether it is the last
            self._seal(bytes(self._waiting[:CHUNK_OCTETS]), is_last=False)
            del self._waiting[:CHUNK_OCTETS]
        return view.nbytes

    def close(self) -> None:
        """Write the last chunk; harmless when done twice."""
        if not self.closed:
            self._seal(bytes(self._waiting), is_last=True)
            super().close()

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        self._to.write(self._cipher.encrypt(_nonce(self._n, is_last=is_last), chunk, None))
        self._n += 1


class Opener(io.RawIOBase):
    """Gives the octets of a sealed stream by read(). Raises Unopened, at the beginning or at the chunk that is bad."""

    def __init__(self, of: BinaryIO, passphrase: str) -> None:
        self._of = of
        file_key = _file_key(of, passphrase)
        nonce = of.read(_NONCE_OCTETS)
        if len(nonce) != _NONCE_OCTETS:
            raise Unopened("it ends in its header")
        self._cipher = ChaCha20Poly1305(_derived(file_key, b"payload", nonce))
        self._ahead = of.read(CHUNK_OCTETS + _TAG_OCTETS)
        self._n, self._open, self._is_over = 0, b"", False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: object) -> int:
        """See io.RawIOBase."""
        while not self._open and not self._is_over:
            self._open = self._next()
        view = memoryview(room)  # type: ignore[arg-type]
        n = min(len(view), len(self._open))
        view[:n] = self._open[:n]
        self._open = self._open[n:]
        return n

    def _next(self) -> bytes:
        sealed = self._ahead
        self._ahead = self._of.read(CHUNK_OCTETS + _TAG_OCTETS)
        self._is_over = not self._ahead
        try:
            chunk = self._cipher.decrypt(_nonce(self._n, is_last=self._is_over), sealed, None)
        except (InvalidTag, ValueError) as error:
            raise Unopened(f"it is damaged or cut off at octet {self._n * CHUNK_OCTETS}") from error
        self._n += 1
        return chunk


def is_sealed(beginning: bytes) -> bool:
    """Whether a file that begins so is sealed."""
    return beginning.startswith(INTRO)


def _file_key(of: BinaryIO, passphrase: str) -> bytes:
    head, mac = _header_of(of)
    found = _HEADER.fullmatch(head)
    if found is None:
        raise Unopened("it is not sealed by a passphrase alone")
    log_n = int(found[2])
    if log_n > MOST_LOG_N:
        raise Unopened(f"its passphrase costs 2^{log_n}, more than we pay")
    try:
        wrap = ChaCha20Poly1305(_wrap_key(passphrase, _octets(found[1]), log_n))
        file_key = wrap.decrypt(bytes(12), _octets(found[3]), None)
    except InvalidTag as error:
        raise Unopened("the passphrase is another one") from error
    if not hmac.compare_digest(_text(_mac(file_key, head)), mac):
        raise Unopened("its header was changed")
    return file_key


def _header_of(of: BinaryIO) -> tuple[bytes, bytes]:
    """(the header as far as it is authenticated, its MAC as text)."""
    head = b""
    while len(head) < _MOST_HEADER_OCTETS:
        line = of.readline(_MOST_HEADER_OCTETS)
        if line.startswith(b"--- ") and line.endswith(b"\n"):
            return head + b"---", line[4:-1]
        if not line:
            break
        head += line
    raise Unopened("it has no header that we know")


def _wrap_key(passphrase: str, salt: bytes, log_n: int) -> bytes:
    kdf = Scrypt(b"age-encryption.org/v1/scrypt" + salt, 32, 2**log_n, 8, 1)
    return kdf.derive(passphrase.encode())


def _mac(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"header", b""), head, "sha256")


def _derived(file_key: bytes, info: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(file_key)


def _nonce(n: int, *, is_last: bool) -> bytes:
    return n.to_bytes(11, "big") + bytes([is_last])


def _text(octets: bytes) -> bytes:
    return base64.b64encode(octets).rstrip(b"=")


def _octets(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise Unopened("its header is damaged") from error
