"""The figures say what happened: each by a record that can be counted by hand."""

from __future__ import annotations

import pytest

from bench.quota.demand import LOOPING, Message
from bench.quota.figures import figures, jain, jain_of, quantile
from bench.quota.policies import Start
from bench.quota.server import Verdict
from bench.quota.simulation import Record, Try, World


def _record(rows: list[tuple[str, str, float, float | None]], length_s: float = 1_200.0) -> Record:
    """rows: client, lane, arrival, start or None."""
    demand = [Message(n, client, lane, at) for n, (client, lane, at, _) in enumerate(rows)]
    tries = [
        Try(Start(demand[n], 0), start, 2.0, start + 1.0, start + 2.0)
        for n, (_, _, _, start) in enumerate(rows)
        if start is not None
    ]
    return Record(World(demand, length_s), tries)


def test_shares_and_waits() -> None:
    """Used of the places, done of the offered, of the best, and waits from arrival to start."""
    record = _record(
        [
            ("a", "alarm", 0.0, 1.0),
            ("a", "normal", 0.0, 10.0),
            ("b", "normal", 5.0, 25.0),
            ("b", "normal", 6.0, None),
        ]
    )
    record.tries.append(Try(Start(record.world.demand[3], 0), 30.0, 2.0, 31.0, 32.0, Verdict.RATE))

    found = figures(record, {"alarm": 1, "normal": 3, "bulk": 0})

    assert 3 / 600 == found["used"]
    assert 250.0 == found["refused"]
    assert (1.0, 2 / 3) == (found["done_alarm"], found["done_normal"])
    assert 0.75 == found["of_best"]
    assert (1.0, 10.0, 20.0) == (found["p99_alarm"], found["p50_normal"], found["p99_normal"])
    assert "done_bulk" not in found


def test_what_has_no_answer_yet_is_not_counted() -> None:
    """A try that is on its way at the end is neither taken nor refused."""
    record = _record([("a", "normal", 0.0, None)])
    record.tries.append(Try(Start(record.world.demand[0], 0), 1_199.0, 2.0))

    found = figures(record, {"alarm": 0, "normal": 1, "bulk": 0})

    assert (0.0, 0.0, 0.0) == (found["used"], found["refused"], found["tries"])


def test_jain_is_one_for_equals_and_a_share_for_one_alone() -> None:
    """Its two ends, and one value between them."""
    assert 1.0 == jain([3, 3, 3])
    assert 0.25 == jain([8, 0, 0, 0])
    assert 0.8 == pytest.approx(jain([3, 1]))
    assert 1.0 == jain([0, 0])


def test_fairness_is_judged_between_those_that_wait() -> None:
    """Clients that waited through the whole ten minutes are compared; one whose queue was empty for a moment is not."""
    rows: list[tuple[str, str, float, float | None]] = []
    for client, n_served in (("greedy", 9), ("meek", 1)):
        rows += [(client, "normal", 0.0, 100.0 + n) for n in range(n_served)] + [
            (client, "normal", 0.0, None)
        ]
    rows += [("guest", "normal", 0.0, 50.0), ("guest", "normal", 60.0, None)]

    assert jain([9, 1]) == pytest.approx(
        jain_of(_record(rows)) or 0.0
    )  # in the second ten minutes nobody is served
    assert jain_of(_record([("alone", "normal", 0.0, None)])) is None


def test_an_instant_of_arrival_and_start_is_no_wait() -> None:
    """Clients whose messages start when they come never have a backlog."""
    rows: list[tuple[str, str, float, float | None]] = [
        (client, "normal", float(at), float(at)) for client in "ab" for at in range(0, 1_200, 5)
    ]

    assert jain_of(_record(rows)) is None


def test_quantiles_are_values_that_occurred() -> None:
    """The least value that the share does not exceed."""
    values = [float(n) for n in range(1, 101)]

    assert (50.0, 99.0, 100.0, 1.0) == tuple(quantile(values, share) for share in (0.5, 0.99, 1.0, 0.0))
    assert 7.0 == quantile([7.0], 0.99)


def test_a_device_in_a_loop_is_counted_apart() -> None:
    """However much it sends, the lane's figures are those of the others."""
    record = _record(
        [(LOOPING, "normal", 0.0, 1.0), (LOOPING, "normal", 0.0, None), ("a", "normal", 0.0, 5.0)]
    )
    found = figures(record, {"alarm": 0, "normal": 1, "bulk": 0, "loop": 2})

    assert (1.0, 5.0) == (found["done_normal"], found["p50_normal"])
    assert (0.5, 1.0, 0.5) == (found["done_loop"], found["n_loop"], found["of_best_loop"])
