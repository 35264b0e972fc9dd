"""The tenant's limits of external recipients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.tenant.external import ExternalLimits, limit_of

OURS, MOERA, OUTSIDE = "scan@contoso.com", "scan@contoso.onmicrosoft.com", "lena@fabrikam.example"


@pytest.mark.parametrize(
    ("licences", "limit"),
    [(1, 10_000), (2, 10_312), (10, 12_006), (25, 14_259), (100, 22_059), (1_000, 72_446), (10_000, 324_979)],
)
def test_the_formula(licences: int, limit: int) -> None:
    """The limits are those that Microsoft's table names."""
    assert limit == limit_of(licences)


@pytest.mark.parametrize(
    ("tenant", "sender", "row"),
    [
        ({"external_per_day": 2}, OURS, "tenant-external"),
        ({"external_per_day": 2, "trial": True}, OURS, "trial-external"),
        ({"moera_per_day": 2}, MOERA, "moera-external"),
        ({"moera_per_day": 0}, OURS, ""),
    ],
)
def test_one_too_many(
    directory_of: Callable[..., Directory], clock: FakeClock, tenant: dict[str, Any], sender: str, row: str
) -> None:
    """The recipient above a limit fails with its row, and a place is free again after 24 hours."""
    limits = ExternalLimits(directory_of(tenant=tenant), clock)

    assert ["", "", row] == [limits.count("submission", sender, OUTSIDE) for _ in range(3)]
    clock.pass_s(86_400.0)
    assert "" == limits.count("submission", sender, OUTSIDE)


@pytest.mark.parametrize(
    ("service", "sender", "recipient"),
    [
        ("submission", OURS, "erp@contoso.com"),
        ("mx", "", OUTSIDE),
        ("hve", OURS, OUTSIDE),
        ("acs", OURS, OUTSIDE),
    ],
)
def test_what_does_not_count(
    directory_of: Callable[..., Directory], clock: FakeClock, service: str, sender: str, recipient: str
) -> None:
    """Recipients inside, reports, High Volume Email and Azure's service use nothing of the limit."""
    limits = ExternalLimits(directory_of(tenant={"external_per_day": 0}), clock)

    assert ("", 0) == (limits.count(service, sender, recipient), limits.used())


def test_the_limit_of_a_trial(directory_of: Callable[..., Directory], clock: FakeClock) -> None:
    """A trial tenant has 5,000; clear() begins anew."""
    limits = ExternalLimits(directory_of(tenant={"trial": True}), clock)
    limits.count("graph", OURS, OUTSIDE)
    used = limits.used()
    limits.clear()

    assert (5_000, 1, 0) == (limits.limit(), used, limits.used())
