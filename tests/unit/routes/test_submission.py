"""Client submission: nobody's mail goes out as the mailbox's, and everybody's as it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fakes.content import InMemory, consignment
from fakes.remote import remote
from relay365.mail.outcome import Kind
from relay365.routes.api import LaneLimits
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.submission import Submission
from relay365.routes.wire.pool import Judges
from relay365.routes.wire.remote import Remote as Address
from relay365.routes.wire.route import Wire

SCAN = "scan@contoso.com"


@pytest.mark.parametrize(("sender", "said"), [("", SCAN), ("ida@contoso.com", "ida@contoso.com")])
def test_the_reverse_path_on_the_wire(sender: str, said: str) -> None:
    """The null one is the mailbox; the recipients' wishes and the message itself stay what they are."""

    async def run() -> list[str]:
        async with remote() as far:
            wire = Wire(Address("127.0.0.1", far.port, "relay.test", "none"), None,
                        Judges(outcome_of, outcome_of_token))  # fmt: skip
            route = Submission("m365", wire, LaneLimits(1), SCAN)
            one = consignment(InMemory(b"Subject: x\r\n\r\nhello\r\n"), "a@x.test", "b@x.test")
            given = replace(one, envelope=replace(one.envelope, reverse_path=sender))
            outcomes = await route.deliver(given)
            await route.close()
            assert [Kind.DELIVERED] * 2 == [outcome.kind for outcome in outcomes]
            assert sender == given.envelope.reverse_path
            return far.lines

    lines = asyncio.run(run())
    assert [f"<{said}>"] == [line.partition("FROM:")[2].split()[0] for line in lines if "FROM:" in line]
    assert ["<a@x.test>", "<b@x.test>"] == [
        line.partition("TO:")[2].split()[0] for line in lines if "TO:" in line
    ]
