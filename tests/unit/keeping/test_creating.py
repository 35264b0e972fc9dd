"""Backups that are written: whole or not at all, over nothing, and for nobody else's eyes."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contract.spools import SqliteLife, accept, live, octets_of
from fakes.estates import ABOUT, PASSPHRASE, estate_in
from relay365.errors import DataInUseError
from relay365.keeping import creating
from relay365.keeping.creating import NotAllowed, Order, TooLittleRoom, create
from relay365.keeping.estate import Estate
from relay365.keeping.verifying import verify
from relay365.spool.lock import DirectoryLock
from relay365.spool.segment import HEADER


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return estate_in(tmp_path / "home")


@pytest.fixture
def to(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "b.tar.gz"


def test_a_backup_is_whole_and_private(estate: Estate, to: Path) -> None:
    """It has the queue with all kinds of contents, all files, rights for its owner alone; nothing is left beside it."""
    made = create(estate, Order(to, ABOUT, 1.0))

    assert made.is_whole
    assert {"queued": 3} == made.facts.counts
    assert {"data/spool.db", "config/relay365.toml", "config/client.secret"} <= {m.name for m in made.members}
    assert 2 == sum(m.name.startswith("data/segments/") for m in made.members)
    assert made.size_octets == to.stat().st_size
    assert 0o600 == to.stat().st_mode & 0o777
    assert [to] == list(to.parent.iterdir())
    assert not (estate.data / "backup").exists()


def test_a_sealed_one_shows_nothing(estate: Estate, to: Path) -> None:
    """With a passphrase no octet of a secret or of mail is in the file; without it the same file does not open."""
    made = create(estate, Order(to, ABOUT, 1.0, PASSPHRASE))
    octets = to.read_bytes()

    assert made.is_sealed
    assert octets.startswith(b"age-encryption.org/v1\n")
    assert b"canary" not in octets
    assert () == verify(to, lambda: PASSPHRASE).problems


def test_nothing_is_overwritten(estate: Estate, to: Path) -> None:
    """A file that is there stays as it is."""
    to.write_text("the backup of last year")
    with pytest.raises(NotAllowed, match="never overwrites"):
        create(estate, Order(to, ABOUT, 1.0))

    assert "the backup of last year" == to.read_text()


def test_not_beside_what_it_protects(estate: Estate) -> None:
    """In the data directory a backup would be lost together with it, and be in the next one."""
    with pytest.raises(NotAllowed, match="lost with"):
        create(estate, Order(estate.data / "b.tar.gz", ABOUT, 1.0))


def test_open_secrets_need_a_safe_folder(estate: Estate, to: Path) -> None:
    """Where everybody may write, only a sealed backup is written; a folder with the sticky bit is safe enough."""
    to.parent.chmod(0o777)
    with pytest.raises(NotAllowed, match="others could put another file in the place"):
        create(estate, Order(to, ABOUT, 1.0))
    assert create(estate, Order(to, ABOUT, 1.0, PASSPHRASE)).is_sealed
    to.parent.chmod(0o1777)
    assert create(estate, Order(to.with_name("c"), ABOUT, 1.0)).is_whole


def test_a_file_system_without_rights_gets_no_open_secrets(
    estate: Estate, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share or a stick on which 0600 becomes 0755: refused, and nothing is left."""
    real = os.fstat

    def wide(handle: int) -> Any:
        found = real(handle)
        return os.stat_result((found.st_mode | 0o055, *found[1:]))

    monkeypatch.setattr(creating.os, "fstat", wide)
    with pytest.raises(NotAllowed, match="others could read"):
        create(estate, Order(to, ABOUT, 1.0))
    assert [] == list(to.parent.iterdir())


def test_a_full_disk_is_known_before(estate: Estate, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying the queue must not take the room that devices need: it is not begun."""
    free = estate.config.queue.disk_floor + 50_000  # less than the database has
    monkeypatch.setattr(creating.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(TooLittleRoom, match="for devices"):
        create(estate, Order(to, ABOUT, 1.0))
    assert [] == list(to.parent.iterdir())


def test_a_failure_leaves_nothing(estate: Estate, to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at the end: no half backup that looks like one, no copy of the queue."""

    def failing(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(creating.os, "fsync", failing)
    with pytest.raises(OSError, match="No space left"):
        create(estate, Order(to, ABOUT, 1.0))
    assert [] == list(to.parent.iterdir())
    assert not (estate.data / "backup").exists()


def test_two_at_once_do_not_mix(estate: Estate, to: Path) -> None:
    """While one is under way another one is refused; what a killed one left is cleared away by the next."""
    stage = estate.data / "backup"
    stage.mkdir()
    (stage / "spool.db").write_text("half a copy")
    lock = DirectoryLock(stage)
    lock.take()
    with pytest.raises(DataInUseError, match="another backup is under way"):
        create(estate, Order(to, ABOUT, 1.0))
    lock.release()

    assert create(estate, Order(to, ABOUT, 1.0)).is_whole
    assert not stage.exists()


def test_scratch_is_used(estate: Estate, to: Path, tmp_path: Path) -> None:
    """Where another folder is named the copy is made there, and the data directory needs no room."""
    (tmp_path / "scratch").mkdir()
    estate.data.chmod(0o700)
    seen: list[tuple[str, int, int]] = []
    create(
        estate,
        Order(to, ABOUT, 1.0, scratch=tmp_path / "scratch"),
        lambda what, done, whole: seen.append((what, done, whole)),
    )

    assert [] == list((tmp_path / "scratch").iterdir())
    assert {"queue", "segments"} == {what for what, _, _ in seen}


def test_damage_is_told_and_kept(estate: Estate, to: Path) -> None:
    """A content that is damaged on the disk is named; the rest is saved all the same."""
    own = next((estate.data / "segments").glob("*-own-*"))
    octets = bytearray(own.read_bytes())
    octets[HEADER.size + 5] ^= 1
    own.write_bytes(octets)
    made = create(estate, Order(to, ABOUT, 1.0))

    assert not made.is_whole
    assert ["222225"] == list(made.damaged)
    assert 3 == made.facts.n_waiting
    assert any("222225" in text for text in verify(to, lambda: "").problems)


def test_a_missing_secret_is_told(estate: Estate, to: Path) -> None:
    """A backup without a secret that the configuration names is written, and is not called whole."""
    (estate.base / "client.secret").unlink()
    made = create(estate, Order(to, ABOUT, 1.0))

    assert not made.is_whole
    assert ["route.secret"] == [one.what.split(" = ")[0] for one in made.left_out if one.is_fault]


def test_an_empty_queue_is_a_backup_too(tmp_path: Path, to: Path) -> None:
    """Nothing waits and nothing ever did: configuration and keys are worth it."""
    estate = estate_in(tmp_path / "other", mails=())

    assert create(estate, Order(to, ABOUT, 1.0)).is_whole
    live(SqliteLife(estate.data), lambda spool: accept(spool, octets=octets_of(10)))
