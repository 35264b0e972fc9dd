"""A message that is sent again: recognised within its window, also while the first is still being committed."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from relay365.engine.contents.diary import Diary
from relay365.engine.contents.twins import Twins
from relay365.mail.envelope import SpoolId

ID = SpoolId("222223")


def test_the_second_is_the_first() -> None:
    """Within the window it gets the first one's id; later, and after a failure, it is new."""

    async def live() -> list[str | None]:
        twins = Twins(60.0)
        found: list[str | None] = [await twins.id_of(b"x", 0.0)]
        async with twins.first(b"x", 0.0) as first:
            first.spool_id = ID
        found += [await twins.id_of(b"x", 59.0), await twins.id_of(b"y", 59.0), await twins.id_of(b"x", 60.0)]
        async with twins.first(b"z", 0.0):
            pass
        return [*found, await twins.id_of(b"z", 1.0)]

    assert [None, ID, None, None, None] == asyncio.run(live())


def test_the_second_waits_for_the_firsts_commit() -> None:
    """No 250 before the disk has it: the answer comes when the first is decided, whichever way."""

    async def live(spool_id: SpoolId | None) -> tuple[bool, str | None]:
        twins = Twins(60.0)
        async with twins.first(b"x", 0.0) as first:
            second = asyncio.ensure_future(twins.id_of(b"x", 1.0))
            await asyncio.sleep(0)
            was_waiting = not second.done()
            first.spool_id = spool_id
        return was_waiting, await second

    assert ((True, ID), (True, None)) == (asyncio.run(live(ID)), asyncio.run(live(None)))


def test_memory_is_bounded() -> None:
    """The oldest are forgotten; those of the past, too."""

    async def live() -> int:
        twins = Twins(60.0, most=10)
        for n in range(100):
            async with twins.first(str(n).encode(), 0.0) as first:
                first.spool_id = ID
        return len(twins)

    assert asyncio.run(live()) <= 11


def test_a_restart_forgets_nothing_that_still_counts(tmp_path: Path) -> None:
    """The next run gives the first one's id until its window ends; what was refused is not remembered."""

    async def live() -> list[str | None]:
        before, after = (Twins(60.0, diary=Diary(tmp_path, 10)) for _ in range(2))
        async with before.first(b"x" * 32, 0.0) as first:
            first.spool_id = ID
        async with before.first(b"z" * 32, 0.0):
            pass
        await after.recall(30.0)
        return [
            await after.id_of(key, now)
            for key, now in ((b"x" * 32, 59.0), (b"x" * 32, 60.0), (b"z" * 32, 31.0))
        ]

    assert [ID, None, None] == asyncio.run(live())


def test_a_shorter_window_holds_for_what_an_earlier_run_knew(tmp_path: Path) -> None:
    """[duplicates] window of now, not of then."""

    async def live() -> tuple[str | None, str | None]:
        async with Twins(3600.0, diary=Diary(tmp_path, 10)).first(b"x" * 32, 0.0) as first:
            first.spool_id = ID
        after = Twins(60.0, diary=Diary(tmp_path, 10))
        await after.recall(100.0)
        return await after.id_of(b"x" * 32, 159.0), await after.id_of(b"x" * 32, 160.0)

    assert (ID, None) == asyncio.run(live())


def test_a_disk_that_refuses_takes_nothing_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The message is ours and still recognised; that a restart will forget it is said."""

    async def live() -> str | None:
        twins = Twins(60.0, diary=Diary(tmp_path / "missing", 10))
        await twins.recall(0.0)
        async with twins.first(b"x" * 32, 0.0) as first:
            first.spool_id = ID
        return await twins.id_of(b"x" * 32, 1.0)

    with caplog.at_level(logging.WARNING):
        assert ID == asyncio.run(live())
    assert 2 == caplog.text.count("twins.not-kept")
