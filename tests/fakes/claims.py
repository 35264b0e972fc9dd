"""Claiming as the scheduler does it, without its turns: what is due, oldest first."""

from __future__ import annotations

from relay365.spool.api import MOST_RECIPIENTS, Claim, Spool
from relay365.spool.ids import seq_of


async def claim_due(
    spool: Spool,
    lane: str,
    *,
    limit: int,
    now: float,
    lease_until_at: float,
    recipients: int = MOST_RECIPIENTS,
) -> list[Claim]:
    """Up to `limit` messages that are due in a lane, each whole unless `recipients` cuts it."""
    claims: list[Claim] = []
    while len(claims) < limit:
        heads = await spool.heads(lane, now=now, most=limit - len(claims))
        in_order = sorted(heads, key=lambda head: (head.due_at, seq_of(head.spool_id)))
        which = [head.spool_id for head in in_order[: limit - len(claims)]]
        if not which:
            break
        claims += await spool.claim(
            lane, which=which, now=now, lease_until_at=lease_until_at, recipients=recipients
        )
    return claims
