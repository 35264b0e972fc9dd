"""kill -9 at every named point of a claim and a settle, while letters for many and a digest are on their way."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from crash.scene import NOWHERE
from e2e.house import DEADLINE_S, Relay, eventually
from torture.device import Connection
from torture.ledger import Ledger, judge
from torture.stage import Sink, drained, end_in_order, end_life, in_hand, query_at_rest
from torture.together import SLOW_S, STORM_TO, letter, relay_together, taken_together

N = 5
LAST_DUE = "SELECT MAX(next_attempt_at) FROM recipient"
LEFT = {
    "before-claim-commit": (0, 0, 0),
    "after-claim-commit": (N, 0, 0),
    "before-settle-commit": (N, N, 2 * N),
    "after-settle-commit": (0, 0, N),
}
"""For each point: how many are claimed at the death at least, and how many come twice, at least and at most.

Two parcels of N are on their way. The claims of one share a commit: all of them are out of danger then.
"""


def _deferred(directory: Path, ledger: Ledger) -> None:
    """A letter to five people, one by one, and five alarms to one; none could go, and all are due again."""
    with in_hand(relay_together(directory, NOWHERE)) as relay:
        relay.start()
        connection = Connection(relay.port, ledger)
        for n in range(N):
            connection.hand_in(f"letter/r{n}@fabrikam.com", letter("letter"), f"r{n}@fabrikam.com")
            connection.hand_in(f"alarm-{n}/{STORM_TO}", letter(f"alarm-{n}"), STORM_TO)
        connection.close()
        end_life(relay)
    eventually(lambda: query_at_rest(directory / "data", LAST_DUE)[0][0] < time.time())


def _next_life(directory: Path, relay: Relay) -> int | None:
    relay.start()
    drained(directory / "data")
    return end_in_order(relay)


@pytest.mark.parametrize("point", list(LEFT))
def test_a_death_amid_company_loses_nobody(tmp_path: Path, point: str) -> None:
    """Each person has his letter, the storm's person every alarm; twice only who was claimed, and nothing is stuck."""
    ledger = Ledger()
    _deferred(tmp_path, ledger)
    with Sink(tmp_path, SLOW_S, module="torture.opened") as sink:
        with in_hand(relay_together(tmp_path, sink.address, {"RELAY365_CRASH_AT": point})) as relay:
            relay.start()
            assert relay.process is not None
            assert -9 == relay.process.wait(DEADLINE_S)
            relay.close_pipes()
        claimed = taken_together(tmp_path / "data")
        with in_hand(relay_together(tmp_path, sink.address)) as relay:
            assert 0 == _next_life(tmp_path, relay)
        arrivals, ways = sink.arrivals(), Counter(sink.envelopes())
    verdict = judge(ledger, arrivals, Counter(claimed))
    counts = Counter(name for name, _ in arrivals)

    assert 2 * N == len(ledger.accepted) == len(counts)
    assert (frozenset(), frozenset(), frozenset()) == (verdict.lost, verdict.damaged, verdict.unexplained)
    assert {f"letter {N}", f"digest {N}"} <= set(ways)
    n_claimed, fewest, most = LEFT[point]
    assert n_claimed <= len(claimed) <= 2 * N
    assert fewest <= verdict.n_duplicates <= most
