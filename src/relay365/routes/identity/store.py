"""Where the sign-in of a person is kept: one file per route, whole or old, never between, and for our eyes only.

Apart from MSAL, whose cache is the content: this knows rights, locks and sealing, and not what a refresh token is.
A save is a new file, synced, renamed over the old one: a token that Microsoft rotated is on disk before the one before
it is gone. The service and `relay365 token login` take turns by a lock file. With a key (server.token_key) the file is
sealed with Fernet; without one its rights protect it, and a file that others can read is refused.
(POSIX rename(2), flock(2); Fernet specification, version 0x80; RFC 5869 for the key)
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from relay365.errors import ConfigError
from relay365.owner import give_to_owner, open_for_owner
from relay365.replace import put_in_place
from relay365.routes.identity.credential import Reference, Version, version_of

if os.name == "nt":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PLAIN, SEALED = b"relay365 token 1 plain\n", b"relay365 token 1 sealed\n"
LEAST_KEY_LETTERS = 32  # of a random text; `openssl rand -base64 32` gives 44
LOCK_S = 10.0  # a refresh takes a second; who holds it longer hangs
_PAUSE_S = 0.05
_OTHERS = 0o077


class StoreBusy(Exception):
    """Another process has the file for longer than a sign-in takes."""


class TokenStore:
    """One file. All of it blocks; it is used in threads and by commands."""

    def __init__(self, file: Path, key: Reference | None = None) -> None:
        self.file, self._key = file, key

    def __repr__(self) -> str:
        return f"<TokenStore {self.file.name} {'sealed' if self._key is not None else 'plain'}>"

    def version(self) -> Version:
        """Differs after each save, by whichever process."""
        return version_of(self.file)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else loads or saves meanwhile. Raises StoreBusy after ten seconds, and OSError."""
        directory, turns = self.file.parent, self.file.with_suffix(".lock")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(turns, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for one in (directory, turns):
                give_to_owner(one, directory.parent)
            _lock(handle, time.monotonic() + LOCK_S)
            yield
        finally:
            os.close(handle)

    def load(self) -> str:
        """What was saved last, or "" where nothing is. Raises ConfigError where it may not or cannot be read."""
        try:
            handle = os.open(self.file, os.O_RDONLY)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise ConfigError(str(self.file), "a readable file", str(error.strerror)) from error
        with os.fdopen(handle, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name != "nt" and mode & _OTHERS:
                hint = f"chmod 600 {self.file}, and sign in again if anybody else could read it"
                raise ConfigError(str(self.file), "rights 0600", f"{mode & 0o777:04o}", hint)
            return self._opened(file.read())

    def save(self, content: str) -> None:
        """Replace what is kept, durably, or leave it as it was. Raises OSError and ConfigError."""
        octets = self._closed(content.encode())
        fresh = self.file.with_suffix(".new")
        handle = open_for_owner(fresh, self.file.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(fresh, self.file)
        _sync_directory(self.file.parent)

    def forget(self) -> bool:
        """Remove what is kept; gives whether there was anything. Raises OSError."""
        self.file.with_suffix(".new").unlink(missing_ok=True)
        if not self.file.exists():
            return False
        self.file.unlink()
        _sync_directory(self.file.parent)
        return True

    def _closed(self, content: bytes) -> bytes:
        return PLAIN + content if self._key is None else SEALED + _fernet(self._key).encrypt(content)

    def _opened(self, octets: bytes) -> str:
        if octets.startswith(PLAIN):
            return octets.removeprefix(PLAIN).decode()
        if not octets.startswith(SEALED):
            raise self._strange("a file that relay365 wrote", "something else")
        if self._key is None:
            raise self._strange("server.token_key, by which it was sealed", "none")
        from cryptography.fernet import InvalidToken

        try:
            return str(_fernet(self._key).decrypt(octets.removeprefix(SEALED)).decode())
        except InvalidToken as error:
            raise self._strange("the key by which it was sealed", "another one") from error

    def _strange(self, expected: str, found: str) -> ConfigError:
        return ConfigError(str(self.file), expected, found, "put the key right, or: relay365 token login")


def _fernet(key: Reference) -> Fernet:
    from cryptography.fernet import Fernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    text = key.text()
    if len(text) < LEAST_KEY_LETTERS:
        hint = "openssl rand -base64 32 > token.key"
        raise ConfigError(key.where, f"at least {LEAST_KEY_LETTERS} random letters", f"{len(text)}", hint)
    octets = HKDF(SHA256(), 32, None, b"relay365 token file").derive(text.encode())
    return Fernet(base64.urlsafe_b64encode(octets))


def _lock(handle: int, deadline_mono: float) -> None:
    while True:
        try:
            if os.name == "nt":
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline_mono:
                raise StoreBusy from None
            time.sleep(_PAUSE_S)
        else:
            return


def _sync_directory(directory: Path) -> None:
    """A rename is durable when its directory is; Windows has no such handle and needs none."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
