"""The moods of Graph are known to the one table."""

from __future__ import annotations

from relay365.emulator.faults.graph import GRAPH_KINDS, OPERATIONS, WITHOUT_WORK
from relay365.emulator.moods import KINDS


def test_they_are_in_the_table() -> None:
    """Each kind is in the table, and each can be limited to a kind of request."""
    assert {kind.name: kind for kind in GRAPH_KINDS}.items() <= KINDS.items()
    assert [OPERATIONS] * len(GRAPH_KINDS) == [kind.parameters[-1].allowed for kind in GRAPH_KINDS]


def test_the_ways_without_work_are_ways() -> None:
    """What does nothing is a way of graph-answer."""
    ways = KINDS["graph-answer"].parameters[0].allowed

    assert set(ways) >= WITHOUT_WORK
