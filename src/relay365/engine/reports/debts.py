"""Debts: which report a fate makes owed to the sender, by what the sender wished and what the next hop has promised.

Apart from the scheduler, which only writes it down: here is RFC 3461 for a relay. A report of success says "relayed",
never "delivered", and only where the next hop did not take the duty to report.
(RFC 3461 4.1, 5.2.1, 5.2.2, 5.2.6)
"""

from __future__ import annotations

from relay365.mail.dsn import Debt, is_wished
from relay365.mail.outcome import Outcome
from relay365.spool.api import State


def debt_of(state: State, outcome: Outcome, notify: str, reverse_path: str) -> Debt | None:
    """What is owed for a recipient that becomes `state`; nothing about a message that nobody sent (null path)."""
    debt = None
    if state in (State.FAILED, State.EXPIRED):
        debt = Debt.FAILURE
    elif state is State.DELIVERED and not outcome.dsn_taken:
        debt = Debt.SUCCESS
    return debt if debt is not None and reverse_path and is_wished(notify, debt) else None
