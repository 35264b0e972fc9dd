"""Every file-system call of one message's way, by lot: the relay dies at it, or it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture import calls, starts
from torture.report import table

SEED, N_POINTS, N_STARTS = 1, 40, 10
pytestmark = pytest.mark.timeout(600)


def test_death_or_failure_at_a_call_loses_nothing(tmp_path: Path) -> None:
    """Forty deaths and forty failures: no loss, no segment without a row, a fit answer in time, well again at once."""
    if why := calls.missing():
        pytest.skip(why)
    rows = calls.run(tmp_path, N_POINTS, SEED)

    assert [] == [words for row in rows for words in row.broken], table(rows)
    assert [N_POINTS, N_POINTS] == [row.n_cycles for row in rows]


def test_death_in_the_midst_of_a_start_loses_nothing(tmp_path: Path) -> None:
    """Ten deaths while the relay comes back from kill -9: the next start still repairs what that one should have."""
    if why := calls.missing():
        pytest.skip(why)
    row = starts.run(tmp_path, N_STARTS, SEED)

    assert [] == row.broken, table([row])
    assert N_STARTS == row.n_cycles
