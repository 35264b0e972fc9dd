"""Mail in a spool, as a session would have put it there."""

from __future__ import annotations

from relay365.clock import Clock
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.spool.api import NewMessage, Spool

DEVICE = SubmitterFacts(listener="127.0.0.1:25", peer_address="192.168.10.31", helo="copier")


async def put(
    spool: Spool,
    clock: Clock,
    *to: str,
    sender: str = "scan@contoso.com",
    lane: str = "way",
    life_s: float = 432_000.0,
    notify: str = "",
    envid: str = "",
    content: bytes = b"Subject: x\r\nFrom: scan@contoso.com\r\n\r\nbody\r\n",
) -> SpoolId:
    """Accept one message; gives its id."""
    paths = tuple(ForwardPath(address, notify) for address in to or ("lena@fabrikam.com",))
    intake = spool.begin()
    intake.write(content)
    now = clock.now()
    message = NewMessage(
        Envelope(sender, paths, envid=envid),
        DEVICE,
        lane,
        now,
        now + life_s,
        message_id=f"<{intake.spool_id}@x>",
        header_from=sender,
    )
    await intake.commit(message)
    return intake.spool_id
