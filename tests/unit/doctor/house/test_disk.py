"""The disk: whose it is, what room it has, how long it takes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from relay365.doctor.finding import State
from relay365.doctor.house import disk

GIB = 1024**3


def test_a_folder_of_our_own(tmp_path: Path) -> None:
    """Good as it should be; too open, missing, or no folder at all."""
    ours, file = tmp_path / "data", tmp_path / "file"
    file.write_text("")
    missing = asyncio.run(disk.folder(ours))
    ours.mkdir(mode=0o700)
    good = asyncio.run(disk.folder(ours))
    ours.chmod(0o750)
    open_ = asyncio.run(disk.folder(ours))

    assert [State.WARN, State.GOOD, State.WARN] == [missing.state, good.state, open_.state]
    assert missing.mend is not None and missing.mend.make
    assert open_.mend is not None and open_.mend.mode == 0o700
    assert State.BAD is asyncio.run(disk.folder(file)).state


def test_a_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says whose turn it is."""
    monkeypatch.setattr("os.access", lambda *_: False)
    finding = asyncio.run(disk.folder(tmp_path))

    assert State.BAD is finding.state
    assert "chown" in finding.do


@pytest.mark.parametrize(
    ("free", "state"), [(GIB // 32, State.BAD), (GIB // 2, State.WARN), (30 * GIB, State.GOOD)]
)
def test_room(free: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the floor devices are refused; ten times the floor is near it."""
    facts = SimpleNamespace(free=free, total=100 * GIB)
    monkeypatch.setattr("shutil.disk_usage", lambda _: facts)

    assert state is asyncio.run(disk.room(tmp_path, GIB // 16)).state


@pytest.mark.parametrize(
    ("n_files", "n_free", "state"),
    [(0, 0, State.GOOD), (10**6, 10**5, State.GOOD), (10**6, 5000, State.WARN), (10**6, 10, State.BAD)],
)
def test_inodes(
    n_files: int, n_free: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have no limit."""
    monkeypatch.setattr("os.statvfs", lambda _: SimpleNamespace(f_files=n_files, f_favail=n_free))

    assert state is asyncio.run(disk.inodes(tmp_path / "not" / "there")).state


def test_fsync_leaves_nothing_behind(tmp_path: Path) -> None:
    """It is measured on the real disk."""
    finding = asyncio.run(disk.sync(tmp_path))

    assert "fsync" in finding.text
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("taken", "state"),
    [([0.2] * 30, State.WARN), ([0.001] * 29 + [1.5], State.BAD), ([0.01] * 30, State.GOOD)],
)
def test_a_slow_disk(
    taken: list[float], state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle slows every 250; one of more than a second makes devices give up."""
    monkeypatch.setattr(disk, "_syncs", lambda _: taken)

    assert state is asyncio.run(disk.sync(tmp_path)).state
