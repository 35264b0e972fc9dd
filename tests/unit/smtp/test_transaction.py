"""What a session remembers is thrown away as a whole."""

from __future__ import annotations

from relay365.smtp.events import ContentEnded
from relay365.smtp.states import NEXT
from relay365.smtp.transaction import VERB_OF, Counts, Transaction


def test_a_new_transaction_knows_nothing() -> None:
    """Two transactions share nothing, not even a decoder in mid-content."""
    first, second = Transaction(), Transaction()
    first.decoder.feed(b"half\r\n")
    first.pending, first.n_recipients = ContentEnded(1), 3

    assert (b"x\r\n", b"") == second.decoder.feed(b"x\r\n.\r\n")
    assert (None, 0, None, False) == (second.pending, second.n_recipients, second.exchange, second.oversized)


def test_counts_begin_at_nothing() -> None:
    """Lines, commands, errors, refused logins."""
    counts = Counts()

    assert [0, 0, 0, 0] == [counts.lines, counts.commands, counts.errors, counts.refused_logins]


def test_every_answered_event_moves_by_a_row_of_the_table() -> None:
    """The verb of each event has at least one move."""
    assert set() == set(VERB_OF.values()) - {verb for _, verb in NEXT}
