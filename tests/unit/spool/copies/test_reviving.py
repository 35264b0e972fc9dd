"""Copies that become stores again: what waits is held or due, doubtful, and never under a number given twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from contract.spools import (
    DELIVERED,
    FAILED,
    HELD,
    SqliteLife,
    StillClock,
    accept,
    claim,
    events,
    live,
    new_message,
    octets_of,
    read,
    settlement,
    states,
)
from relay365.errors import SpoolCorrupt
from relay365.mail.envelope import SpoolId
from relay365.spool.api import Selection, State
from relay365.spool.copies.reviving import NUMBERS_AHEAD, Restored, bring_back, look
from relay365.spool.ids import seq_of
from relay365.spool.sqlite import SqliteSpool

TAKEN = "2026-11-30T02:00:00Z"


@pytest.fixture
def life(tmp_path: Path) -> SqliteLife:
    """A store with one of each: queued, claimed, held, delivered, failed."""
    life = SqliteLife(tmp_path / "data")

    async def story(spool: SqliteSpool) -> None:
        for fate in (HELD, DELIVERED, FAILED):
            await accept(spool, new_message(notify="FAILURE"))
            (one,) = await claim(spool)
            await spool.settle([settlement(one, fate)])
        await accept(spool, octets=octets_of(40_000))
        await claim(spool)
        await accept(spool)
        # as a copy finds it: the process does not stop in order
        connection = apsw.Connection(str(life.directory / "spool.db"))
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
        connection.close()

    live(life, story)  # type: ignore[arg-type]
    (tmp_path / "copy.db").replace(life.directory / "spool.db")
    for name in ("spool.db-wal", "spool.db-shm"):
        (life.directory / name).unlink(missing_ok=True)
    return life


IDS = [SpoolId(f"22222{letter}") for letter in "34567"]  # held, delivered, failed, claimed, queued


def _back(life: SqliteLife, *, hold: bool) -> Restored:
    return asyncio.run(bring_back(life.directory, StillClock(), taken=TAKEN, hold=hold))


def test_what_waits_is_held(life: SqliteLife) -> None:
    """Queued, claimed and held mail waits for a person afterwards, with the reason; what was finished stays so."""
    restored = _back(life, hold=True)

    async def story(spool: SqliteSpool) -> tuple[list[list[str]], list[tuple[int, str]], str]:
        view = await spool.show(IDS[4])
        assert view is not None
        return (
            [await states(spool, one) for one in IDS],
            await events(spool, IDS[4]),
            view.recipients[0].last_reply,
        )

    found, history, reason = live(life, story)  # type: ignore[arg-type]
    assert Restored(5, 3, 1, 1, 1, is_held=True) == restored
    assert [["held"], ["delivered"], ["failed"], ["held"], ["held"]] == found
    assert [(-1, "message.accepted"), (-1, "message.restored"), (0, "recipient.held")] == history
    assert f"restored from the backup of {TAKEN}: it may have been delivered since" == reason


def test_released_it_goes_whole_and_doubtful(life: SqliteLife) -> None:
    """A person releases what was held: it is claimed with its content, as a possible duplicate."""
    _back(life, hold=True)

    async def story(spool: SqliteSpool) -> list[tuple[str, bool, int]]:
        await spool.release(Selection(states=frozenset({State.HELD})), 2e6)
        claims = await claim(spool, now=2e6)
        return [
            (str(one.spool_id), one.recipients[0].possible_duplicate, len(await read(one))) for one in claims
        ]

    found = live(life, story)  # type: ignore[arg-type]
    assert [(IDS[0], True, 18), (IDS[3], True, 40_000), (IDS[4], True, 18)] == sorted(found)


def test_without_hold_it_is_due(life: SqliteLife) -> None:
    """With hold off only what was held before is held; the rest is queued, each a possible duplicate."""
    restored = _back(life, hold=False)

    async def story(spool: SqliteSpool) -> list[list[str]]:
        return [await states(spool, one) for one in IDS]

    assert not restored.is_held
    assert [["held"], ["delivered"], ["failed"], ["queued"], ["queued"]] == live(life, story)  # type: ignore[arg-type]


def test_numbers_of_the_lost_time_are_not_given_again(life: SqliteLife) -> None:
    """What was accepted after the backup had ids that devices were told: new mail gets others."""
    _back(life, hold=True)

    assert (seq_of(live(life, accept)) or 0) > NUMBERS_AHEAD  # type: ignore[arg-type]


def test_look_finds_what_is_wrong(life: SqliteLife) -> None:
    """A changed content, a content that is nowhere, a file that is no database: each is told, nothing is changed."""
    file = life.directory / "spool.db"
    assert () == look(file).problems
    connection = apsw.Connection(str(file))
    connection.execute("UPDATE content SET octets = zeroblob(18) WHERE seq = 5")
    connection.execute("DELETE FROM content WHERE seq = 1")
    connection.close()
    before = file.read_bytes()

    assert (
        "message 222223 waits and has no content",
        "message 222227: its content is not what was accepted",
    ) == look(file).problems
    assert before == file.read_bytes()
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(SpoolCorrupt, match="cannot be read"):
        look(file)


def test_look_sees_a_damaged_page(life: SqliteLife) -> None:
    """SQLite's own integrity check is part of it."""
    file = life.directory / "spool.db"
    octets = bytearray(file.read_bytes())
    octets[3 * 4096 : 3 * 4096 + 2000] = bytes(2000)
    file.write_bytes(octets)

    try:
        problems = look(file).problems
    except SpoolCorrupt as error:
        problems = (str(error),)
    assert problems


def test_a_schema_of_another_time_is_told(life: SqliteLife) -> None:
    """A copy of a newer relay says its schema and nothing else."""
    connection = apsw.Connection(str(life.directory / "spool.db"))
    connection.execute("PRAGMA user_version=7")
    connection.close()
    facts = look(life.directory / "spool.db")

    assert (7, False, 0) == (facts.schema, facts.is_for_us, facts.n_messages)
