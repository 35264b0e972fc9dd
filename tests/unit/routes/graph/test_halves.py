"""The invalid recipient is found in few requests, and what is remembered of it has an end."""

from __future__ import annotations

import pytest

from relay365.mail.envelope import SpoolId
from relay365.routes.graph.halves import KEPT_S, MOST_KEPT, MOST_KNOWN, Drafts, Halves, named_in

ONE = SpoolId("4TQ921")


def requests_for(n_recipients: int, invalid: set[int]) -> tuple[int, list[int]]:
    """How many requests it takes until everybody has an answer, and who was refused."""
    halves, left, refused, n_requests = Halves(), list(range(n_recipients)), [], 0
    while left:
        n_now = halves.n_next(ONE, len(left))
        offered, n_requests = left[:n_now], n_requests + 1
        if not invalid & set(offered):
            halves.taken(ONE, n_now, len(left) - n_now)
            del left[:n_now]
        elif n_now == 1:
            refused += offered
            del left[:1]
        else:
            halves.refused(ONE, n_now)
    return n_requests, refused


@pytest.mark.parametrize(("n_recipients", "invalid", "most"), [
    (1, {0}, 1), (8, set(), 1), (8, {7}, 9), (8, {0, 7}, 12), (500, {0}, 20), (500, {250}, 24), (500, {499}, 24),
    (500, set(range(500)), 509), (500, set(range(0, 500, 50)), 200),
])  # fmt: skip
def test_the_invalid_ones_are_alone_in_the_end(n_recipients: int, invalid: set[int], most: int) -> None:
    """Nobody else is refused, and it takes some twenty requests for one among five hundred."""
    n_requests, refused = requests_for(n_recipients, invalid)
    assert sorted(invalid) == refused
    assert n_requests <= most


def test_what_is_remembered_has_an_end() -> None:
    """A message that is done is forgotten, and of too many the oldest."""
    halves = Halves()
    halves.refused(ONE, 8)
    halves.taken(ONE, 4, 4)
    assert (8, 1) == (halves.n_next(ONE, 100), len(halves))
    halves.taken(ONE, 4, 0)
    assert (100, 0) == (halves.n_next(ONE, 100), len(halves))
    for n in range(MOST_KNOWN + 5):
        halves.refused(SpoolId(f"M{n}"), 8)
    assert MOST_KNOWN == len(halves)
    assert (100, 4) == (halves.n_next(SpoolId("M0"), 100), halves.n_next(SpoolId("M5"), 100))


@pytest.mark.parametrize(("text", "expected"), [
    ("At least one recipient is not valid.", set()),
    ("Recipient 'B@x.test' is not resolved.", {1}),
    ("a@x.test;b@x.test", {0, 1}),
    ("za@x.test, a@x.test.uk, a@x.testing, z.a@x.test", set()),
    ("No: a@x.test.", {0}),
])  # fmt: skip
def test_an_address_is_named_as_a_whole_word(text: str, expected: set[int]) -> None:
    """In any case of letters, and never as a piece of another address."""
    assert expected == named_in(text, ["a@x.test", "b@x.test"])


def test_a_draft_is_kept_for_an_hour_and_given_once() -> None:
    """What is too old, or too much, is given back to be deleted, oldest first; at the end all of it."""
    drafts: Drafts[str] = Drafts()
    drafts.keep(ONE, "first", 0.0)
    assert ("first", None) == (drafts.take(ONE), drafts.take(ONE))
    for n in range(MOST_KEPT + 2):
        drafts.keep(SpoolId(f"M{n}"), f"draft {n}", float(n))
    assert ["draft 0", "draft 1"] == drafts.outdated(50.0)
    assert ["draft 2", "draft 3"] == drafts.outdated(KEPT_S + 3.0)
    assert (MOST_KEPT - 2, 0) == (len(drafts.outdated()), len(drafts.outdated()))
