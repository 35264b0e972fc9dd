"""Refusals: every row has a whole body."""

from __future__ import annotations

from pathlib import Path

import pytest

from relay365.emulator.graph.answers import ROWS, GraphError, instant


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_a_whole_body(name: str) -> None:
    """Code and words stand in Graph's shape, with ids and time, the fact is filled in, and the status is an error."""
    error = GraphError(name, "the fact")
    body = error.body("the-request", "the-client", 1_700_000_000.0)

    assert {
        "date": "2023-11-14T22:13:20", "request-id": "the-request", "client-request-id": "the-client",
    } == body["error"]["innerError"]  # fmt: skip
    assert (ROWS[name].code, False) == (body["error"]["code"], "{reason}" in body["error"]["message"])
    assert 400 <= error.status < 600


def test_an_instant() -> None:
    """Times end in Z and have whole seconds."""
    assert "2023-11-14T22:13:20Z" == instant(1_700_000_000.9)


def test_the_manual_has_every_row() -> None:
    """docs/emulator-graph.md lists every row with its answer, and marks what nobody has published."""
    manual = (Path(__file__).parents[4] / "docs" / "emulator-graph.md").read_text("utf-8")

    marks = {True: "", False: " (unsure)"}
    missing = [
        n for n, r in ROWS.items() if f"| `{n}` | {r.status} `{r.code}`{marks[r.sure]} |" not in manual
    ]
    assert [] == missing
