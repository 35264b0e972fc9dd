"""The optimum is one: no schedule beats it, and some schedule reaches it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.quota.demand import LANES, LOOPING, Message
from bench.quota.optimum import SINK, SOURCE, Network, _flow, _supplies, optimum

MOST = 20_000  # ways that are tried one by one
GROUPS = ((0,), (1,), (0, 1))


def _messages(rows: list[tuple[int, str, tuple[int, ...]]]) -> list[Message]:
    return [
        Message(n, "a", lane, 60.0 * minute + 7.0, mailboxes=group)
        for n, (minute, lane, group) in enumerate(sorted(rows))
    ]


def _rows(
    groups: tuple[tuple[int, ...], ...], most: int
) -> st.SearchStrategy[list[tuple[int, str, tuple[int, ...]]]]:
    row = st.tuples(st.integers(0, 3), st.sampled_from(LANES), st.sampled_from(groups))
    return st.lists(row, max_size=most)


@settings(max_examples=60, deadline=None)
@given(_rows(((0,),), 30), st.integers(1, 4), st.integers(0, 12))
def test_one_mailbox_needs_no_flow(
    rows: list[tuple[int, str, tuple[int, ...]]], per_minute: int, per_day: int
) -> None:
    """The quick way and the flow find the same, lane by lane."""
    demand = _messages(rows)
    flow = _flow(_supplies(demand), [(0,)], 4, (per_minute, per_day))

    assert flow == optimum(demand, 240.0, per_minute, per_day)


@settings(max_examples=40, deadline=None)
@given(_rows(GROUPS, 6), st.integers(1, 2), st.integers(0, 4))
def test_nothing_beats_the_flow(
    rows: list[tuple[int, str, tuple[int, ...]]], per_minute: int, per_day: int
) -> None:
    """Of all ways to place a few messages, the best lane by lane has what the flow says."""
    demand = _messages([*rows, (3, "bulk", (0, 1))])
    places = [
        [None, *((m, minute) for m in one.mailboxes for minute in range(int(one.arrived // 60), 4))]
        for one in demand
    ]
    best = max(
        tuple(
            sum(1 for one, place in zip(demand, chosen, strict=True) if place and one.lane == lane)
            for lane in LANES
        )
        for chosen in itertools.islice(itertools.product(*places), MOST)
        if _fits(chosen, per_minute, per_day)
    )
    found = optimum(demand, 240.0, per_minute, per_day)

    if len(list(itertools.islice(itertools.product(*places), MOST + 1))) <= MOST:
        assert best == tuple(found[lane] for lane in LANES)
    else:
        assert best <= tuple(found[lane] for lane in LANES)


def _fits(chosen: tuple[tuple[int, int] | None, ...], per_minute: int, per_day: int) -> bool:
    taken = [place for place in chosen if place]
    return all(taken.count(place) <= per_minute for place in taken) and all(
        sum(1 for m, _ in taken if m == mailbox) <= per_day for mailbox in (0, 1)
    )


def test_a_flow_turns_back_where_it_must() -> None:
    """The first way that comes to hand blocks the second; the greatest flow undoes it. More edges add more flow."""
    network = Network(4)
    for start, end in ((SOURCE, 2), (SOURCE, 3), (2, 3), (2, SINK), (3, SINK)):
        network.edge(start, end, 1)

    assert 2 == network.augment()
    assert 0 == network.augment()
    network.edge(SOURCE, SINK, 5)
    assert 5 == network.augment()


def test_a_pool_is_split_by_who_may_use_what() -> None:
    """Whoever is bound to a mailbox gets it, who is free goes elsewhere."""
    demand = _messages([(3, "normal", (0,))] * 2 + [(3, "normal", (0, 1))] * 3)

    assert {"alarm": 0, "normal": 4, "bulk": 0, "loop": 0} == optimum(demand, 240.0, 2, 100)


def test_several_recipients_are_no_flow() -> None:
    """What would make it a harder problem is refused, not computed wrongly."""
    with pytest.raises(ValueError, match="one recipient"):
        optimum([Message(0, "a", "normal", 0.0, n_recipients=2)], 60.0)


def test_what_a_device_in_a_loop_sends_comes_last() -> None:
    """Apart from the lane that it says, and below all lanes: of two places it has the one that nobody wants."""
    demand = [Message(n, client, "normal", 0.0) for n, client in enumerate((LOOPING, LOOPING, "scanner"))]

    assert {"alarm": 0, "normal": 1, "bulk": 0, "loop": 1} == optimum(demand, 60.0, 2, 100)
