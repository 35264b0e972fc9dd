"""Usage: how much of a budget was used, by the slice of time, so that a restart forgets nothing and a face can see it.

Microsoft counts recipients over the last 24 hours, so this outlives the process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

SLICE_S = 300


class Usage(NamedTuple):
    """What mail of one priority took from a budget in one slice.

    budget: `mailbox scan@contoso.com`, `tenant contoso.com`, or a lane's name. at: begin of the slice, epoch seconds, a
    multiple of SLICE_S. external: recipients outside the own domains.
    """

    budget: str
    at: float
    priority: str
    messages: int
    recipients: int
    external: int


class PairUse(NamedTuple):
    """What one recipient had from one sender by a lane in five minutes. sender, address: in lower case.

    at: the last instant, epoch seconds. messages: what was settled in one instant was one message (a digest).
    """

    lane: str
    sender: str
    address: str
    at: float
    messages: int


class OctetUse(NamedTuple):
    """One message as a lane handed it over. at: the last instant, epoch seconds; octets: of its content."""

    lane: str
    at: float
    octets: int


class ClientUse(NamedTuple):
    """What a lane delivered for one client in one slice. at: its begin, epoch seconds, a multiple of SLICE_S."""

    lane: str
    client: str
    at: float
    recipients: int


class UsageStore(Protocol):
    """See the module."""

    async def note_usage(self, rows: Sequence[Usage]) -> None:
        """Write slices down; a slice that is there already is replaced."""
        ...

    async def usage(self, since_at: float) -> Sequence[Usage]:
        """All slices that begin at an instant or later, oldest first."""
        ...

    def lapsed(self) -> Mapping[str, int]:
        """Messages by lane that were on their way when the last life ended: they may have been sent."""
        ...

    async def forget_usage(self, before_at: float) -> None:
        """Forget older slices."""
        ...

    async def settled_since(self, at: float) -> Sequence[Usage]:
        """What was delivered, or may have been, from an instant on: one row for each lane and priority.

        budget is the lane's name, at the last such instant, external 0. For what a process that died had not written.
        """
        ...

    async def pairs_since(self, at: float) -> Sequence[PairUse]:
        """What was delivered from an instant on, by sender and recipient, oldest first."""
        ...

    async def octets_since(self, at: float) -> Sequence[OctetUse]:
        """What was delivered from an instant on, message by message, oldest first."""
        ...

    async def clients_since(self, at: float) -> Sequence[ClientUse]:
        """What was delivered from an instant on, by client (spool.waiting.heads.Flow) and slice, oldest first."""
        ...
