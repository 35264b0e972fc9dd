"""Oversize: the most specific table decides, key by key; of several ways the one that takes least."""

from __future__ import annotations

import pytest

from relay365.config import parse
from relay365.rules.oversize import HOUSE, NO_WISH, Decided, Sizes, Wish, route_of, words_of

FILE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:25"
[oversize]
limit = "35M"
action = "hold"
[[route]]
kind = "smarthost"
name = "wide"
host = "127.0.0.1:26"
[[route]]
kind = "smarthost"
name = "narrow"
host = "127.0.0.1:27"
max_message = "10M"
oversize = { action = "notify" }
[[route]]
kind = "smarthost"
name = "strict"
host = "127.0.0.1:28"
oversize = { limit = "20M", action = "reject" }
"""
MB = 1024 * 1024
SIZES = Sizes.of(parse(FILE, "f"))
OWN = Wish(5 * MB, "", "device cam")


def test_a_route_that_says_only_what_is_done_means_its_own_limit() -> None:
    """max_message is what it takes; a route without the table says nothing."""
    assert {
        "narrow": Wish(10 * MB, "notify", "[[route]] narrow"),
        "strict": Wish(20 * MB, "reject", "[[route]] strict"),
    } == SIZES.routes


@pytest.mark.parametrize(
    ("own", "ways", "decided"),
    [
        (NO_WISH, (), Decided(35 * MB, "hold", HOUSE, HOUSE)),
        (NO_WISH, ("wide",), Decided(35 * MB, "hold", HOUSE, HOUSE)),
        (NO_WISH, ("narrow",), Decided(10 * MB, "notify", "[[route]] narrow", "[[route]] narrow")),
        (NO_WISH, ("wide", "strict"), Decided(20 * MB, "reject", "[[route]] strict", "[[route]] strict")),
        (OWN, ("narrow",), Decided(5 * MB, "notify", "device cam", "[[route]] narrow")),
        (OWN, ("wide",), Decided(5 * MB, "hold", "device cam", HOUSE)),
        (Wish(None, "reject", "device cam"), ("wide",), Decided(35 * MB, "reject", HOUSE, "device cam")),
        (Wish(0, "", "device cam"), ("strict",), Decided(0, "reject", "device cam", "[[route]] strict")),
    ],
)
def test_the_most_specific_table_decides(own: Wish, ways: tuple[str, ...], decided: Decided) -> None:
    """Client, then route, then [oversize], for each key by itself; 0 of a client lifts every limit."""
    assert decided == SIZES.decide(own, ways)


def test_one_octet_decides() -> None:
    """The limit itself goes out; without a limit everything does."""
    decided = SIZES.decide(OWN)

    assert (False, True) == (decided.is_over(5 * MB), decided.is_over(5 * MB + 1))
    assert not Decided(0).is_over(10**12)


@pytest.mark.parametrize(
    ("own", "ways", "above"),
    [
        (NO_WISH, ("wide", "narrow", "strict"), 0),  # wide holds it
        (NO_WISH, ("strict",), 20 * MB),
        (Wish(None, "reject"), ("wide", "strict"), 35 * MB),
        (Wish(5 * MB, "reject"), ("wide", "narrow", "strict"), 5 * MB),
        (Wish(5 * MB, "hold"), ("strict",), 0),
        (Wish(0, ""), ("strict",), 0),
    ],
)
def test_what_is_refused_whichever_way_it_goes_is_known_before(
    own: Wish, ways: tuple[str, ...], above: int
) -> None:
    """EHLO can say it; where one way takes or holds it, it cannot."""
    assert above == SIZES.refused_above(own, ways)


def test_nothing_is_refused_to_whom_all_is_kept() -> None:
    """accept_then_report: what would be refused is held; a notice stays one."""
    assert ["hold", "hold", "notify"] == [
        Decided(1, action).kept().action for action in ("reject", "hold", "notify")
    ]
    assert ["refused", "held for a person", "replaced by a notice"] == [
        words_of(one) for one in ("reject", "hold", "notify")
    ]


def test_a_lane_belongs_to_its_route() -> None:
    """A pool has a lane for each mailbox."""
    assert ["graph", "narrow"] == [route_of("graph/a@x.test"), route_of("narrow")]
