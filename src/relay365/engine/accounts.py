"""Logins for devices: argon2id hashes from configuration and users file, verified off the loop.

One verification costs a third of a second and 64 MiB, and scanners log in for every message: verifications run in a
small pool, equal ones that are asked for at once are one, and a right password is remembered for some minutes under a
key that lives only in this process. What wrong ones cost is in engine.doors.locks; an answer tells neither by its
words nor by its time whether a name exists, is locked, or had another password.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import argon2

from relay365.clock import Clock
from relay365.engine.doors.locks import Locks, subject_of
from relay365.owner import open_for_owner
from relay365.replace import put_in_place

_LOG = logging.getLogger("relay365.accounts")

REMEMBER_S = 300.0
_NAME_OCTETS = 64  # of a name that nobody has; more need not be remembered
_THREADS = 2
# What is verified for a name that does not exist, so that the answer takes as long (the password is nobody's).
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm9ib2R5bm8"


class Accounts:
    """Names and hashes. verify() is called from the event loop."""

    def __init__(
        self, users_file: Path, configured: dict[str, str], clock: Clock, locks: Locks | None = None
    ) -> None:
        self._file, self._configured, self._clock = users_file, configured, clock
        self._hasher = argon2.PasswordHasher()
        self._pool = ThreadPoolExecutor(_THREADS, "relay365-argon2")
        self._key = secrets.token_bytes(32)
        self._right_until: dict[bytes, float] = {}
        self._under_way: dict[bytes, asyncio.Future[bool]] = {}
        self._usual_s = 0.0  # what a verification takes here of late
        self._locks = locks or Locks(clock)
        self._read_stamp: tuple[int, int] = (0, 0)
        self._from_file: dict[str, str] = {}

    async def verify(self, name: str, password: str, address: str = "") -> bool:
        """Whether the password is right; name@domain is also tried as name. address: where it comes from.

        A wrong one is answered late, later with each one from the same address; whoever has the right one never waits.
        """
        known, stored = self._find(name)
        mark = hmac.new(self._key, f"{name}\0{password}\0{stored}".encode(), hashlib.sha256).digest()
        now = self._clock.mono()
        if self._right_until.get(mark, 0.0) > now:
            return True
        # A new password is a new subject: whoever sets one need not wait until a lock ends.
        subject = subject_of(known, stored)
        if not self._locks.may_try(subject, address, exists=stored != ""):
            await asyncio.sleep(self._usual_s + self._locks.delay_s(address))
            return False
        if await self._look(mark, stored, password):
            self._locks.succeeded(subject, address)
            self._remember(mark, now)
            return True
        await self._locks.failed(subject, address)
        await asyncio.sleep(self._locks.delay_s(address))
        return False

    def follow(self, users_file: Path, configured: dict[str, str]) -> None:
        """These are the logins from now on; sessions that are logged in stay so."""
        self._file, self._configured = users_file, configured
        self._from_file, self._read_stamp = {}, (0, 0)

    def names(self) -> list[str]:
        """All login names."""
        self._read()
        return sorted({*self._configured, *self._from_file})

    def close(self) -> None:
        """End the pool."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _find(self, name: str) -> tuple[str, str]:
        """The login that is meant and its hash; what was given, cut, and "" where there is none."""
        self._read()
        short = name.partition("@")[0]
        for candidate in (name, short):
            stored = self._configured.get(candidate) or self._from_file.get(candidate)
            if stored:
                return candidate, stored
        return short[:_NAME_OCTETS], ""

    async def _look(self, mark: bytes, stored: str, password: str) -> bool:
        """Verify off the loop, or wait for whoever asks the same at this moment."""
        began_mono = self._clock.mono()
        work = self._under_way.get(mark)
        if work is None:
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(self._pool, self._verify, stored or _NOBODY, password)
            self._under_way[mark] = work
            work.add_done_callback(lambda _: self._under_way.pop(mark, None))
        is_right = await asyncio.shield(work) and stored != ""
        self._usual_s += (self._clock.mono() - began_mono - self._usual_s) / 4
        return is_right

    def _remember(self, mark: bytes, now: float) -> None:
        if len(self._right_until) > 1000:
            self._right_until.clear()
        self._right_until[mark] = now + REMEMBER_S

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def _read(self) -> None:
        """Read the file again when it has changed; an unreadable file keeps what was known."""
        try:
            facts = self._file.stat()
            stamp = (facts.st_mtime_ns, facts.st_size)
            if stamp != self._read_stamp:
                self._from_file = read_users(self._file.read_text("utf-8"))
                self._read_stamp = stamp
        except FileNotFoundError:
            self._from_file, self._read_stamp = {}, (0, 0)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            _LOG.warning("users.unreadable file=%s reason=%s", self._file, reason)


def read_users(text: str) -> dict[str, str]:
    """Lines of NAME:HASH; empty lines, # comments and lines without a name or hash are passed over."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition(":") for line in lines if line and not line.startswith("#"))
    return {name.strip(): stored.strip() for name, _, stored in pairs if name.strip() and stored.strip()}


def users_in(users_file: Path) -> dict[str, str]:
    """Name -> hash of a users file; {} where there is none or it cannot be read. Reads a file."""
    try:
        return read_users(users_file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def write_user(users_file: Path, name: str, password: str) -> None:
    """Add or replace a login; the file is replaced as a whole, readable by the relay's user only."""
    kept = _lines_without(users_file, name)
    _write(users_file, [*kept, f"{name}:{argon2.PasswordHasher().hash(password)}"])


def remove_user(users_file: Path, name: str) -> bool:
    """Take a login out; False when the file does not have it."""
    if not users_file.exists() or name not in read_users(users_file.read_text("utf-8")):
        return False
    _write(users_file, _lines_without(users_file, name))
    return True


def _lines_without(users_file: Path, name: str) -> list[str]:
    text = (
        users_file.read_text("utf-8")
        if users_file.exists()
        else "# relay365 logins, one NAME:HASH per line\n"
    )
    return [line for line in text.splitlines() if line.partition(":")[0].strip() != name]


def _write(users_file: Path, lines: list[str]) -> None:
    users_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = users_file.with_name(users_file.name + ".new")
    handle = open_for_owner(fresh, users_file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    put_in_place(fresh, users_file)
