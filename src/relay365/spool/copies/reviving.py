"""What a copy of a database holds, and how it becomes a store again that sends nothing twice unasked.

Apart from the snapshot: that reads a store that lives, this a file that nobody else has open.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import apsw

from relay365.clock import Clock
from relay365.errors import SpoolCorrupt
from relay365.spool.api import Selection, State
from relay365.spool.copies.snapshot import COPIES
from relay365.spool.faults import spool_error
from relay365.spool.ids import spool_id_of
from relay365.spool.sql import load_migrations
from relay365.spool.sqlite import reads
from relay365.spool.sqlite.migrate import connect, migrate
from relay365.spool.sqlite.spool import SqliteSpool

NUMBERS_AHEAD = 1_000_000  # more than a relay gives between two backups
MOST_PROBLEMS = 100  # of one kind; who has more needs another backup, not a longer list


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What a copy says. newest: the schema that this program knows; ends: how far each segment must reach.

    counts: recipients by state; n_waiting: messages with a recipient that is not settled. problems: what is damaged,
    in words; [] when the copy is whole.
    """

    schema: int
    newest: int
    counts: Mapping[str, int]
    n_messages: int
    n_waiting: int
    n_owed: int
    ends: Mapping[str, int]
    problems: tuple[str, ...]

    @property
    def is_for_us(self) -> bool:
        """Whether this program can work with it."""
        return 0 < self.schema <= self.newest


@dataclass(frozen=True, slots=True)
class Restored:
    """What a copy that became a store again has waiting, in messages. n_claimed: were on their way when it was taken;
    n_held_before: waited for a person already. n_owed: reports that were not sent yet, and go out when it starts.
    """

    n_messages: int
    n_waiting: int
    n_claimed: int
    n_held_before: int
    n_owed: int
    is_held: bool


def look(file: Path) -> CopyFacts:
    """Read a copy from end to end, and change nothing. Raises SpoolCorrupt where it is no database."""
    try:
        connection = apsw.Connection(
            f"file:{quote(str(file))}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            return _facts(connection)
        finally:
            connection.close()
    except apsw.Error as error:
        raise SpoolCorrupt(f"the database cannot be read: {error}") from error


def _facts(connection: apsw.Connection) -> CopyFacts:
    schema, newest = _one(connection, "PRAGMA user_version"), load_migrations("sqlite")[-1][0]
    problems = [
        f"integrity check: {text}"
        for (text,) in connection.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})")
        if text != "ok"
    ]
    if not 0 < schema <= newest:  # its tables may be others
        return CopyFacts(schema, newest, {}, 0, 0, 0, {}, tuple(problems))
    problems += _without_content(connection) + _with_wrong_content(connection)
    return CopyFacts(
        schema,
        newest,
        {state.value: n for state, n in reads.counts(connection)},
        _one(connection, COPIES["n_messages"]),
        _one(connection, COPIES["n_waiting"]),
        _one(connection, COPIES["n_owed"]),
        {str(name): int(end) for name, end in connection.execute(COPIES["segment_ends"])},
        tuple(problems),
    )


def _without_content(connection: apsw.Connection) -> list[str]:
    rows = list(connection.execute(COPIES["without_content"]))
    return [f"message {spool_id_of(seq)} waits and has no content" for (seq,) in rows[:MOST_PROBLEMS]]


def _with_wrong_content(connection: apsw.Connection) -> list[str]:
    found = [
        f"message {spool_id_of(seq)}: its content is not what was accepted"
        for seq, octets, size, crc in connection.execute(COPIES["inline_contents"])
        if not isinstance(octets, bytes) or len(octets) != size or zlib.crc32(octets) != crc
    ]
    return found[:MOST_PROBLEMS]


async def bring_back(data: Path, clock: Clock, *, taken: str, hold: bool) -> Restored:
    """Make a copied database and its segments a store again; data is a directory that no service uses.

    What waits is marked as a possible duplicate, because it may have been delivered after the copy was taken, and held
    where hold is set. The schema is brought up to date. taken: when the copy was taken, for people. Raises SpoolError.
    """
    words = f"restored from the backup of {taken}"
    await asyncio.to_thread(migrate, data / "spool.db")
    n_claimed, n_held, n_waiting = await asyncio.to_thread(_mark, data / "spool.db", clock.now(), words)
    spool = await SqliteSpool.open(data, clock=clock)
    try:
        if hold:
            everything = Selection(states=frozenset({State.QUEUED}), limit=max(1, n_waiting))
            await spool.hold(everything, f"{words}: it may have been delivered since")
    finally:
        await spool.close()
    facts = await asyncio.to_thread(look, data / "spool.db")
    return Restored(facts.n_messages, n_waiting, n_claimed, n_held, facts.n_owed, hold)


def _mark(file: Path, at: float, words: str) -> tuple[int, int, int]:
    """Messages that were on their way, that were held, and that wait at all."""
    try:
        connection = connect(file)
        try:
            numbers = (
                _one(connection, COPIES["n_in_state"], State.CLAIMED.value),
                _one(connection, COPIES["n_in_state"], State.HELD.value),
                _one(connection, COPIES["n_waiting"]),
            )
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(COPIES["mark_doubtful"])
            connection.execute(COPIES["note_restored"], (at, "message.restored", words))
            connection.execute(COPIES["step_ahead"], (NUMBERS_AHEAD,))
            connection.execute("COMMIT")
        finally:
            connection.close()
    except apsw.Error as error:
        raise spool_error(error) from error
    return numbers


def _one(connection: apsw.Connection, query: str, *values: str) -> int:
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0
