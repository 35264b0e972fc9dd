"""What is looked at: seldom enough, and never waited for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.engine.listener import TOO_MANY, SessionCount
from relay365.engine.watch import scene as tested
from relay365.engine.watch.scene import COUNT_S, COUNT_SHARE, ENDINGS_S, WRITE_S, End, Scene
from relay365.errors import SpoolUnavailable
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.usage import Usage

DEPTH = Depth("one", "queued", "normal", 3, 999_000.0)


class Store(MemorySpool):
    """A spool that takes its time, or is unwell."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.ticking = clock
        self.n_counts = self.n_writes = 0
        self.takes_s = 0.0
        self.is_unwell = self.hangs = False

    async def depths(self) -> Sequence[Depth]:
        self.n_counts += 1
        self.ticking.pass_s(self.takes_s)
        if self.is_unwell:
            raise SpoolUnavailable("the disk is gone")
        return [DEPTH]

    async def note_usage(self, rows: Sequence[Usage]) -> None:
        self.n_writes += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.is_unwell:
            raise SpoolUnavailable("the disk is gone")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> Store:
    return Store(clock)


def _scene(
    store: Store, data: Path, *, floor: int = 0, listening: bool = True, stopping: bool = False,
    endings: Callable[[], Sequence[End]] = lambda: (),
) -> Scene:  # fmt: skip
    return Scene(
        {},
        SessionCount(10, 5),
        store,
        store.ticking,
        data,
        floor,
        endings,
        lambda: listening,
        lambda: stopping,
    )


def test_the_queue_is_counted_seldom_and_less_often_where_it_is_long(store: Store, tmp_path: Path) -> None:
    """Once in ten seconds; a count of two seconds holds for a hundred."""
    scene = _scene(store, tmp_path)
    for _ in range(5):
        asyncio.run(scene.look())
    assert (1, [DEPTH]) == (store.n_counts, scene.sample.depths)
    store.ticking.pass_s(COUNT_S)
    store.takes_s = 2.0
    asyncio.run(scene.look())
    store.ticking.pass_s(2.0 / COUNT_SHARE - 1)
    asyncio.run(scene.look())
    assert 2 == store.n_counts
    store.ticking.pass_s(2.0)
    asyncio.run(scene.look())

    assert 3 == store.n_counts


def test_a_spool_that_is_unwell_leaves_the_last_count(store: Store, tmp_path: Path) -> None:
    """It is shown how old it is; nothing fails."""
    scene = _scene(store, tmp_path)
    asyncio.run(scene.look())
    store.is_unwell = True
    store.ticking.pass_s(60.0)
    sample = asyncio.run(scene.look())

    assert ([DEPTH], 60.0) == (sample.depths, store.ticking.mono() - sample.counted_mono)


def test_what_ends_is_read_once_an_hour(store: Store, tmp_path: Path) -> None:
    """Files are read for it."""
    read = []

    def endings() -> Sequence[End]:
        read.append(1)
        return [End("way", "client secret", 5.0)]

    scene = _scene(store, tmp_path, endings=endings)
    for _ in range(3):
        asyncio.run(scene.look())
    assert 1 == len(read)
    store.ticking.pass_s(ENDINGS_S)

    assert [End("way", "client secret", 5.0)] == asyncio.run(scene.look()).ends
    assert 2 == len(read)


def test_ready_means_that_a_row_was_written(store: Store, tmp_path: Path) -> None:
    """And it is written again after a while, not at every question."""
    scene = _scene(store, tmp_path)
    assert [[], []] == [asyncio.run(scene.troubles()) for _ in range(2)]
    assert 1 == store.n_writes
    store.is_unwell = True
    store.ticking.pass_s(WRITE_S)

    assert ["the spool does not write: the disk is gone"] == asyncio.run(scene.troubles())


def test_a_spool_that_hangs_is_not_waited_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not answer is no disk."""
    monkeypatch.setattr(tested, "PATIENCE_S", 0.1)
    store.hangs = True

    assert ["the spool has not written for 0 s"] == asyncio.run(_scene(store, tmp_path).troubles())


def test_every_reason_is_said(store: Store, tmp_path: Path) -> None:
    """Stopping, not listening, draining, a disk below its floor: then nothing is written to it."""
    drained = _scene(store, tmp_path)
    drained.sessions.closed = TOO_MANY
    assert ["the relay drains: it takes no mail (relay365 drain)"] == asyncio.run(drained.troubles())
    stopping = asyncio.run(_scene(store, tmp_path, stopping=True).troubles())
    deaf = asyncio.run(_scene(store, tmp_path, listening=False).troubles())
    store.n_writes = 0
    full = asyncio.run(_scene(store, tmp_path, floor=1 << 62).troubles())

    assert (["the service is stopping"], ["a listener is not open"]) == (stopping, deaf)
    assert "[queue] disk_floor is 4611686018427387904" in full[0]
    assert 0 == store.n_writes
