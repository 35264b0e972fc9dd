"""The database file: opened with the settings that durability needs, and brought to the present schema."""

from __future__ import annotations

import logging
from pathlib import Path

import apsw

from relay365.errors import SpoolCorrupt, SpoolTooNew, SpoolUnavailable
from relay365.spool.faults import spool_error
from relay365.spool.sql import load_migrations

_LOG = logging.getLogger("relay365.spool")

BUSY_MS = 5000
WAL_PAGES = 2000  # 8 MB: then a commit also carries the log into the database
WAL_KEPT_OCTETS = 32 * 1024 * 1024  # what the log keeps of a time when a reader held it back


def connect(file: Path) -> apsw.Connection:
    """Open the database: WAL, every commit synced (synchronous=FULL). Raises SpoolError."""
    try:
        connection = apsw.Connection(str(file))
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit={WAL_KEPT_OCTETS}")
        connection.execute("PRAGMA cache_size=-8192")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise SpoolCorrupt(
            f"{file} is damaged ({error}); docs/durability.md, What repairs what, says how to save what it holds"
        ) from error
    except apsw.Error as error:
        raise spool_error(error) from error
    return connection


def migrate(file: Path) -> None:
    """Bring the schema to the newest version, all steps or none. Raises SpoolTooNew and touches nothing then."""
    connection = connect(file)
    try:
        found, newest = _versions(connection)
        _refuse_newer(file, found, newest)
        if found < newest:
            steps = [sql for number, sql in load_migrations("sqlite") if number > found]
            connection.execute("BEGIN IMMEDIATE")
            for sql in steps:
                connection.execute(sql)
            connection.execute(f"PRAGMA user_version={newest:d}")
            connection.execute("COMMIT")
    finally:
        connection.close()


def require_present(file: Path) -> None:
    """For faces beside a service, which must not change the schema under it. Raises SpoolError."""
    connection = connect(file)
    try:
        found, newest = _versions(connection)
    finally:
        connection.close()
    _refuse_newer(file, found, newest)
    if found < newest:
        raise SpoolUnavailable(
            f"{file} has schema {found}, this relay365 needs {newest}: restart the service, which brings it up to date"
        )


def begin_afresh(directory: Path, file: Path) -> None:
    """Before a database is made: what an earlier one left is kept, not taken for litter.

    Without its database a segment looks like an orphan, and a log would be thrown away by SQLite. When the database
    was moved away they go into lost-N; when it is there but empty, it was damaged, and a person must know.
    Raises SpoolCorrupt and OSError.
    """
    log = file.with_name(file.name + "-wal")
    left = [path for path in (log, directory / "segments") if _holds_something(path)]
    if not left or (file.exists() and file.stat().st_size):
        return
    if file.exists():
        raise SpoolCorrupt(
            f"{file} is empty, yet {left[0]} is not: it was damaged. Put a good copy in its place, or move it away to "
            "begin anew; docs/durability.md, What repairs what"
        )
    aside = next(path for n in range(1, 10_000) if not (path := directory / f"lost-{n}").exists())
    aside.mkdir(mode=0o700)
    for path in left:
        path.rename(aside / path.name)
    _LOG.error("spool.begun-anew: there was no database; what an earlier one left is kept in %s", aside)


def _holds_something(path: Path) -> bool:
    if path.is_dir():
        return any(path.iterdir())
    return path.exists() and path.stat().st_size > 0


def _versions(connection: apsw.Connection) -> tuple[int, int]:
    """The schema that the database has, 0 when it is new, and the newest that we know."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0]) if row else 0, load_migrations("sqlite")[-1][0]


def _refuse_newer(file: Path, found: int, newest: int) -> None:
    if found > newest:
        raise SpoolTooNew(
            f"{file} has schema {found}, this relay365 knows schemas up to {newest}: install the newer one"
        )
