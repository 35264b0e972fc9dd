"""The end of a message's life in the database: tables keeping and recipient.

Apart from the other moves because these are the only ones that the clock makes. Called in the writer thread, inside
a group's transaction; stretches() also by readers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import apsw

from relay365.mail.dsn import Debt, is_wished
from relay365.spool.aging.life import Age, Stretch, Stretches, by_lane, changes, end_of_life
from relay365.spool.sql import load_queries

QUERIES = load_queries("sqlite")


def stretches(connection: apsw.Connection) -> Stretches:
    """When which lane kept its mail."""
    return by_lane(Stretch(*row) for row in connection.execute(QUERIES["stretches"]))


def keep(connection: apsw.Connection, lanes: Collection[str], now: float) -> None:
    """Exactly these lanes keep their mail from now on."""
    out, anew = changes(stretches(connection), lanes, now)
    connection.executemany(QUERIES["strike_out"], [(one.lane, one.from_at) for one in out])
    connection.executemany(QUERIES["keep"], anew)


def expire(connection: apsw.Connection, now: float, limit: int) -> tuple[int, int]:
    """queued -> expired, with a report owed, or a longer life where the lane kept it.

    Looks at most at `limit` recipients, so that no other job waits long. Gives how many were looked at, and expired.
    """
    rows: list[Any] = connection.execute(QUERIES["find_expiring"], (now, limit)).fetchall()
    kept = stretches(connection) if rows else {}
    ended: list[tuple[int, int]] = []
    prolonged: list[tuple[float, float, int, int]] = []
    for seq, n, lane, *age in rows:
        end_at = end_of_life(Age(*age), kept.get(lane, ()), now)
        if end_at > now:
            prolonged.append((end_at, now, seq, n))
        else:
            ended.append((seq, n))
    connection.executemany(QUERIES["prolong"], prolonged)
    connection.executemany(QUERIES["expire"], [(now, seq, n) for seq, n in ended])
    events = [(now, seq, n, "recipient.expired", "not delivered in its time") for seq, n in ended]
    connection.executemany(QUERIES["insert_event"], events)
    return len(rows), len(ended)


def warn(connection: apsw.Connection, expiring_at: float, limit: int) -> int:
    """Owe a report of delay where it is wished; looks at up to `limit` recipients, each once. Gives their number."""
    rows: list[Any] = connection.execute(QUERIES["find_late"], (expiring_at, limit)).fetchall()
    for seq, n, notify, reverse_path in rows:
        is_owed = reverse_path and is_wished(notify.decode("utf-8", "replace"), Debt.DELAY)
        connection.execute(QUERIES["warn"], (Debt.DELAY.value if is_owed else "", seq, n))
    return len(rows)


def lane_of(connection: apsw.Connection, seq: int | None, n: int) -> str:
    """Where a recipient is; "" for one that is not there."""
    row = connection.execute(QUERIES["age"], (seq, n)).fetchone()
    return str(row[0]) if row else ""


def leave(
    connection: apsw.Connection, now: float, numbers: Iterable[tuple[int | None, int]], lane: str
) -> None:
    """Recipients left a lane: what it has kept them back for is put into their ends."""
    kept = stretches(connection).get(lane)
    for seq, n in numbers if kept else ():
        row = connection.execute(QUERIES["age"], (seq, n)).fetchone()
        if row is not None and kept:
            end_at = end_of_life(Age(*row[1:]), kept, now)
            connection.execute(QUERIES["prolong"], (end_at, now, seq, n))
