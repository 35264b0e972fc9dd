"""The questions that are asked all day read an index and nothing else, however long the history is."""

from __future__ import annotations

import re

import apsw
import pytest

from relay365.spool.sql import load_migrations, load_queries

QUERIES = load_queries("sqlite")

INTENDED = {
    "find_due": "recipient_due",
    "lanes_due": "recipient_due",
    "bring_near": "recipient_due",
    "move_lane_queued": "recipient_due",
    "expire": "recipient_expiring",
    "list_queued": "recipient_expiring",
    "lapse": "recipient_claimed",
    "list_claimed": "recipient_claimed",
    "list_held": "recipient_held",
    "move_lane_held": "recipient_held",
    "prunable": "recipient_ended",
    "list_ended": "recipient_ended",
    "owing": "recipient_owing",
    "counts": "recipient_ended",
    "segments": "message_segment",
    "segment_in_use": "message_segment",
    "events": "event_of",
    "delete_events": "event_of",
    "claim": "PRIMARY KEY",
    "settle": "PRIMARY KEY",
    "renew": "PRIMARY KEY",
    "set_aside": "PRIMARY KEY",
    "pay": "PRIMARY KEY",
    "move": "PRIMARY KEY",
    "n_undelivered": "PRIMARY KEY",
    "recipients": "PRIMARY KEY",
    "delete_recipients": "PRIMARY KEY",
    "message": "INTEGER PRIMARY KEY",
    "damaged": "INTEGER PRIMARY KEY",
    "mark_damaged": "INTEGER PRIMARY KEY",
    "segment_of": "INTEGER PRIMARY KEY",
    "forget_segment": "INTEGER PRIMARY KEY",
    "delete_message": "INTEGER PRIMARY KEY",
    "content": "INTEGER PRIMARY KEY",
    "delete_content": "INTEGER PRIMARY KEY",
}
SORTED = {"list_claimed", "prunable"}
"""These may sort or fold what the index gave: it is few, or stopped by a limit."""
NO_TABLE_READ = {
    "insert_message", "insert_content", "insert_recipient", "insert_event", "note_lane", "lanes", "meta", "set_meta",
    "count_up", "max_seq", "all_messages",
}  # fmt: skip
"""Inserts, tables of a few rows, the last row, and the list that a person cuts with a limit."""


@pytest.fixture(scope="module")
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for _, sql in load_migrations("sqlite"):
        connection.execute(sql)
    return connection


def _plan(connection: apsw.Connection, query: str) -> list[str]:
    numbered = [int(n) for n in re.findall(r"\?(\d+)", query)]
    values = (0,) * (max(numbered) if numbered else query.count("?"))
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]


@pytest.mark.parametrize("name", INTENDED)
def test_a_query_uses_its_index(connection: apsw.Connection, name: str) -> None:
    """The intended index is in the plan, no table is read from end to end, nothing large is sorted."""
    plan = _plan(connection, QUERIES[name])

    assert any(INTENDED[name] in step for step in plan), plan
    assert [] == [
        step for step in plan if re.match(r"SCAN (recipient|message|event|content|ended|other)$", step)
    ]
    assert (name in SORTED) == any("TEMP B-TREE" in step for step in plan), plan


def test_every_query_is_judged() -> None:
    """A new query must say here which index it reads, or why it needs none."""
    assert set(QUERIES) == set(INTENDED) | NO_TABLE_READ


def test_a_claim_reads_the_same_few_rows_of_a_long_queue(connection: apsw.Connection) -> None:
    """Steps of SQLite's machine for one claim: as many with thousands queued as with two."""
    n_messages, steps = 2000, []
    for seq in range(1, n_messages + 1):
        values = (seq, 0, "a@x.test", "", "", 0, "lane", 1.0, 9.0, "queued", 0, 0.0)
        connection.execute(QUERIES["insert_recipient"], values)
        if seq in (2, n_messages):
            steps.append(_n_steps(connection, "claim", (7, 9.0, seq, "lane", 5.0)))

    assert steps[1] <= steps[0] + 10


def _n_steps(connection: apsw.Connection, name: str, values: tuple[object, ...]) -> int:
    counted = [0]

    def count() -> bool:
        counted[0] += 1
        return False

    connection.set_progress_handler(count, 1)
    rows = connection.execute(QUERIES[name], values).fetchall()
    connection.set_progress_handler(None)
    assert 1 == len(rows)
    return counted[0]
