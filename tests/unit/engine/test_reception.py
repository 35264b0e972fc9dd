"""What a listener's sessions share."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from relay365.engine.reception import Gate, offers_for
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.rules.client import Client
from relay365.rules.policy import Door, Policy
from relay365.smtp.events import MailGiven
from relay365.smtp.offers import Offers
from relay365.spool.memory import MemorySpool
from transcript.standin import Device, JumpingLoop, LoopClock, reception


def test_the_policy_is_a_gate() -> None:
    """The rules' own policy answers every question of a gate: with None, or with a reply that refuses."""
    gate: Gate = Policy((), Door("test"))
    facts = SubmitterFacts("test", "192.0.2.1")
    refusal = gate.mail(facts, MailGiven("a@b.test"))

    assert (None, None) == (gate.connect("192.0.2.1"), gate.rcpt(facts, ForwardPath("c@d.test")))
    assert refusal is not None
    assert 550 == refusal.code


def test_sessions_cannot_change_what_they_share() -> None:
    """One session's fault stays its own."""

    async def live() -> None:
        here = reception(MemorySpool(LoopClock()))
        with pytest.raises(dataclasses.FrozenInstanceError):
            here.name = "other"  # type: ignore[misc]

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(live())


def test_what_is_offered_is_what_the_client_may_use() -> None:
    """Each key of a rule that the wire shows: size, STARTTLS, AUTH, a password in clear, tolerances, a fixed sender."""
    offers = Offers("relay.test", 1000, starttls=True, mechanisms=("PLAIN",))
    narrow = Client(
        login="never",
        tolerances=frozenset({"auth_equals"}),
        starttls=False,
        max_octets=500,
        sender="a@b.test",
    )
    wide = Client(login="required", auth_in_clear=True, max_octets=5000)

    assert ["SIZE 500", "DSN"] == [
        line
        for line in offers_for(offers, narrow).keywords(secured=False)
        if line[:4] in ("SIZE", "STAR", "AUTH", "DSN")
    ]
    assert ("a@b.test", {"auth_equals"}) == (
        offers_for(offers, narrow).sender,
        offers_for(offers, narrow).tolerances,
    )
    assert ["SIZE 1000", "STARTTLS", "AUTH PLAIN"] == [
        line
        for line in offers_for(offers, wide).keywords(secured=False)
        if line[:4] in ("SIZE", "STAR", "AUTH")
    ]
    assert "AUTH PLAIN" not in offers_for(offers, Client()).keywords(secured=False)


def test_the_check_of_a_login_hears_where_it_comes_from() -> None:
    """Name, password and the peer's address: wrong ones are counted by it."""
    heard: list[tuple[str, str, str]] = []

    async def check(name: str, password: str, address: str) -> bool:
        heard.append((name, password, address))
        return True

    async def live() -> bytes:
        offers = Offers("relay.test", mechanisms=("PLAIN",), auth_without_tls=True)
        device = Device(reception(MemorySpool(LoopClock()), offers=offers, verify=check))
        device.say(b"EHLO x\r\nAUTH PLAIN AHNjYW4AczNjcmV0\r\n")
        return (await device.reply()).splitlines()[-1]

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert b"235 2.7.0 Authentication successful" == runner.run(live())
    assert [("scan", "s3cret", "192.0.2.7")] == heard
