"""The closed list: every refusal that a device can hear. Nothing else in the relay makes a negative reply."""

from __future__ import annotations

from relay365.mail.refusals import entering, keeping, speaking
from relay365.mail.refusals.refusal import Refusal

REFUSALS: tuple[Refusal, ...] = (*speaking.REFUSALS, *entering.REFUSALS, *keeping.REFUSALS)
BY_MARK = {one.mark: one for one in REFUSALS if one.mark}


def refusal_in(said: str) -> Refusal | None:
    """The refusal of which a text is one; None where it is none of ours."""
    found = [one for one in REFUSALS if one.beginning and one.beginning in said]
    return max(found, key=lambda one: len(one.beginning), default=None)
