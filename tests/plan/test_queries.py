"""The questions that are asked all day read an index and nothing else, however long the history is."""

from __future__ import annotations

import re

import apsw
import pytest

from relay365.spool.sql import load_migrations, load_queries

QUERIES = load_queries("sqlite")

INTENDED = {
    "next_lane": "recipient_due",
    "next_flow": "recipient_due",
    "flow_due": "recipient_due",
    "heads": "recipient_due",
    "put_off": "PRIMARY KEY",
    "settled_since": "recipient_ended",
    "pairs_since": "recipient_ended",
    "octets_since": "recipient_ended",
    "clients_since": "recipient_ended",
    "bring_near": "recipient_due",
    "move_lane_queued": "recipient_due",
    "find_expiring": "recipient_expiring",
    "find_late": "recipient_expiring",
    "list_queued": "recipient_expiring",
    "lapse": "recipient_claimed",
    "list_claimed": "recipient_claimed",
    "list_held": "recipient_held",
    "move_lane_held": "recipient_held",
    "prunable": "recipient_ended",
    "list_ended": "recipient_ended",
    "owing": "recipient_owing",
    "unresolved": "recipient_ended",
    "fate_of": "PRIMARY KEY",
    "learn": "PRIMARY KEY",
    "named": "INTEGER PRIMARY KEY",
    "addressed": "PRIMARY KEY",
    "accepted_at": "INTEGER PRIMARY KEY",
    "newest": "INTEGER PRIMARY KEY",
    "n_from": "INTEGER PRIMARY KEY",
    "n_ended": "recipient_ended",
    "counts": "recipient_ended",
    "segments": "message_segment",
    "segment_in_use": "message_segment",
    "events": "event_of",
    "note": "event_of",
    "delete_events": "event_of",
    "claim": "PRIMARY KEY",
    "messages": "INTEGER PRIMARY KEY",
    "renew": "PRIMARY KEY",
    "redirect": "PRIMARY KEY",
    "set_aside": "PRIMARY KEY",
    "mark_held": "PRIMARY KEY",
    "pay": "PRIMARY KEY",
    "depths": "recipient_due",
    "kept_octets": "recipient_due",
    "expire": "PRIMARY KEY",
    "prolong": "PRIMARY KEY",
    "age": "PRIMARY KEY",
    "strike_out": "PRIMARY KEY",
    "warn": "PRIMARY KEY",
    "move": "PRIMARY KEY",
    "bounce": "PRIMARY KEY",
    "wish": "PRIMARY KEY",
    "owe": "PRIMARY KEY",
    "spent_segment": "PRIMARY KEY",
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
    "sought": "INTEGER PRIMARY KEY",
    "sought_among": "INTEGER PRIMARY KEY",
    "troubles": "event_trouble",
    "taken_since": "INTEGER PRIMARY KEY",
    "taken_among": "INTEGER PRIMARY KEY",
    "waiting": "recipient_expiring",
}
SORTED = {
    "claim",
    "list_claimed",
    "prunable",
    "depths",
    "kept_octets",
    "settled_since",
    "pairs_since",
    "octets_since",
    "clients_since",
}
"""These may sort or fold what the index gave: it is few, or stopped by a limit."""
NO_TABLE_READ = {
    "accept", "settle", "insert_recipient", "insert_event", "note_lane", "lanes", "meta", "set_meta",
    "note_mark", "stretches", "keep", "note_usage", "usage", "forget_usage",
    "count_up", "max_seq", "all_messages", "claimed",
}  # fmt: skip
"""Inserts (what triggers read is counted below), tables of a few rows, the last row, and a list cut by a limit."""


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


def test_the_moves_of_a_message_read_the_same_few_rows_of_a_long_queue(connection: apsw.Connection) -> None:
    """Steps of SQLite's machine to accept, claim and settle one: as many with thousands queued as with three."""
    n_messages, steps = 2000, []
    for seq in range(1, n_messages + 1):
        accept = _accepted(seq)
        settle = ("delivered", 1, 0.0, "ok", "", "", 0, "", 2.0, "", seq, 0, 7, 2.0, "done", "ok", 1)
        if seq in (3, n_messages):
            steps.append(
                (
                    _n_steps(connection, "accept", accept, n_rows=0),
                    _n_steps(connection, "claim", (7, 9.0, f"[{seq}]", "lane", 5.0, 1000), n_rows=1),
                    _n_steps(connection, "settle", settle, n_rows=0),
                )
            )
        else:
            connection.execute(QUERIES["accept"], accept)

    assert all(late <= early + 10 for early, late in zip(*steps, strict=True)), steps
    assert [(n_messages - 2,)] == connection.execute("SELECT count(*) FROM content").fetchall()


def _n_steps(connection: apsw.Connection, name: str, values: tuple[object, ...], *, n_rows: int) -> int:
    counted = [0]

    def count() -> bool:
        counted[0] += 1
        return False

    connection.set_progress_handler(count, 1)
    rows = connection.execute(QUERIES[name], values).fetchall()
    connection.set_progress_handler(None)
    assert n_rows == len(rows)
    return counted[0]


@pytest.mark.parametrize("n_messages", [3, 2000])
def test_what_was_warned_of_is_not_read_again(n_messages: int) -> None:
    """A round of the keeper over a queue that is late, and told so, costs what it costs over an empty one."""
    connection = apsw.Connection(":memory:")
    for _, sql in load_migrations("sqlite"):
        connection.execute(sql)
    empty = _n_steps(connection, "find_late", (9.0, 500), n_rows=0)
    for seq in range(n_messages):
        connection.execute(QUERIES["accept"], _accepted(seq))
    assert n_messages == len(connection.execute(QUERIES["find_late"], (9.0, 5000)).fetchall())
    connection.executemany(QUERIES["warn"], [("delay", seq, 0) for seq in range(n_messages)])

    assert _n_steps(connection, "find_late", (9.0, 500), n_rows=0) <= empty + 10
    assert n_messages == len(connection.execute(QUERIES["find_expiring"], (9.0, 5000)).fetchall())


def _accepted(seq: int) -> tuple[object, ...]:
    """The values of query accept for a queued message that expires at 9."""
    return (
        seq, 1.0, 9.0, 1, "", "", 0, "", "", b"", "", "", "", None, None, 0, 0, b"x", "from", "a@x.test", "", "", 0,
        "lane", "1scanner", "queued", 0, 0.0, "",
    )  # fmt: skip
