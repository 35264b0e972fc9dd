"""The database file: opened with the settings that durability needs, and brought to the present schema."""

from __future__ import annotations

from pathlib import Path

import apsw

from relay365.errors import SpoolCorrupt, SpoolTooNew
from relay365.spool.sql import load_migrations
from relay365.spool.writer import spool_error

BUSY_MS = 5000


def connect(file: Path, *, read_only: bool = False) -> apsw.Connection:
    """Open the database: WAL, every commit synced (synchronous=FULL). Raises SpoolError."""
    try:
        flags = (
            apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        )
        connection = apsw.Connection(str(file), flags=flags)
        connection.set_busy_timeout(BUSY_MS)
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_autocheckpoint=2000")
        connection.execute("PRAGMA cache_size=-8192")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise SpoolCorrupt(
            f"{file} is damaged ({error}). Move it away and start again: what it held is then lost to the relay; "
            f"keep the file, `sqlite3 {file.name} .recover` can read most of it"
        ) from error
    except apsw.Error as error:
        raise spool_error(error) from error
    return connection


def migrate(connection: apsw.Connection, file: Path) -> None:
    """Bring the schema to the newest version, all steps or none. Raises SpoolTooNew and touches nothing then."""
    steps = load_migrations("sqlite")
    newest = steps[-1][0]
    found = schema_version(connection)
    if found > newest:
        raise SpoolTooNew(
            f"{file} has schema {found}, this relay365 knows schemas up to {newest}: install the newer one"
        )
    if found == newest:
        return
    connection.execute("BEGIN IMMEDIATE")
    for number, sql in steps:
        if number > found:
            connection.execute(sql)
    connection.execute(f"PRAGMA user_version={newest:d}")
    connection.execute("COMMIT")


def schema_version(connection: apsw.Connection) -> int:
    """The schema of a database; 0 for an empty one."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0]) if row else 0
