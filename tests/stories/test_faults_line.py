"""A story for each fault of connections, greetings, TLS, and lines that break or hang (stories.story)."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.microsoft import Microsoft
from stories.faults import FAULTS, Fault, family
from stories.story import LONGEST_S, assert_that_it_costs_nothing


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if family(one) == "line"], ids=lambda fault: fault.name
)
def test_a_fault_costs_nothing(fault: Fault, cloud: Microsoft, tmp_path: Path) -> None:
    """0 lost, 0 bounced, duplicates at most as many as the fault struck; the row that was told is the right one."""
    assert_that_it_costs_nothing(fault, cloud, tmp_path)
