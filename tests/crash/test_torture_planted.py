"""Each harness sees the fault that is planted for it; and the judge of all of them sees each kind of breach."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from torture import calls, planted, powercut
from torture.ledger import Ledger, judge
from torture.report import Row, table


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", list(planted.FAULTS))
def test_a_planted_fault_is_seen(tmp_path: Path, name: str) -> None:
    """A copy of the package with one changed line breaks a promise, and the harness says which."""
    if why := calls.missing() or powercut.missing(tmp_path):
        pytest.skip(why)
    row = planted.look(name, tmp_path, 4)

    assert planted.is_seen(name, row), table([row])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_judge_sees_each_breach() -> None:
    """Lost, altered, unknown, and twice without a reason; twice with a reason is counted and allowed."""
    ledger = Ledger()
    for name in ("well", "lost", "altered", "twice", "claimed"):
        ledger.sending(name, name.encode())
        ledger.answered(name, "250 2.6.0 queued", 0.1)
    ledger.sending("refused", b"refused")
    ledger.answered("refused", "451 4.3.0 no", 0.2)
    ledger.sending("unanswered", b"unanswered")
    arrivals = [(name, _digest(name.encode())) for name in ("well", "twice", "twice", "claimed", "claimed")]
    arrivals += [("altered", _digest(b"something else")), ("nobody's", _digest(b""))]
    verdict = judge(ledger, arrivals, Counter({"claimed": 1}))
    row = Row("all of it")
    row.count(ledger, verdict, 1)

    assert {"lost"} == verdict.lost
    assert {"altered", "nobody's"} == verdict.damaged
    assert {"twice"} == verdict.unexplained
    assert 2 == verdict.n_duplicates
    assert [4, 1, 0.2] == [len(row.broken) + 1, len(ledger.unanswered), ledger.slowest_answer_s]
