"""A lane of its own, and what it may be given to start."""

from __future__ import annotations

from fakes.clock import FakeClock
from relay365.engine.budgets.parcels import Parcel
from relay365.engine.lane import Lane, lanes_of
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.routes.api import Route
from relay365.spool.api import Claim, ClaimedRecipient
from relay365.spool.content import MemoryContent


def a_lane(route: Route) -> Lane:
    """The lane of one route, with its own budgets."""
    return lanes_of([route], FakeClock())[route.lane]


def a_claim(
    *addresses: str,
    priority: str = "normal",
    device: str = "scanner",
    octets: int = 2000,
    spool_id: str = "1",
) -> Claim:
    """A claimed message; default: for one recipient."""
    paths = tuple(ForwardPath(one) for one in addresses or ("a@x.test",))
    return Claim(
        SpoolId(spool_id), "way", 1, 0.0, Envelope("scan@contoso.com", paths),
        tuple(ClaimedRecipient(n, path, 0, possible_duplicate=False) for n, path in enumerate(paths)),
        MemoryContent(b"x" * octets), b"", "", "",
        SubmitterFacts("127.0.0.1:25", "192.0.2.9", device=device, priority=priority), 0.0, 1000.0,
    )  # fmt: skip


def a_parcel(
    *addresses: str, priority: str = "normal", device: str = "scanner", octets: int = 2000
) -> Parcel:
    """One claimed message on its way by itself."""
    return Parcel((a_claim(*addresses, priority=priority, device=device, octets=octets),))
