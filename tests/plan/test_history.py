"""What was is asked without reading what went well: steps of SQLite's machine over short and long histories."""

from __future__ import annotations

import json

import apsw
import pytest

from relay365.spool.sql import load_migrations, load_queries

QUERIES = load_queries("sqlite")
NOTHING = "%%"


def history_of(n_messages: int) -> apsw.Connection:
    """Messages that were delivered, each at its own second; the first three were deferred once before."""
    connection = apsw.Connection(":memory:")
    for _, sql in load_migrations("sqlite"):
        connection.execute(sql)
    for seq in range(1, n_messages + 1):
        accept = (
            seq, float(seq), 9e9, 1, "scan@contoso.com", "", 0, "", "", b"", f"<{seq}@x>", "", "{}", None, None, 0, 0,
            b"x", "", f"p{seq}@x.test", "", "", 0, "lane", "1scanner", "claimed", 7, 9e9, "",
        )  # fmt: skip
        connection.execute(QUERIES["accept"], accept)
        if seq <= 3:
            connection.execute(
                QUERIES["insert_event"], (float(seq), seq, 0, "recipient.deferred", "432 4.3.2")
            )
        settle = ("delivered", 1, 0.0, "250 ok", "", "", 0, "", float(seq), "", seq, 0, 7, float(seq),
                  "recipient.delivered", "250 ok", 1)  # fmt: skip
        connection.execute(QUERIES["settle"], settle)
    return connection


def n_steps(
    connection: apsw.Connection, name: str, values: tuple[object, ...], *, rows: int, take: int = 0
) -> int:
    """How many steps a query takes; take: the reader stops after so many rows."""
    counted = [0]

    def count() -> bool:
        counted[0] += 1
        return False

    connection.set_progress_handler(count, 1)
    cursor = connection.execute(QUERIES[name], values)
    found = [next(cursor) for _ in range(take)] if take else cursor.fetchall()
    connection.set_progress_handler(None)
    assert rows == len(found)
    return counted[0]


@pytest.fixture(scope="module")
def histories() -> tuple[apsw.Connection, apsw.Connection]:
    """A short one and a long one."""
    return history_of(10), history_of(3000)


@pytest.mark.parametrize(("name", "values", "rows", "take"), [
    ("troubles", (0.0, 9e9), 3, 0),
    ("sought", (0, 99_999, NOTHING, NOTHING, NOTHING, NOTHING), 5, 5),
    ("sought_among", (json.dumps([2, 1]), NOTHING, NOTHING, NOTHING, "%432%"), 2, 0),
    ("sought", (0, 4, NOTHING, NOTHING, NOTHING, "%432%"), 3, 0),
    ("waiting", (), 0, 0),
])  # fmt: skip
def test_a_question_costs_what_it_finds(
    histories: tuple[apsw.Connection, apsw.Connection],
    name: str,
    values: tuple[object, ...],
    rows: int,
    take: int,
) -> None:
    """Troubles, the newest messages, some numbers, a range of numbers, the queue: as quick in a long history."""
    short, long = (n_steps(one, name, values, rows=rows, take=take) for one in histories)

    assert long <= short + 40, (short, long)


def test_mail_that_goes_through_leaves_no_row_in_the_index_of_troubles(
    histories: tuple[apsw.Connection, apsw.Connection],
) -> None:
    """Thousands of messages, and only what was deferred stands there; a later end that is no failure neither."""
    _, long = histories
    terms = "n >= 0 AND name <> 'recipient.delivered' AND (name <> 'recipient.fate' OR substr(detail, 1, 6) = 'failed')"
    counted = f"SELECT count(*) FROM event INDEXED BY event_trouble WHERE {terms}"
    before = long.execute(counted).fetchall()
    for detail in ("delivered", "pending: x", "failed: 550 5.1.10 no"):
        long.execute(QUERIES["insert_event"], (9e9, 1, 0, "recipient.fate", detail))

    assert ([(3,)], [(4,)]) == (before, long.execute(counted).fetchall())
