"""Snapshots of a store that lives: what was accepted before is in them whole, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from contract.spools import DELIVERED, SqliteLife, accept, claim, live, octets_of, settlement
from relay365.errors import SpoolTooNew, SpoolUnavailable
from relay365.spool.copies.reviving import look
from relay365.spool.copies.snapshot import COPIES, Snapshot
from relay365.spool.intake import INLINE_OCTETS, STREAM_OCTETS
from relay365.spool.segment import HEADER, MAGIC
from relay365.spool.sql import load_migrations
from relay365.spool.sqlite import SqliteSpool

SMALL, SHARED, OWN = (
    octets_of(n, seed) for seed, n in enumerate((100, INLINE_OCTETS + 9, STREAM_OCTETS + 9), 3)
)


@pytest.fixture
def life(tmp_path: Path) -> SqliteLife:
    return SqliteLife(tmp_path / "data")


def _all(snapshot: Snapshot, name: str) -> tuple[int, bytes]:
    size, blocks = snapshot.segment(name)
    return size, b"".join(blocks)


def test_what_is_settled_meanwhile_is_still_whole(life: SqliteLife, tmp_path: Path) -> None:
    """Between the instant and the copying the service delivers all and removes every segment: the copy has the queue as
    it was, and each content that it names.
    """

    async def story(spool: SqliteSpool) -> None:
        for octets in (SMALL, SHARED, OWN):
            await accept(spool, octets=octets)
        with Snapshot(life.directory) as snapshot:
            for one in await claim(spool):
                await spool.settle([settlement(one, DELIVERED)])
            await spool.prune(2e9)
            await accept(spool, octets=SMALL)  # its commit reclaims
            await asyncio.to_thread(snapshot.write_database, tmp_path / "copy.db")
            left.update({path.name for path in (life.directory / "segments").iterdir()})
            copied.update({name: _all(snapshot, name) for name in snapshot.segments})
            damaged.update(snapshot.damaged)

    left: set[str] = set()
    copied: dict[str, tuple[int, bytes]] = {}
    damaged: dict[str, str] = {}
    live(life, story)  # type: ignore[arg-type]
    facts = look(tmp_path / "copy.db")

    assert {"queued": 3} == facts.counts
    assert () == facts.problems
    assert {} == damaged
    assert 2 == len(copied)
    assert not any("-own" in name for name in left), "the service has removed it"
    for name, (size, octets) in copied.items():
        assert size == len(octets) == facts.ends[name]
        assert octets.startswith(MAGIC)
        assert octets[HEADER.size :] in (SHARED, OWN)


def test_contents_that_nobody_needs_are_zeros(life: SqliteLife) -> None:
    """A shared segment in the copy has what its rows name, at its place; what was delivered before is not in it."""

    async def story(spool: SqliteSpool) -> bytes:
        await accept(spool, octets=octets_of(INLINE_OCTETS + 9, 5))
        await accept(spool, octets=SHARED)
        first, _ = await claim(spool)
        await spool.settle([settlement(first, DELIVERED)])
        with Snapshot(life.directory) as snapshot:
            (name,) = snapshot.segments
            return _all(snapshot, name)[1]

    octets = live(life, story)  # type: ignore[arg-type]

    assert octets.endswith(SHARED)
    assert bytes(INLINE_OCTETS + 9 + HEADER.size) == octets[: INLINE_OCTETS + 9 + HEADER.size]


def test_the_copy_has_every_page(life: SqliteLife, tmp_path: Path) -> None:
    """Whether the log was written back or not, the copy has all rows; progress ends at the whole."""
    seen: list[tuple[int, int]] = []

    async def story(spool: SqliteSpool) -> None:
        for n in range(300):
            await accept(spool, octets=octets_of(9_000, n))
        with Snapshot(life.directory) as snapshot:
            snapshot.write_database(tmp_path / "copy.db", lambda done, whole: seen.append((done, whole)))

    live(life, story)  # type: ignore[arg-type]

    assert 300 == look(tmp_path / "copy.db").n_messages
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]
    assert sorted(seen) == seen


def test_nothing_is_settled_while_the_instant_is_fixed(
    life: SqliteLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the beginning of the reading until all its segments are open nobody commits; before and behind, everybody
    may. So no row that the copy has can lose its content in between.
    """
    live(life, lambda spool: accept(spool, octets=OWN))
    states: list[tuple[bool, bool]] = []
    real = Snapshot._pin

    def pin(snapshot: Snapshot, names: list[str]) -> None:
        states.append((_may_write(life), snapshot._reading is not None and snapshot._reading.in_transaction))
        real(snapshot, names)
        states.append((_may_write(life), snapshot._reading is not None and snapshot._reading.in_transaction))

    monkeypatch.setattr(Snapshot, "_pin", pin)
    with Snapshot(life.directory):
        behind = _may_write(life)

    assert [(True, False), (True, False), (False, True), (False, True)] == states
    assert behind


def _may_write(life: SqliteLife) -> bool:
    connection = apsw.Connection(str(life.directory / "spool.db"))
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except apsw.BusyError:
        return False
    finally:
        connection.close()
    return True


def test_the_service_is_locked_out_for_a_moment_only(life: SqliteLife) -> None:
    """While a snapshot is open, mail is taken and delivered as ever."""

    async def story(spool: SqliteSpool) -> list[str]:
        await accept(spool)
        with Snapshot(life.directory):
            async with asyncio.timeout(5):
                new = await accept(spool, octets=OWN)
                for one in await claim(spool):
                    await spool.settle([settlement(one, DELIVERED)])
            view = await spool.show(new)
        return [r.state.value for r in view.recipients] if view else []

    assert ["delivered"] == live(life, story)  # type: ignore[arg-type]


@pytest.mark.parametrize("harm", ["missing", "short", "altered"])
def test_a_damaged_content_is_told(life: SqliteLife, harm: str) -> None:
    """A segment that is gone, cut or changed on the disk: the message is named with the reason, the rest is copied."""
    live(life, lambda spool: accept(spool, octets=OWN), lambda spool: accept(spool, octets=OWN))
    first, second = sorted((life.directory / "segments").iterdir())
    match harm:
        case "missing":
            first.unlink()
        case "short":
            first.write_bytes(first.read_bytes()[:-1])
        case "altered":
            octets = bytearray(first.read_bytes())
            octets[-1] ^= 1
            first.write_bytes(octets)
    with Snapshot(life.directory) as snapshot:
        sizes = {name: _all(snapshot, name)[0] for name in snapshot.segments}

    assert {"222223"} == set(snapshot.damaged)
    assert OWN == _content_of(second)
    assert sizes[second.name] == second.stat().st_size


def _content_of(segment: Path) -> bytes:
    return segment.read_bytes()[HEADER.size :]


def test_a_newer_queue_is_left_alone(life: SqliteLife) -> None:
    """A schema that we do not know is not copied by guess, nor one that does not exist yet; no lock stays behind."""
    live(life, accept)  # type: ignore[arg-type]
    connection = apsw.Connection(str(life.directory / "spool.db"))
    connection.execute("PRAGMA user_version=99")
    with pytest.raises(SpoolTooNew, match="has schema 99, this relay365 knows schemas up to"):
        Snapshot(life.directory).__enter__()
    connection.execute("PRAGMA user_version=0")
    with pytest.raises(SpoolUnavailable, match="no schema yet"):
        Snapshot(life.directory).__enter__()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def test_a_closed_snapshot_copies_nothing(life: SqliteLife, tmp_path: Path) -> None:
    """Behind its end a snapshot says so instead of reading what is no longer one instant."""
    live(life, accept)  # type: ignore[arg-type]
    with Snapshot(life.directory) as snapshot:
        pass

    with pytest.raises(SpoolUnavailable, match="closed"):
        snapshot.write_database(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("name", ["extents", "segment_ends", "n_owed"])
def test_what_is_asked_beside_the_service_reads_an_index(name: str) -> None:
    """The questions that are asked of the living store, or of each segment, do not read the table of messages."""
    connection = apsw.Connection(":memory:")
    for _, sql in load_migrations("sqlite"):
        connection.execute(sql)
    values = (0,) * COPIES[name].count("?")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {COPIES[name]}", values)]

    assert any("INDEX" in step for step in plan)
    assert [] == [step for step in plan if step in ("SCAN message", "SCAN recipient")]
