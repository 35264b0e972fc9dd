"""What the scheduler asks about a claim and does not know itself: another road, and what Exchange has of it already.

Apart from the scheduler because the answers come from rules and from Microsoft's trace; without them it goes on alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from relay365.mail.outcome import Kind, Outcome
from relay365.spool.api import Claim, ClaimedRecipient
from relay365.spool.waiting.heads import Head

NOT_BY_THIS_ROAD = frozenset({
    "larger-than-remote-takes", "message-too-big", "message-too-big-resolver", "remote-lacks-smtputf8",
    "hve-external", "hve-from", "graph-too-large", "graph-too-big", "graph-request-length",
    "graph-signed-split", "graph-signed-large",
})  # fmt: skip
"""Rows that say no for this road only: another one that the rules allow may carry it."""


class Advice(Protocol):
    """See the module. hostname: who builds the messages that are ours."""

    hostname: str

    def instead_of(self, claim: Claim, recipient: ClaimedRecipient) -> str:
        """The lane for what the claim's own lane can never carry; "" where there is none."""
        ...

    def digest_from(self, head: Head) -> int:
        """How many messages like this one to its first recipient must wait to go as one digest; 0 for never."""
        ...

    async def known(self, claim: Claim) -> Mapping[int, Outcome]:
        """Outcomes of recipients that need not be tried now, by their number: found delivered, or asked for still."""
        ...


class NoAdvice:
    """There is one road, and nobody to ask."""

    hostname = "localhost"

    def instead_of(self, claim: Claim, recipient: ClaimedRecipient) -> str:
        """See Advice."""
        return ""

    def digest_from(self, head: Head) -> int:
        """See Advice."""
        return 0

    async def known(self, claim: Claim) -> Mapping[int, Outcome]:
        """See Advice."""
        return {}


def is_for_another_road(outcome: Outcome, kind: str) -> bool:
    """Whether the no is this road's alone; kind: the route's.

    Graph builds messages anew: what it refuses in words that nobody knows may be a fault of ours, and by SMTP the
    message goes as it is.
    """
    is_unknown = outcome.kind is Kind.FAILED and not outcome.row and kind == "graph"
    return outcome.row in NOT_BY_THIS_ROAD or is_unknown
