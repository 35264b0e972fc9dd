"""A saturated mailbox in real time, two minutes for each way in which a server may count; load.saturated is longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from load.saturated import MODELS, PER_MINUTE, run_all

SECONDS = 125.0
LEAST = 0.97


@pytest.mark.timeout(300)
def test_a_saturated_mailbox_is_used_and_never_refused(tmp_path: Path) -> None:
    """At least 97 % of 30 a minute, not one reply that says no, and at most 30 in any 60 seconds."""
    runs = run_all(tmp_path, SECONDS)
    table = "\n".join(map(str, runs))

    assert len(MODELS) == len(runs)
    assert [0] * len(runs) == [one.n_refused for one in runs], table
    assert all(one.most <= PER_MINUTE for one in runs), table
    assert all(one.used >= LEAST for one in runs), table
