"""Logins: right and wrong passwords, the users file, and what is remembered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import argon2
import pytest

from relay365.clock import SystemClock
from relay365.engine.accounts import REMEMBER_S, Accounts, read_users, remove_user, write_user
from transcript.standin import JumpingLoop

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class FakeClock:
    """A clock that stands still until it is told."""

    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.5


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A users file with one login, hashed cheaply."""
    file = tmp_path / "users"
    file.write_text(f"# logins\n\ncanon:{QUICK.hash('right')}\nbroken:not-a-hash\nno colon here\n", "utf-8")
    return file


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def accounts(users: Path, clock: FakeClock) -> Iterator[Accounts]:
    made = Accounts(users, {"kyocera": QUICK.hash("other")}, clock)
    yield made
    made.close()


def _ask(accounts: Accounts, *logins: tuple[str, str]) -> list[bool]:
    async def ask() -> list[bool]:
        return [await accounts.verify(name, password) for name, password in logins]

    return asyncio.run(ask())


def test_right_passwords_are_right_and_nothing_else_is(accounts: Accounts) -> None:
    """File and configuration both count; a wrong password, an unknown name, a broken hash and no password do not."""
    logins = [
        ("canon", "right"),
        ("kyocera", "other"),
        ("canon", "wrong"),
        ("nobody", "right"),
        ("broken", "x"),
        ("canon", ""),
    ]

    assert [True, True, False, False, False, False] == _ask(accounts, *logins)


def test_a_name_with_a_domain_is_the_name(accounts: Accounts) -> None:
    """Devices that insist on an address as user name can log in."""
    assert [True, False] == _ask(accounts, ("canon@contoso.com", "right"), ("canon@contoso.com", "wrong"))


def test_an_unknown_name_costs_a_verification_too(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time does not tell who exists: a name that nobody has is verified against a hash that nobody can meet."""
    verified: list[str] = []

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored)
            return QUICK.verify(stored, password)

    monkeypatch.setattr(accounts, "_hasher", Counting())

    assert [False] == _ask(accounts, ("nobody", "right"))
    assert ["$argon2id$v=19$m=65536,t=3,p=4"] == [stored[:30] for stored in verified]


def test_a_right_password_is_remembered_for_a_while(
    accounts: Accounts, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second login of a scanner costs nothing; after five minutes it is verified again; a wrong one always is."""
    n_verified = 0

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            nonlocal n_verified
            n_verified += 1
            return QUICK.verify(stored, password)

    monkeypatch.setattr(accounts, "_hasher", Counting())

    assert [True, True, False, False] == _ask(
        accounts, ("canon", "right"), ("canon", "right"), ("canon", "wrong"), ("canon", "wrong")
    )
    assert 3 == n_verified
    clock.at += REMEMBER_S + 1.0
    assert [True] == _ask(accounts, ("canon", "right"))
    assert 4 == n_verified


def test_a_new_password_counts_at_once(accounts: Accounts, users: Path) -> None:
    """The file is read again when it changes; what was remembered of the old password is void."""
    before = _ask(accounts, ("canon", "right"))
    write_user(users, "canon", "new")

    assert [True] == before
    assert [False, True] == _ask(accounts, ("canon", "right"), ("canon", "new"))


def test_a_removed_login_is_gone_and_a_missing_file_is_empty(accounts: Accounts, users: Path) -> None:
    """Deleting the file takes its logins away, and those of the configuration stay."""
    before = _ask(accounts, ("canon", "right"))
    users.unlink()

    assert [True] == before
    assert [False, True] == _ask(accounts, ("canon", "right"), ("kyocera", "other"))
    assert ["kyocera"] == accounts.names()


def test_a_file_that_cannot_be_read_keeps_what_was_known(
    accounts: Accounts, users: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk locks nobody out, and is said."""
    before = _ask(accounts, ("canon", "right"))

    class Unwell:
        def stat(self) -> os.stat_result:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(accounts, "_file", Unwell())

    assert [True, True] == [*before, *_ask(accounts, ("canon", "right"))]
    assert "users.unreadable" in caplog.text


def test_a_file_that_is_no_text_keeps_what_was_known(
    accounts: Accounts, users: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was saved in another encoding locks nobody out, and is said."""
    before = _ask(accounts, ("canon", "right"))
    users.write_bytes(b"gr\xf6\xdfe:x\n")

    assert [True, True] == [*before, *_ask(accounts, ("canon", "right"))]
    assert "it is not UTF-8 text" in caplog.text


def _count_verifications(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    verified: list[str] = []

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            verified.append(password)
            return QUICK.verify(stored, password)

    monkeypatch.setattr(accounts, "_hasher", Counting())
    return verified


def _try_in_turn(accounts: Accounts, *logins: tuple[str, str, str]) -> list[bool]:
    """Logins with their addresses, in a loop whose time jumps: no test waits for what is answered late."""

    async def ask() -> list[bool]:
        accounts._pool = _Here()  # type: ignore[assignment]
        return [await accounts.verify(*login) for login in logins]

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(ask())


class _Here(Executor):
    """An executor without threads: what is asked for is done at once."""

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*arguments, **named))
        return done


def test_a_guessed_name_is_locked_and_costs_nothing(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After ten wrong passwords the answer is the same and no hash is looked at; other names and addresses go on."""
    verified = _count_verifications(accounts, monkeypatch)
    wrong = [("canon", f"guess{n}", "192.0.2.1") for n in range(12)]
    answers = _try_in_turn(
        accounts, *wrong, ("canon", "right", "192.0.2.1"), ("kyocera", "other", "192.0.2.1"),
        ("canon", "right", "192.0.2.2"),
    )  # fmt: skip

    assert [False] * 13 + [True, True] == answers
    assert [*(f"guess{n}" for n in range(10)), "other", "right"] == verified
    assert "login.locked name='canon' peer=192.0.2.1" in caplog.text


def test_a_lock_ends_with_its_time_and_with_a_new_password(
    accounts: Accounts, users: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever sets a new password need not wait; the old one is tried again five minutes later, and that is said."""
    caplog.set_level("INFO", "relay365.accounts")
    wrong = [("canon", f"guess{n}", "192.0.2.1") for n in range(10)]
    locked = _try_in_turn(accounts, *wrong, ("canon", "right", "192.0.2.1"))
    users.write_text(f"canon:{QUICK.hash('new')}\n", "utf-8")
    renewed = _try_in_turn(accounts, ("canon", "new", "192.0.2.1"))
    users.write_text(f"canon:{QUICK.hash('right')} \n", "utf-8")
    clock.at += 300.0

    assert ([False] * 11, [True]) == (locked, renewed)
    assert [True] == _try_in_turn(accounts, ("canon", "right", "192.0.2.1"))
    assert "login.unlocked name='canon' peer=192.0.2.1" in caplog.text


def test_a_password_that_is_known_to_be_right_passes_every_lock(accounts: Accounts) -> None:
    """A device at work does not notice that somebody guesses its name from the same address."""
    wrong = [("canon", f"guess{n}", "192.0.2.1") for n in range(12)]

    assert [True, *[False] * 12, True] == _try_in_turn(
        accounts, ("canon", "right", "192.0.2.1"), *wrong, ("canon", "right", "192.0.2.1")
    )


def test_a_wrong_login_is_answered_later_each_time(accounts: Accounts) -> None:
    """The fourth wrong one from an address waits half a second, the tenth much longer; a right one never waits."""

    async def ask() -> list[float]:
        loop, waits = asyncio.get_running_loop(), []
        accounts._pool = _Here()  # type: ignore[assignment]
        for n in range(10):
            began = loop.time()
            await accounts.verify("canon", f"guess{n}", "192.0.2.1")
            waits.append(loop.time() - began)
        began = loop.time()
        await accounts.verify("kyocera", "other", "192.0.2.1")
        return [*waits, loop.time() - began]

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        waits = runner.run(ask())

    assert [0.0, 0.0, 0.0, 0.5, 1.0] == waits[:5]
    assert (3.5, 0.0) == (waits[9], waits[10])


def test_equal_logins_at_once_are_verified_once(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty mails of a database in one second cost one verification, and each gets its answer."""
    verified = _count_verifications(accounts, monkeypatch)

    async def ask() -> list[bool]:
        return list(
            await asyncio.gather(*(accounts.verify("canon", "right", "192.0.2.1") for _ in range(80)))
        )

    assert [True] * 80 == asyncio.run(ask())
    assert ["right"] == verified


def test_a_login_is_taken_out(tmp_path: Path) -> None:
    """Its line goes, the others and the comments stay; one that is not there is said."""
    file = tmp_path / "users"
    write_user(file, "canon", "one")
    write_user(file, "kyocera", "two")

    assert [True, False] == [remove_user(file, "canon"), remove_user(file, "canon")]
    assert ["kyocera"] == list(read_users(file.read_text("utf-8")))
    assert "# relay365 logins" == file.read_text("utf-8")[:17]
    assert not remove_user(tmp_path / "none", "canon")


def test_an_empty_name_is_no_login() -> None:
    """A line without a name or a hash gives nobody a way in, not even `@domain`."""
    assert {"a": "hash"} == read_users(":hash\n : hash\nb:\nc\n# d:hash\n\n a : hash \n")


def test_the_file_is_written_whole_and_private(tmp_path: Path) -> None:
    """A login is added or replaced, others stay, comments stay, and nobody else can read it."""
    file = tmp_path / "data" / "users"
    write_user(file, "canon", "one")
    write_user(file, "kyocera", "two")
    write_user(file, "canon", "three")
    found = read_users(file.read_text("utf-8"))

    assert ["canon", "kyocera"] == sorted(found)
    assert all(stored.startswith("$argon2id$") for stored in found.values())
    assert argon2.PasswordHasher().verify(found["canon"], "three")
    assert 0o600 == file.stat().st_mode & 0o777
    assert ["users"] == [one.name for one in file.parent.iterdir()]


def test_other_logins_from_one_moment_to_the_next(tmp_path: Path) -> None:
    """Of the file and of the configuration; what was remembered of a right password is of no use without them."""

    async def story() -> None:
        old, new = tmp_path / "old", tmp_path / "new"
        write_user(old, "printer", "secret")
        write_user(new, "scanner", "secret")
        accounts = Accounts(old, {"fax": "x"}, SystemClock())
        assert await accounts.verify("printer", "secret")
        accounts.follow(new, {"ups": "y"})
        assert ["scanner", "ups"] == accounts.names()
        assert not await accounts.verify("printer", "secret")
        assert await accounts.verify("scanner", "secret")
        accounts.close()

    asyncio.run(story())
