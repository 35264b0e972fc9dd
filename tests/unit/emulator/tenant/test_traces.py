"""Message trace: rows that settle by the clock."""

from __future__ import annotations

import pytest

from relay365.emulator.tenant import traces
from relay365.emulator.tenant.traces import Trace, Traces


def _row(number: int, fate: str = "delivered") -> Trace:
    return Trace(
        str(number), "<1@x>", "a@x", "b@y", "s", 1, "", "", 10.0, 12.0, fate,  # type: ignore[arg-type] # a fate
    )  # fmt: skip


@pytest.mark.parametrize("fate", ["delivered", "failed"])
def test_a_row_settles(fate: str) -> None:
    """A row is pending until its time has come, and then what it was to be."""
    assert ["pending", fate] == [_row(1, fate).status(now) for now in (11.9, 12.0)]


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many rows the oldest go; clear() forgets all."""
    monkeypatch.setattr(traces, "MOST_ROWS", 2)
    rows = Traces()
    for number in range(3):
        rows.add(_row(number))

    assert (["1", "2"], 2) == ([one.id for one in rows], len(rows))
    rows.clear()
    assert 0 == len(rows)
