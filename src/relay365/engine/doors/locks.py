"""Locks: what wrong logins have locked now, told to the journal, and kept in a file for whoever asks from outside.

Apart from the accounts, which know passwords, and from rules.admission.lockout, which only counts. The file is for
people alone: nothing reads it back, so that a restart forgets, and whatever becomes of it locks nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from relay365.clock import Clock
from relay365.engine.blackbox.archive import replace_file
from relay365.rules.admission.lockout import Key, Limits, Lockout

_LOG = logging.getLogger("relay365.accounts")

LOCKS_FILE = "locked.json"
ANY = "any"


class Lock(NamedTuple):
    """Who is not tried until when. name or address is "any" where it stands for all.

    mark: of the password that is not tried, see subject_of; "" where the lock stands for all names.
    """

    name: str
    address: str
    until_at: float
    mark: str = ""


def subject_of(name: str, stored: str) -> str:
    """What is counted and locked: a login with its password, so that a new password is a new subject.

    stored: the hash of its password as it stands in the users file or the configuration; "" where nobody has the name.
    """
    return f"{name}\0{hashlib.sha256(stored.encode()).hexdigest()[:16]}"


class Locks:
    """Counts and locks of one relay. file: where they are written down; None: nowhere.

    subject: a login name with what makes it another one, behind a NUL; only the name is ever shown.
    """

    def __init__(self, clock: Clock, file: Path | None = None) -> None:
        self._clock, self._file = clock, file
        self._limits = Limits()
        self._lockout = Lockout(self._limits)
        self._locked: dict[Key, float] = {}
        if file is not None:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    def may_try(self, subject: str, address: str, *, exists: bool) -> bool:
        """See Lockout; locks that have ended meanwhile are told."""
        now_mono = self._clock.mono()
        for key in self._lockout.ended(now_mono):
            self._locked.pop(key, None)
            _LOG.info("login.unlocked name=%r peer=%s", _name_of(key), key.address or ANY)
        return self._lockout.may_try(subject, address, now_mono, exists=exists)

    async def failed(self, subject: str, address: str) -> None:
        """Count a wrong login; what it locks is told and written down."""
        keys = self._lockout.failed(subject, address, self._clock.mono())
        until_at = self._clock.now() + self._limits.lock_s
        for key in keys:
            self._locked[key] = until_at
            _LOG.warning("login.locked name=%r peer=%s", _name_of(key), key.address or ANY)
        if keys and self._file is not None:
            try:
                await asyncio.to_thread(replace_file, self._file, {"locked": self._lines()})
            except OSError as error:
                _LOG.warning("locks.not-written reason=%s", error)

    def succeeded(self, subject: str, address: str) -> None:
        """See Lockout."""
        self._lockout.succeeded(subject, address, self._clock.mono())

    def delay_s(self, address: str) -> float:
        """See Lockout."""
        return self._lockout.delay_s(address, self._clock.mono())

    def _lines(self) -> list[Lock]:
        now = self._clock.now()
        return [
            Lock(_name_of(key), key.address or ANY, until_at, key.name.partition("\0")[2])
            for key, until_at in self._locked.items()
            if until_at > now
        ]


def locks_in(data: Path, now: float, logins: Mapping[str, str]) -> list[Lock]:
    """What a relay with this data directory does not try now; [] where nothing is known. Reads a file.

    logins: name -> hash as the users file has them now: a lock of a password that has been replaced is void.
    """
    try:
        found: Any = json.loads((data / LOCKS_FILE).read_text("utf-8"))
        locks = [
            Lock(str(name), str(address), float(until_at), str(mark))
            for name, address, until_at, mark in found["locked"]
        ]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [one for one in locks if one.until_at > now and not _is_void(one, logins)]


def _is_void(lock: Lock, logins: Mapping[str, str]) -> bool:
    stored = logins.get(lock.name)
    return (
        stored is not None
        and lock.mark != ""
        and subject_of(lock.name, stored) != f"{lock.name}\0{lock.mark}"
    )


def _name_of(key: Key) -> str:
    return key.name.partition("\0")[0] or ANY
