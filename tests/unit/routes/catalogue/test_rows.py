"""The rows as data: spans are spelled out, causes belong to a kind of route, the advice of a token is by number."""

from __future__ import annotations

import pytest

from relay365.mail.outcome import Class
from relay365.routes.catalogue.rows import Row, catalogue, rows_of, token_row


def _row(mark: str) -> Row:
    return next(row for row in catalogue() if row.id == mark)


def test_a_span_of_statuses_is_spelled_out() -> None:
    """`4.7.500-699` matches its ends and what lies between, and nothing beside."""
    row = _row("address-throttled")
    found = [row.matches(451, f"4.7.{n}", "") for n in (499, 500, 600, 699, 700, 850)]

    assert [False, True, True, True, False, True] == found


def test_the_most_specific_row_comes_first() -> None:
    """Whoever takes the first match gets the row with the longest words."""
    weights = [row.weight for row in catalogue()]

    assert sorted(weights, reverse=True) == weights


def test_the_rows_of_a_place_are_only_its_own() -> None:
    """Every row belongs to one place, and none is lost between them."""
    places = ("smtp", "token", "graph", "device", "relay")

    assert len(catalogue()) == sum(len(rows_of(where)) for where in places)
    assert {"graph"} == {row.where for row in rows_of("graph")}


@pytest.mark.parametrize(
    ("error", "number", "row"),
    [
        ("invalid_client", 7000222, "secret-expired"),
        ("invalid_client", 7999999, "token-invalid-client"),
        ("interaction_required", 0, "token-invalid-grant"),
        ("credential_unreadable", 0, "credential-unreadable"),
        ("never_seen", 7999999, None),
    ],
)
def test_a_refused_token_has_its_row(error: str, number: int, row: str | None) -> None:
    """The number chooses the advice; where it is new the name of the error does."""
    found = token_row(error, number)

    assert row == (found.id if found else None)


def test_our_own_words_go_before_the_name_of_the_error() -> None:
    """The directory has a name for it as well, and means something else by it."""
    ours = token_row(
        "interaction_required", 0, "Nobody has signed in for this route yet: relay365 token login a"
    )
    theirs = token_row("interaction_required", 0, "AADSTS50076: you must use multi-factor authentication")
    numbered = token_row("interaction_required", 7000222, "nobody has signed in for this route")

    assert ["nobody-signed-in", "token-invalid-grant", "secret-expired"] == [
        row.id for row in (ours, theirs, numbered) if row is not None
    ]


def test_only_a_fault_that_needs_a_person_may_wait_for_one() -> None:
    """until_s says when a person is called, so that only rows of configuration have it."""
    assert {Class.CONFIGURATION} == {row.klass for row in catalogue() if row.until_s}
