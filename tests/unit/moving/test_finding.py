"""Findings and their count."""

from __future__ import annotations

from relay365.moving.finding import Finding, Findings, SourceError, State


def test_findings_are_kept_in_order_and_counted() -> None:
    """Each state has its word, and only what was taken over has ours."""
    found = Findings()
    found.ok("f:1", "a", "b")
    found.warn("f:2", "c", "", "why")
    found.unknown("f:3", "d", "because")

    assert [Finding(State.OK, "f:1", "a", "b"), Finding(State.WARN, "f:2", "c", "", "why")] == list(found)[:2]
    assert ("", 1) == (list(found)[2].new, found.count(State.UNKNOWN))
    assert ["ok", "warn", "not-understood"] == [one.state.value for one in found]


def test_a_source_error_speaks_three_lines() -> None:
    """What, why, and what to do."""
    error = SourceError("f cannot be read", "it is gone", "name another")

    assert ("f cannot be read", "it is gone", "name another") == (error.what, error.why, error.do)
    assert "f cannot be read: it is gone" == str(error)
