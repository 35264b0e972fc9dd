"""People are told of what failed after Microsoft took it, and nobody twice."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from fakes.claims import claim_due
from relay365.engine.keeper import Duties, Keeper
from relay365.engine.reports.audience import Audience
from relay365.mail.dsn import Debt
from relay365.mail.envelope import SpoolId
from relay365.spool.api import MessageView
from relay365.spool.later import Later, LaterFate

GONE = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
MAILBOX = "scan@contoso.com"


def reports(
    house: Any, sender: str, audience: Audience, detail: str = GONE
) -> tuple[list[MessageView], list[str], bytes]:
    """The reports that a later failure makes, the events of the message, and the first report's content."""
    duties = Duties(
        hostname="relay.test", give_up_s=9999.0, keep_s=9999.0, lane_of=lambda envelope, facts: "reports",
        author_of=lambda lane: MAILBOX, kept=frozenset, accepted=lambda lane: None, audience=audience,
    )  # fmt: skip

    async def story() -> tuple[list[MessageView], list[str], bytes]:
        spool = house.spool
        spool_id: SpoolId = await house.sent("lena@fabrikam.com", sender=sender)
        await spool.learn_fates(
            [LaterFate(spool_id, 0, Later.FAILED, house.clock.now(), detail, owes_report=True)]
        )
        keeper = Keeper(spool, house.clock, duties)
        await keeper.round()
        await keeper.round()
        assert [] == await spool.debts(Debt.FAILURE, limit=10)
        claims = await claim_due(
            spool, "reports", limit=9, now=house.clock.now(), lease_until_at=house.clock.now() + 9
        )
        views = [await spool.show(claim.spool_id) for claim in claims]
        content = b"".join([block async for block in claims[0].content.blocks()]) if claims else b""
        return views, [event.name for event in (await spool.show(spool_id)).events], content

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("sender", "owner", "readers"),
    [
        ("lena@contoso.com", "", ["lena@contoso.com"]),
        (MAILBOX, "", []),
        ("Scan@Contoso.com", "", []),
        (MAILBOX, "owner@contoso.com", ["owner@contoso.com"]),
        ("lena@contoso.com", "owner@contoso.com", ["lena@contoso.com", "owner@contoso.com"]),
    ],
)
def test_who_is_told(house: Any, sender: str, owner: str, readers: list[str]) -> None:
    """The mailbox that sent has Exchange's own report; another sender, and the device's owner, hear of it from us."""
    audience = Audience(networks=((ip_network("192.168.10.0/24"), owner),))
    told, names, _ = reports(house, sender, audience)

    assert readers == [r.address for view in told for r in view.recipients]
    assert ("report.queued" if readers else "report.forgiven") in names


@pytest.mark.parametrize(
    ("detail", "status", "words"),
    [(GONE, b"5.1.10", b"550 5.1.10 RESOLVER.ADR"), ("", b"5.0.0", b"Microsoft 365 took the message")],
)
def test_a_report_has_the_later_words(house: Any, detail: str, status: bytes, words: bytes) -> None:
    """Not the 250 that came first; its status where one is known."""
    _, _, content = reports(house, "lena@contoso.com", Audience(), detail)

    assert b"Status: " + status in content
    assert words in content
    assert b"250 2.0.0 OK" not in content
