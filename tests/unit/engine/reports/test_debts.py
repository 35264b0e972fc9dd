"""Which report a fate makes owed: the table of RFC 3461 for a relay."""

from __future__ import annotations

import pytest

from relay365.engine.reports.debts import debt_of
from relay365.mail.dsn import Debt
from relay365.mail.outcome import Kind, Outcome
from relay365.spool.api import State

TAKEN = Outcome(Kind.DELIVERED, reply_text="250 2.6.0 taken")
WITH_DUTY = Outcome(Kind.DELIVERED, reply_text="250 2.6.0 taken", dsn_taken=True)
GONE = Outcome(Kind.FAILED, reply_text="550 5.1.1 gone")


@pytest.mark.parametrize(
    ("state", "outcome", "notify", "owed"),
    [
        (State.FAILED, GONE, "", Debt.FAILURE),
        (State.FAILED, GONE, "FAILURE", Debt.FAILURE),
        (State.FAILED, GONE, "failure,delay", Debt.FAILURE),
        (State.FAILED, GONE, "NEVER", None),
        (State.FAILED, GONE, "SUCCESS,DELAY", None),
        (State.EXPIRED, GONE, "", Debt.FAILURE),
        (State.DELIVERED, TAKEN, "SUCCESS", Debt.SUCCESS),
        (State.DELIVERED, TAKEN, "SUCCESS,FAILURE", Debt.SUCCESS),
        (State.DELIVERED, TAKEN, "", None),
        (State.DELIVERED, TAKEN, "FAILURE", None),
        (State.DELIVERED, WITH_DUTY, "SUCCESS", None),
        (State.QUEUED, GONE, "DELAY", None),
        (State.HELD, GONE, "FAILURE", None),
    ],
)
def test_what_is_owed(state: State, outcome: Outcome, notify: str, owed: Debt | None) -> None:
    """Failure unless it is unwished, success where it is wished and the next hop did not take the duty."""
    assert owed is debt_of(state, outcome, notify, "scan@contoso.com")


def test_nobody_is_owed_a_report_about_a_report() -> None:
    """The null path is never told (RFC 5321 4.5.5)."""
    assert None is debt_of(State.FAILED, GONE, "", "")
    assert None is debt_of(State.DELIVERED, TAKEN, "SUCCESS", "")
