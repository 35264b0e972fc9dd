"""WireRoute: what every route that speaks SMTP has: a name, a lane, limits, and a pool of lines.

A kind of route says what is its own and no more; what all share stands here once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.wire.ear import Ears, nobody
from relay365.routes.wire.pool import Judges, Pool
from relay365.routes.wire.remote import Destination, SignIn
from relay365.routes.wire.talk import too_large


@dataclass(frozen=True, slots=True)
class Wire:
    """How a route speaks: where to, as whom, how replies are read, and who listens."""

    destination: Destination
    sign_in: SignIn | None
    judges: Judges
    ears: Ears = nobody


class WireRoute:
    """See routes.api.Route. mailbox: the one that it sends from; its lane is its own then. wire: how it speaks.

    nobody: what stands for the null reverse-path where the remote refuses that, "" where it goes as it is. A report of
    ours is still none that is reported, and its Auto-Submitted keeps loops away.
    """

    kind: str = ""

    def __init__(
        self, name: str, wire: Wire, limits: LaneLimits, mailbox: str = "", nobody: str = ""
    ) -> None:
        self._nobody = nobody
        self.name, self.mailbox, self.limits, self.wire = name, mailbox, limits, wire
        self.lane = f"{name}/{mailbox}" if mailbox else name
        self._pool = Pool(wire.destination, wire.sign_in, wire.judges, wire.ears)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.lane}>"

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route. What is larger than the route takes is not offered to the remote."""
        octets, limit = consignment.content.size_octets + len(consignment.trace), self.limits.octets
        if limit is not None and octets > limit:
            return (too_large(octets, limit),) * len(consignment.envelope.forward_paths)
        if self._nobody and not consignment.envelope.reverse_path:
            envelope = replace(consignment.envelope, reverse_path=self._nobody)
            consignment = replace(consignment, envelope=envelope)
        return await self._pool.deliver(consignment)

    async def close(self) -> None:
        """See routes.api.Route."""
        await self._pool.close()
