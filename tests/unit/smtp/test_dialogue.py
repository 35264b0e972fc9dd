"""How a session speaks, counts and ends, whatever is read."""

from __future__ import annotations

from relay365.mail.status import Reply
from relay365.smtp.dialogue import Counts, Dialogue
from relay365.smtp.events import SessionEnded
from relay365.smtp.offers import Limits, Offers
from relay365.smtp.states import Phase


def test_counts_begin_at_nothing() -> None:
    """Lines, commands, errors, refused logins, tolerances."""
    counts = Counts()

    assert [0, 0, 0, 0, {}] == [
        counts.lines, counts.commands, counts.errors, counts.refused_logins, counts.tolerated,
    ]  # fmt: skip


def test_a_refusal_is_the_last_word() -> None:
    """It is said once, the session has ended, and the out-box is empty when it was taken."""
    dialogue = Dialogue(Offers("relay.test"), Limits(), "[192.0.2.1]")
    dialogue.refuse(Reply.of(421, "4.3.2", "Bye"))
    dialogue.refuse(Reply.of(421, "4.3.2", "Again"))

    assert (b"421 4.3.2 Bye\r\n", b"") == (dialogue.octets_to_send(), dialogue.octets_to_send())
    assert (Phase.ENDED, [SessionEnded("421 4.3.2 Bye")]) == (dialogue.phase, list(dialogue._events))
