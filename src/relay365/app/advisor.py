"""Advisor: rules and Microsoft's trace as the scheduler asks them (engine.roads.advice)."""

from __future__ import annotations

from collections.abc import Mapping

from relay365.engine.fates.again import Again
from relay365.engine.roads.chooser import Chooser
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.rules.routing import Letter
from relay365.spool.api import Claim, ClaimedRecipient
from relay365.spool.waiting.heads import Head

FOUND = "not sent again: Exchange has it, trace status"


class Advisor:
    """See engine.roads.advice.Advice."""

    def __init__(self, chooser: Chooser, again: Again, hostname: str = "localhost") -> None:
        self._chooser, self._again, self.hostname = chooser, again, hostname

    def instead_of(self, claim: Claim, recipient: ClaimedRecipient) -> str:
        """See Advice."""
        letter = Letter(claim.envelope.reverse_path, claim.submitter, claim.content.size_octets)
        return self._chooser.instead_of(claim.lane, letter, recipient.path.address)

    def digest_from(self, head: Head) -> int:
        """See Advice."""
        if not self._chooser.has_digests:
            return 0
        letter = Letter(head.reverse_path, head.submitter, head.size_octets)
        return self._chooser.itinerary(letter, head.recipients[0][1]).digest

    async def known(self, claim: Claim) -> Mapping[int, Outcome]:
        """Ask the trace about what may have been delivered; what it has is not sent again."""
        look = await self._again.look(claim)
        known = {
            n: Outcome(Kind.DELIVERED, reply_text=f"{FOUND} {status}", row="found-in-trace")
            for n, status in look.found.items()
        }
        if look.wait_s > 0:
            text = f"may have been delivered: the message trace is asked again in {look.wait_s:.0f} s"
            later = Outcome(
                Kind.DEFERRED,
                Scope.RECIPIENT,
                Class.TRANSIENT,
                None,
                text,
                "asks-trace",
                look.wait_s,
                offered=False,
            )
            known |= {
                one.n: later for one in claim.recipients if one.possible_duplicate and one.n not in known
            }
        return known
