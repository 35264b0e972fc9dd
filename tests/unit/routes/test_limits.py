"""The limits as data: each says where it stands, since when, and which reply tells that it is exceeded."""

from __future__ import annotations

from datetime import date

import pytest

from relay365.routes.catalogue.rows import catalogue
from relay365.routes.limits import (
    SCOPES,
    UNITS,
    Limit,
    amount_of,
    external_of,
    limits,
    window_of,
)

EACH = pytest.mark.parametrize("limit", limits().values(), ids=lambda limit: limit.name)
SAID_NOWHERE = ["acs-messages", "acs-messages-hour"]


@EACH
def test_each_limit_can_be_followed_to_its_text(limit: Limit) -> None:
    """An https address, a day that has been, a scope and a unit that are known, a number or a formula."""
    assert limit.source.startswith("https://")
    assert date(2020, 1, 1) < limit.version <= date(2026, 11, 30)
    assert limit.scope in SCOPES
    assert limit.unit in UNITS
    assert limit.window_s >= 0
    assert (limit.amount is None) != (limit.formula is None)
    assert limit.title[0].islower()
    assert not limit.title.endswith(".")


@EACH
def test_each_limit_has_the_reply_that_says_it_is_exceeded(limit: Limit) -> None:
    """A row of the catalogue; where the words are published nowhere, the doubt says so, and only there."""
    assert set() == set(limit.rows) - {row.id for row in catalogue()}
    assert bool(limit.rows) == (limit.name not in SAID_NOWHERE)
    assert (limit.name in SAID_NOWHERE) == limit.doubt.endswith(
        "what is said when it is exceeded stands nowhere"
    )


def test_the_numbers_are_microsofts() -> None:
    """Those that the routes are built with."""
    names = (
        "mailbox-connections", "mailbox-messages", "mailbox-recipients", "pair-messages", "graph-requests",
        "graph-upload", "graph-at-once", "acs-messages-hour",
    )  # fmt: skip

    assert [
        (3, 0), (30, 60), (10_000, 86_400), (1_188, 3_600), (10_000, 600), (150_000_000, 300), (4, 0), (100, 3_600),
    ] == [window_of(name) for name in names]  # fmt: skip


@pytest.mark.parametrize(
    ("licences", "external"),
    [(1, 10_000), (2, 10_312), (10, 12_006), (25, 14_259), (40, 16_113), (100, 22_059), (1_000, 72_446),
     (10_000, 324_979), (100_000, 1_590_639)],
)  # fmt: skip
def test_external_recipients_follow_the_licences(licences: int, external: int) -> None:
    """As Microsoft's own table has them."""
    assert external == external_of(licences, is_trial=False)


def test_a_trial_has_its_own_limit_and_the_unknown_has_none() -> None:
    """5,000 whatever the licences; without a number of licences nothing is invented."""
    assert [5_000, 5_000, None] == [
        external_of(100, is_trial=True), external_of(None, is_trial=True), external_of(None, is_trial=False),
    ]  # fmt: skip


def test_an_amount_that_depends_on_the_tenant_is_no_number() -> None:
    """Asking for it as for a number is a fault of ours, and so is a name that is not there."""
    for name in ("tenant-external", "nothing"):
        with pytest.raises(KeyError):
            amount_of(name)
