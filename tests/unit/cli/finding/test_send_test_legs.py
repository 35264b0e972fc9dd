"""What became of a test message, in words."""

from __future__ import annotations

import pytest

from relay365.cli.finding.send_test_legs import judged, leg
from relay365.doctor.wire.talk import Entry
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.spool.api import LaneNote, MessageView, RecipientView, State


def view(*recipients: tuple[State, str, str]) -> MessageView:
    found = tuple(
        RecipientView(n, f"r{n}@x.test", state, "out", 1, None, reply, "", row, False, 102.5, "")
        for n, (state, reply, row) in enumerate(recipients)
    )
    return MessageView(
        SpoolId("4TQ921"),
        100.0,
        200.0,
        400,
        "a@b.test",
        "<m@b.test>",
        "a@b.test",
        SubmitterFacts("l", "p"),
        found,
    )


DELIVERED = (State.DELIVERED, "250 ok", "")


@pytest.mark.parametrize(
    ("recipients", "result", "words", "do"),
    [
        ((DELIVERED, DELIVERED), "delivered", "2.5 s after the 250", ""),
        (
            (DELIVERED, (State.QUEUED, "432 4.3.2 slow", "throttled")),
            "queued",
            "432 4.3.2 slow",
            "explain throttled",
        ),
        (((State.QUEUED, "", ""),), "queued", "nothing was tried yet", "relay365 trace 4TQ921"),
        (((State.HELD, "554 5.2.252 no", "send-as-denied"),), "held", "held: 554", "explain send-as-denied"),
        ((DELIVERED, (State.FAILED, "550 5.1.1 no", "")), "failed", "failed: 550", "relay365 trace 4TQ921"),
    ],
)
def test_the_worst_recipient_decides(
    recipients: tuple[tuple[State, str, str], ...], result: str, words: str, do: str
) -> None:
    """With the command that says more."""
    found = judged(view(*recipients), 0, {})

    assert (result, SpoolId("4TQ921")) == (found["result"], found["id"])
    assert words in found["text"] and found["do"].endswith(do)


def test_a_route_that_was_held_before_is_the_reason() -> None:
    """Nothing was tried for this message, and yet it is known why: the words of the refusal, and what explains them."""
    notes = {
        "out": LaneNote(
            "out", "535 5.7.139 off for the Mailbox", "configuration", "smtp-auth-disabled-mailbox"
        )
    }
    found = judged(view((State.QUEUED, "", "")), 0, notes)
    tried = judged(view((State.QUEUED, "432 4.3.2 slow", "throttled")), 0, notes)

    assert "its route is held: 535 5.7.139 off" in found["text"]
    assert "relay365 explain smtp-auth-disabled-mailbox" == found["do"]
    assert ("queued", "relay365 explain throttled") == (tried["result"], tried["do"])


def test_who_was_refused_at_rcpt_is_not_forgotten() -> None:
    """The others were delivered, and yet it is no success."""
    found = judged(view(DELIVERED), 2, {})

    assert "refused" == found["result"]
    assert "2 recipients were refused at RCPT" in found["text"]


def test_a_leg_has_milliseconds() -> None:
    """For people and programs alike."""
    assert {
        "name": "LAN leg",
        "where": "w",
        "lines": [{"at_ms": 12.3, "side": "client", "text": "QUIT"}],
    } == leg("LAN leg", "w", [Entry(0.0123, "client", "QUIT")])
