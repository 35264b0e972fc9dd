"""Whose files are: what root writes into the directory of the service belongs to the service."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from relay365.engine.accounts import remove_user, write_user
from relay365.owner import give_to_owner, may_owner_read, open_for_owner
from relay365.setup.keys import write_private
from relay365.spool.waiting.freeze import FILE, Freeze, write_freeze

SERVICE = 61_215  # a number from the range of DynamicUser

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
by_root = pytest.mark.skipif(os.name != "nt" and os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that belongs to the service where we are root, else to us."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder, SERVICE, SERVICE)
    return folder


def _write(file: Path, of: Path, text: bytes) -> None:
    with os.fdopen(open_for_owner(file, of), "wb") as out:
        out.write(text)


def _owners(folder: Path) -> dict[str, tuple[int, int, int]]:
    """User, group and rights of each file."""
    facts = {file.name: file.lstat() for file in folder.iterdir()}
    return {name: (one.st_uid, one.st_gid, one.st_mode & 0o777) for name, one in facts.items()}


def test_it_is_new_and_for_its_owner_alone(data: Path) -> None:
    """Also where an old one lies there, longer and open to all."""
    (data / "one").write_bytes(b"much longer than the new one")
    (data / "one").chmod(0o644)
    _write(data / "one", data, b"new")

    owner = data.stat()
    assert {"one": (owner.st_uid, owner.st_gid, 0o600)} == _owners(data)
    assert b"new" == (data / "one").read_bytes()


def test_no_link_is_followed(data: Path, tmp_path: Path) -> None:
    """Whoever owns the directory cannot have root write, or give away, what is elsewhere."""
    (tmp_path / "shadow").write_bytes(b"root's own")
    was = (tmp_path / "shadow").stat()
    (data / "one").symlink_to(tmp_path / "shadow")
    (data / "two").symlink_to(tmp_path / "shadow")
    _write(data / "one", data, b"new")
    give_to_owner(data / "two", data)

    now = (tmp_path / "shadow").stat()
    assert b"root's own" == (tmp_path / "shadow").read_bytes()
    assert (was.st_uid, was.st_gid, was.st_mode) == (now.st_uid, now.st_gid, now.st_mode)
    assert not (data / "one").is_symlink()


def test_a_handle_that_cannot_be_given_is_closed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is told, and no descriptor stays open."""

    def refuse(file: object, of: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("relay365.owner.give_to_owner", refuse)
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(PermissionError):
        open_for_owner(data / "one", data)

    assert n_open == len(list(Path("/proc/self/fd").iterdir()))


@by_root
def test_what_a_person_orders_as_root_can_be_read_by_the_service(data: Path) -> None:
    """A login, the order to freeze, the application's key and the folder that is made for it."""
    write_user(data / "users", "printer", "a long password")
    write_freeze(data, Freeze(1.0, 2.0))
    write_private(data / "keys" / "app.pem", b"key")

    mine = (SERVICE, SERVICE, 0o600)
    assert {"users": mine, FILE: mine, "keys": (SERVICE, SERVICE, 0o700)} == _owners(data)
    assert {"app.pem": mine} == _owners(data / "keys")
    assert remove_user(data / "users", "printer")
    assert mine == _owners(data)["users"]


RIGHTS = [
    (owner, group, mode, folder)
    for owner, group in ((0, 0), (SERVICE, 0), (0, SERVICE), (SERVICE, SERVICE))
    for mode in (0o600, 0o640, 0o604, 0o004, 0o440, 0o000)
    for folder in (0o755, 0o700, 0o754)
]


@by_root
def test_what_the_service_may_read_is_what_the_system_lets_it_read() -> None:
    """Asked of the system itself by a child that is the service's user, for owners, groups, files and folders."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        root, data = Path(place), Path(place) / "data"
        root.chmod(0o711)
        data.mkdir()
        os.chown(data, SERVICE, SERVICE)
        files = []
        for n, (owner, group, mode, folder) in enumerate(RIGHTS):
            file = root / str(n) / "secret"
            file.parent.mkdir()
            file.write_text("x")
            os.chown(file, owner, group)
            file.chmod(mode)
            file.parent.chmod(folder)
            files.append(file)
        said = [may_owner_read(file, data) for file in files]
        child = subprocess.run(
            ["/bin/sh", "-c", 'for one; do [ -r "$one" ] && echo yes || echo no; done', "sh", *map(str, files)],
            user=SERVICE, group=SERVICE, extra_groups=(), capture_output=True, text=True, check=True, cwd="/",
        )  # fmt: skip

    assert child.stdout.split() == ["yes" if one else "no" for one in said]
    assert {True, False} == set(said)


def test_only_root_asks_for_somebody_else(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay's own user asks the system; so does root where the data are root's, or not there yet."""
    (tmp_path / "s").touch(mode=0o600)

    assert may_owner_read(tmp_path / "s", tmp_path / "none")
    assert may_owner_read(tmp_path / "s", Path("/"))
    monkeypatch.setattr("os.geteuid", lambda: SERVICE)
    assert may_owner_read(tmp_path / "s", data)
