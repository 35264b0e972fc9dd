"""What is locked is told, written down for people, and forgotten by the next start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relay365.engine.doors.locks import LOCKS_FILE, Lock, Locks, locks_in, subject_of
from transcript.standin import LoopClock

SUBJECT = subject_of("canon", "old hash")
MARK = SUBJECT.partition("\0")[2]
THERE = "192.0.2.1"


class Clock(LoopClock):
    """A clock that is told."""

    at = 1000.0

    def now(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.at


def fail(locks: Locks, n: int, address: str = THERE) -> None:
    async def live() -> None:
        for _ in range(n):
            await locks.failed(SUBJECT, address)

    asyncio.run(live())


def test_a_lock_stands_in_the_file_until_it_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nine failures lock nothing; the tenth is said and written, the name without what belongs to its password."""
    clock = Clock()
    locks = Locks(clock, tmp_path / LOCKS_FILE)
    fail(locks, 9)
    before = locks_in(tmp_path, clock.now(), {})
    fail(locks, 1)

    assert [] == before
    assert [Lock("canon", THERE, 1300.0, MARK)] == locks_in(tmp_path, clock.now(), {})
    assert [] == locks_in(tmp_path, 1300.0, {})
    assert "login.locked name='canon' peer=192.0.2.1" in caplog.text
    assert 0o600 == (tmp_path / LOCKS_FILE).stat().st_mode & 0o777
    assert not locks.may_try(SUBJECT, THERE, exists=True)
    assert locks.may_try("other\0hash", THERE, exists=True)


def test_a_name_that_is_guessed_from_everywhere_is_locked_for_any_address(tmp_path: Path) -> None:
    """Fifty failures from as many addresses; what has ended is not written again."""
    clock = Clock()
    locks = Locks(clock, tmp_path / LOCKS_FILE)
    fail(locks, 10)
    clock.at += 300.0
    for n in range(40):
        fail(locks, 1, f"198.51.100.{n}")

    assert [Lock("canon", "any", 1600.0, MARK)] == locks_in(tmp_path, clock.now(), {})


def test_a_new_password_voids_its_lock_and_no_other(tmp_path: Path) -> None:
    """The lock is shown while the users file has the password that it is about, or does not have the name."""
    clock = Clock()
    locks = Locks(clock, tmp_path / LOCKS_FILE)
    fail(locks, 100)  # the name from there, the name from anywhere, and all names from there

    def shown(logins: dict[str, str]) -> list[str]:
        return [one.name for one in locks_in(tmp_path, clock.now(), logins)]

    assert ["canon", "canon", "any"] == shown({"canon": "old hash"}) == shown({"other": "new hash"})
    assert ["any"] == shown({"canon": "new hash"})
    assert locks.may_try(subject_of("canon", "new hash"), "198.51.100.1", exists=True)


def test_a_start_forgets(tmp_path: Path) -> None:
    """What an earlier run had locked is tried again, and no longer shown."""
    clock = Clock()
    fail(Locks(clock, tmp_path / LOCKS_FILE), 10)
    locks = Locks(clock, tmp_path / LOCKS_FILE)

    assert [] == locks_in(tmp_path, clock.now(), {})
    assert locks.may_try(SUBJECT, THERE, exists=True)


def test_a_disk_that_refuses_locks_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The list is for people; it is said that it could not be written."""
    (tmp_path / "file").write_text("no folder", "utf-8")
    locks = Locks(Clock(), tmp_path / "file" / LOCKS_FILE)
    fail(locks, 10)

    assert not locks.may_try(SUBJECT, THERE, exists=True)
    assert "locks.not-written reason=" in caplog.text


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"locked": [["a"]]}', '{"locked": [["a", "b", "c", "d"]]}', "\x00"]
)
def test_a_file_that_is_damaged_says_nothing(tmp_path: Path, text: str) -> None:
    """It shows no lock, and breaks no command."""
    (tmp_path / LOCKS_FILE).write_text(text, "utf-8")

    assert [] == locks_in(tmp_path, 0.0, {})
