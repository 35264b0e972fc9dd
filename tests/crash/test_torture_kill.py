"""Deaths and ends under load, on one data directory throughout: tests/torture has the long forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture import kill, stops, together
from torture.report import table

SEED = 1
pytestmark = pytest.mark.timeout(600)


def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    """kill -9 twenty times under load: all that was answered 250 arrives whole; only what was claimed comes twice."""
    row = kill.run(tmp_path, 20, SEED)

    assert [] == row.broken, table([row])
    assert row.n_accepted > 500


def test_kills_while_mail_goes_together_lose_nothing(tmp_path: Path) -> None:
    """kill -9 twelve times amid letters to many and digests: everybody has all of his; twice only what was claimed."""
    row = together.run(tmp_path, 12, SEED)

    assert [] == row.broken, table([row])
    assert row.n_accepted > 500


def test_twenty_stops_lose_and_double_nothing(tmp_path: Path) -> None:
    """SIGTERM twenty times under load: exit code 0 within ten seconds, nothing claimed or doubtful is left."""
    row = stops.terminate(tmp_path, 20, SEED)

    assert [] == row.broken, table([row])
    assert row.n_accepted > 500


def test_a_second_instance_harms_nothing(tmp_path: Path) -> None:
    """Under load, on the same data: it is told so and ends with 2, five times; the first one loses nothing."""
    row = stops.second(tmp_path)

    assert [] == row.broken, table([row])
    assert row.n_accepted > 50


def test_a_clock_that_jumped_ahead_expires_nothing_early(tmp_path: Path) -> None:
    """Thirty days later by the clock, mail with thirty days to live is delivered."""
    row = stops.clock_jumps(tmp_path, 30)

    assert [] == row.broken, table([row])
    assert 11 == row.n_accepted


def test_a_clock_that_went_back_keeps_nothing_waiting(tmp_path: Path) -> None:
    """Thirty days earlier by the clock, deferred mail is tried within seconds, not in thirty days."""
    row = stops.clock_jumps(tmp_path, -30)

    assert [] == row.broken, table([row])
    assert 11 == row.n_accepted
