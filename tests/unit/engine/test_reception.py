"""What a listener's sessions share."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from relay365.engine.reception import Gate
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.rules.policy import Policy
from relay365.smtp.events import MailGiven
from relay365.spool.memory import MemorySpool
from transcript.standin import JumpingLoop, LoopClock, reception


def test_the_policy_is_a_gate() -> None:
    """The rules' own policy answers every question of a gate: with None, or with a reply that refuses."""
    gate: Gate = Policy((), require_tls=False, require_auth=False)
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
