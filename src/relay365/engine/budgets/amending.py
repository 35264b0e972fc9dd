"""Amending: a budget whose limit a person has changed, with all that was used of it. Pure but for the budget itself.

Apart from the budgets, which know one limit all their life: what was used in a window is used whatever the limit
becomes, and what is on its way gives its place back to the same object.
"""

from __future__ import annotations

from relay365.rules.quota.budgets import AtOnce, Budget, Messages, Slices
from relay365.rules.quota.day import Day
from relay365.rules.quota.pairs import Pairs


def amended(there: Budget, wanted: Budget) -> Budget:
    """The budget that is there, with the limit of the wanted one; the wanted one where it is of another kind."""
    match there, wanted:
        case Messages(), Messages() if _window(there) == _window(wanted):
            there.allow(wanted.log.limit, for_alarms=wanted.for_alarms)
            return there
        case Day(), Day():
            there.allow(wanted)
            return there
        case Slices(), Slices() if there.window_s == wanted.window_s:
            there.limit = wanted.limit
            return there
        case AtOnce(), AtOnce():
            there.limit = wanted.limit
            return there
        case Pairs(), Pairs():
            there.limit = wanted.limit
            return there
    return wanted


def _window(budget: Messages) -> tuple[float, float]:
    return budget.log.window_s, budget.log.guard_s
