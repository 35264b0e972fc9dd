"""Shares: one client's mail takes its share of the disk and no more; the others still find room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from relay365.clock import SystemClock
from relay365.engine.doors.shares import LOOK_S, ROW_OCTETS, Shares
from relay365.errors import SpoolUnavailable
from relay365.mail.envelope import SubmitterFacts

GB = 1 << 30
FLOOR = GB // 16


class Disk(NamedTuple):
    """As shutil.disk_usage gives it."""

    total: int
    used: int
    free: int


LOOPING, OTHER = SubmitterFacts("a", "192.0.2.1"), SubmitterFacts("a", "192.0.2.2")


class Kept:
    """A spool that knows who has how much."""

    def __init__(self, **octets: int) -> None:
        self.octets, self.n_asked, self.is_broken = octets, 0, False

    async def kept_octets(self, row_octets: int) -> Mapping[str, int]:
        self.n_asked += 1
        assert ROW_OCTETS == row_octets
        if self.is_broken:
            raise SpoolUnavailable("gone")
        return {f"192.0.2.{name[1:]}": n for name, n in self.octets.items()}


Look = Callable[..., None]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    """A look at a disk of so many octets, so many of them free; the spool has what is used, or as much as is said."""
    (tmp_path / "segments").mkdir()

    def looked(shares: Shares, store: Kept, disk: tuple[int, int], spool_octets: int | None = None) -> None:
        total, free = disk
        monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(total, total - free, free))
        _fill(tmp_path, total - free if spool_octets is None else spool_octets)
        asyncio.run(shares.look(tmp_path, FLOOR, store))

    return looked


def _fill(data: Path, n_octets: int) -> None:
    """Files of so many octets, with holes instead of octets."""
    for name, part in (("spool.db", n_octets // 2), ("segments/1", n_octets - n_octets // 2)):
        with (data / name).open("wb") as file:
            file.truncate(part)


def test_nobody_is_refused_before_anybody_has_looked() -> None:
    """A start takes mail at once."""
    shares = Shares(0.5)
    shares.took(LOOPING, 1 << 40)

    assert shares.has_room(LOOPING)


def test_whoever_has_its_share_is_refused_and_others_are_not(look: Look) -> None:
    """The room is what is free above the floor and what mail takes: 1 of 10 GB and 4 GB of mail make 5."""
    shares = Shares(0.8)
    for n_gb, has_room in ((3, True), (4, False)):
        look(shares, Kept(x1=n_gb * GB, x2=(4 - n_gb) * GB), (10 * GB, GB + FLOOR))

        assert (has_room, True) == (shares.has_room(LOOPING), shares.has_room(OTHER))


def test_what_comes_between_two_looks_counts_at_once(look: Look) -> None:
    """Rows included; what a look has seen is not counted twice, and mail that went out makes room."""
    shares, store = Shares(0.8), Kept(x1=3 * GB, x2=GB)
    look(shares, store, (10 * GB, GB + FLOOR))

    assert shares.has_room(LOOPING, GB - 1)
    assert not shares.has_room(LOOPING, GB)
    shares.took(LOOPING, GB - ROW_OCTETS)
    assert not shares.has_room(LOOPING)
    assert shares.has_room(OTHER)
    store.octets["x1"] = GB
    look(shares, store, (10 * GB, 3 * GB + FLOOR))
    assert shares.has_room(LOOPING, GB)


def test_the_store_is_not_asked_while_the_disk_is_roomy(look: Look) -> None:
    """Two thirds full at 80 %: then even one client with all of it has half a share left, and gets no more than that
    until the next look.
    """
    shares, store = Shares(0.8), Kept()
    look(shares, store, (9 * GB + FLOOR, 3 * GB + FLOOR))
    assert (0, True) == (store.n_asked, shares.has_room(LOOPING, GB))
    shares.took(LOOPING, 6 * GB // 5)
    assert (False, True) == (shares.has_room(LOOPING), shares.has_room(OTHER))

    look(shares, store, (9 * GB + FLOOR, 3 * GB + FLOOR - 2))
    assert 1 == store.n_asked


def test_a_disk_that_others_fill_is_no_reason_to_ask(look: Look) -> None:
    """Nine tenths of it are not the spool's: all mail together is less than half a share, and that is seen by its
    files; with a larger spool the store is asked.
    """
    shares, store = Shares(0.8), Kept()
    look(shares, store, (10 * GB, GB + FLOOR), 2 * GB)
    assert (0, True) == (store.n_asked, shares.has_room(LOOPING, GB // 3))

    look(shares, store, (10 * GB, GB + FLOOR), 2 * GB + 10)
    assert 1 == store.n_asked


def test_an_honest_run_fits(look: Look) -> None:
    """12,000 invoices of 100 KB on a disk with 2 GB of room, asked before each of them."""
    shares, store = Shares(0.8), Kept()
    look(shares, store, (20 * GB, 2 * GB + FLOOR))
    for _ in range(12_000):
        assert shares.has_room(LOOPING, 100_000)
        shares.took(LOOPING, 100_000)


def test_without_a_limit_nobody_looks(look: Look) -> None:
    """disk_share = 100."""
    shares, store = Shares(1.0), Kept(x1=100 * GB)
    look(shares, store, (10 * GB, FLOOR))

    assert (0, True) == (store.n_asked, shares.has_room(LOOPING))


def test_a_store_that_cannot_answer_changes_nothing(look: Look) -> None:
    """What was known stays, and the next look asks again."""
    shares, store = Shares(0.8), Kept(x1=5 * GB)
    look(shares, store, (10 * GB, GB + FLOOR))
    store.is_broken = True
    look(shares, store, (10 * GB, GB + FLOOR))

    assert (False, True) == (shares.has_room(LOOPING), shares.has_room(OTHER))


def test_whoever_is_refused_is_looked_at_again_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Room that a person has made is used within a second, though otherwise nobody looks for five."""
    shares, store = Shares(0.8), Kept(x1=5 * GB)
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(10 * GB, 9 * GB, GB + FLOOR))
    (tmp_path / "segments").mkdir()
    _fill(tmp_path, 9 * GB)

    async def live() -> float:
        task = asyncio.create_task(shares.run(tmp_path, FLOOR, store, SystemClock()))
        async with asyncio.timeout(10.0):
            while shares.has_room(LOOPING):
                await asyncio.sleep(0.01)
            store.octets["x1"] = GB
            since = time.monotonic()
            while not shares.has_room(LOOPING):
                await asyncio.sleep(0.01)
        task.cancel()
        return time.monotonic() - since

    assert asyncio.run(live()) < LOOK_S / 2
