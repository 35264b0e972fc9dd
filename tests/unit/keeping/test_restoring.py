"""Backups that come back: into an empty place or none, held unless told otherwise, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import pwd
from pathlib import Path

import pytest

from contract.spools import StillClock, claim, read
from fakes.estates import ABOUT, MAILS, PASSPHRASE, estate_in
from relay365.config import parse
from relay365.keeping import restoring
from relay365.keeping.archive import BadArchive
from relay365.keeping.creating import NotAllowed, Order, create
from relay365.keeping.estate import Estate
from relay365.keeping.restoring import Brought, restore
from relay365.spool.api import Selection, State
from relay365.spool.lock import DirectoryLock
from relay365.spool.sqlite import SqliteSpool


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "b.tar.gz"
    create(estate_in(tmp_path / "home"), Order(file, ABOUT, 1.0))
    return file


def _restore(file: Path, to: Path, *, hold: bool = True, config_to: Path | None = None) -> Brought:
    return restore(file, lambda: PASSPHRASE, to, clock=StillClock(), hold=hold, config_to=config_to)


def _contents(data: Path) -> list[bytes]:
    async def story() -> list[bytes]:
        spool = await SqliteSpool.open(data, clock=StillClock())
        await spool.release(Selection(states=frozenset({State.HELD})), 2e6)
        found = [await read(one) for one in await claim(spool, now=2e6)]
        await spool.close()
        return found

    return asyncio.run(story())


def test_every_body_comes_back_whole(file: Path, tmp_path: Path) -> None:
    """Small, shared and own contents, octet for octet, with users and rights; nothing of the work is left behind."""
    brought = _restore(file, tmp_path / "new")

    assert sorted(MAILS) == sorted(_contents(tmp_path / "new"))
    assert {"lock", "restored", "segments", "spool.db", "users"} == {
        p.name for p in (tmp_path / "new").iterdir()
    }
    assert "scan:canary-hash\n" == (tmp_path / "new" / "users").read_text()
    assert brought.config == tmp_path / "new" / "restored" / "config"
    assert "canary-client-secret" == (brought.config / "client.secret").read_text()
    ours = [p for p in (tmp_path / "new").rglob("*") if brought.config not in (p, *p.parents)]
    assert {0o600} == {p.stat().st_mode & 0o777 for p in ours if p.is_file()}
    assert {0o700} == {p.stat().st_mode & 0o777 for p in ours if p.is_dir()}


def test_the_configuration_goes_where_it_is_told(file: Path, tmp_path: Path) -> None:
    """With a place for it, a estate stands as it stood: the data beside the configuration, and nothing else."""
    brought = _restore(file, tmp_path / "etc" / "data", config_to=tmp_path / "etc")

    assert tmp_path / "etc" == brought.config
    assert {"relay365.toml", "client.secret", "data"} == {p.name for p in (tmp_path / "etc").iterdir()}
    assert not (tmp_path / "etc" / "data" / "restored").exists()


def test_it_is_held_and_counted(file: Path, tmp_path: Path) -> None:
    """By default nothing of it would go out; on request all of it."""
    held = _restore(file, tmp_path / "held").queue
    due = _restore(file, tmp_path / "due", hold=False).queue

    assert (3, True) == (held.n_waiting, held.is_held)
    assert (3, False) == (due.n_waiting, due.is_held)


@pytest.mark.parametrize("what", ["a file", "a service", "no folder", "a configuration"])
def test_only_into_an_empty_place(file: Path, tmp_path: Path, what: str) -> None:
    """Over a service, a forgotten file, or a configuration nothing is restored, and what is there stays as it is."""
    to, config_to, lock = tmp_path / "new", None, None
    match what:
        case "a file":
            to.mkdir()
            (to / "note").write_text("mine")
        case "a service":
            to.mkdir()
            lock = DirectoryLock(to)
            lock.take()
        case "no folder":
            to.write_text("mine")
        case "a configuration":
            config_to = tmp_path / "etc"
            config_to.mkdir()
            (config_to / "relay365.toml").write_text("mine")
    with pytest.raises(NotAllowed, match="is running on it" if lock else "is not empty|is no folder"):
        _restore(file, to, config_to=config_to)
    if lock is not None:
        lock.release()

    left = to if to.is_file() else next((config_to or to).iterdir())
    assert lock is not None or "mine" == left.read_text()
    assert what != "a configuration" or not to.exists()


@pytest.mark.parametrize("exists", [False, True])
def test_a_bad_backup_leaves_nothing(file: Path, tmp_path: Path, *, exists: bool) -> None:
    """A file that breaks off in the middle: the place is as it was."""
    octets = file.read_bytes()
    file.write_bytes(octets[: len(octets) // 2])
    if exists:
        (tmp_path / "new").mkdir()
    with pytest.raises(BadArchive):
        _restore(file, tmp_path / "new")

    assert exists == (tmp_path / "new").exists()
    assert not exists or [] == list((tmp_path / "new").iterdir())


def test_no_service_starts_on_half_of_it(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is restored the place is locked, and the database comes last."""
    seen: list[tuple[int | None, bool]] = []
    real = restoring._move

    def looked(stage: Path, to: Path, config_to: Path | None) -> None:
        seen.append((DirectoryLock(to).holder(), (to / "spool.db").exists()))
        real(stage, to, config_to)

    monkeypatch.setattr(restoring, "_move", looked)
    _restore(file, tmp_path / "new")

    ((holder, has_queue),) = seen
    assert holder is not None
    assert not has_queue
    assert DirectoryLock(tmp_path / "new").holder() is None


def test_files_of_other_places_keep_their_path(tmp_path: Path) -> None:
    """What the configuration named by an absolute path stands below `elsewhere`, for a person to put back."""
    estate = estate_in(tmp_path / "home")
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "client.secret").write_text("other")
    text = estate.config_file.read_text().replace('"client.secret"', f'"{tmp_path}/srv/client.secret"')
    estate.config_file.write_text(text)
    create(Estate(parse(text, "x"), estate.config_file, estate.data), Order(tmp_path / "b", ABOUT, 1.0))
    brought = _restore(tmp_path / "b", tmp_path / "new")

    assert brought.elsewhere is not None
    assert "other" == (brought.elsewhere / str(tmp_path / "srv" / "client.secret").lstrip("/")).read_text()


def test_a_service_can_read_its_configuration_again(file: Path, tmp_path: Path) -> None:
    """What others could read they can read again, the secret is for its owner alone: as it was."""
    brought = _restore(file, tmp_path / "etc" / "data", config_to=tmp_path / "etc")

    assert 0o644 == (brought.config / "relay365.toml").stat().st_mode & 0o777
    assert 0o600 == (brought.config / "client.secret").stat().st_mode & 0o777
    assert 0o755 == (tmp_path / "etc").stat().st_mode & 0o777


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_root_gives_everything_back(tmp_path: Path) -> None:
    """The data directory to whom the database belonged, a secret to its own owner, a configuration stays root's; and
    where nobody has the name any more, the data goes to the owner of the folder.
    """
    estate = estate_in(tmp_path / "home")
    nobody, daemon = pwd.getpwnam("nobody"), pwd.getpwnam("daemon")
    os.chown(estate.data / "spool.db", nobody.pw_uid, nobody.pw_gid)
    os.chown(estate.base / "client.secret", daemon.pw_uid, daemon.pw_gid)
    create(estate, Order(tmp_path / "b", ABOUT, 1.0))
    brought = _restore(tmp_path / "b", tmp_path / "new")
    os.chown(estate.data / "spool.db", 4_000_001, 4_000_001)
    create(estate, Order(tmp_path / "c", ABOUT, 1.0))
    (tmp_path / "other").mkdir()
    os.chown(tmp_path / "other", daemon.pw_uid, daemon.pw_gid)
    _restore(tmp_path / "c", tmp_path / "other")

    new = [tmp_path / "new", *(p for p in (tmp_path / "new").rglob("*") if "restored" not in str(p))]
    assert {nobody.pw_uid} == {p.stat().st_uid for p in new}
    assert daemon.pw_uid == (brought.config / "client.secret").stat().st_uid
    assert 0 == (brought.config / "relay365.toml").stat().st_uid
    assert {daemon.pw_uid} == {
        p.stat().st_uid for p in (tmp_path / "other").rglob("*") if "restored" not in str(p)
    }
