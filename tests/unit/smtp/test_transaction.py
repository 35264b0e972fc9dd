"""What a session remembers is thrown away as a whole; and how a content is judged while it comes."""

from __future__ import annotations

import pytest

from relay365.mail.tolerance import DEFAULT
from relay365.smtp.events import ContentEnded
from relay365.smtp.offers import Offers
from relay365.smtp.states import NEXT
from relay365.smtp.transaction import VERB_OF, ContentReader, Transaction


def test_a_new_transaction_knows_nothing() -> None:
    """Two transactions share nothing, not even a content in mid-line."""
    first, second = Transaction(), Transaction()
    first.content = ContentReader(Offers("relay.test"))
    first.pending, first.n_recipients = ContentEnded(1), 3
    first.listed.append(...)  # type: ignore[arg-type]

    assert (None, 0, None, None, []) == (
        second.pending, second.n_recipients, second.exchange, second.content, second.listed,
    )  # fmt: skip


def test_every_answered_event_moves_by_a_row_of_the_table() -> None:
    """The verb of each event has at least one move."""
    assert set() == set(VERB_OF.values()) - {verb for _, verb in NEXT}


@pytest.mark.parametrize(
    ("octets", "name", "reply"),
    [
        (b"a\nb\r\n.\r\n", "bare_line_ends", "554 5.6.0 Content has bare CR or LF (A71)"),
        (b"a\rb\r\n.\r\n", "bare_line_ends", "554 5.6.0 Content has bare CR or LF (A71)"),
        (b"a\0b\r\n.\r\n", "nul_octets", "554 5.6.11 Content has NUL octets (A72)"),
    ],
)
def test_what_is_not_forgiven_is_refused_at_the_dot(octets: bytes, name: str, reply: str) -> None:
    """With its tolerance a repair is named; without it nothing of the content is handed out and the reason stands."""
    lenient = ContentReader(Offers("relay.test"))
    strict = ContentReader(Offers("relay.test", tolerances=DEFAULT - {name}))

    assert b"" == lenient.read(octets)[1]
    assert (None, (name,), 1) == (lenient.refusal, lenient.tolerated, lenient.repairs)
    assert (b"", b"") == strict.read(octets)
    assert reply == str(strict.refusal)


def test_whoever_may_end_at_lf_may_use_lf() -> None:
    """bare_lf_ends_data includes the bare line ends that come with it."""
    content = ContentReader(Offers("relay.test", tolerances=frozenset({"bare_lf_ends_data"})))

    assert (b"a\r\n", b"QUIT") == content.read(b"a\n.\nQUIT")
    assert (None, ("bare_line_ends", "bare_lf_ends_data")) == (content.refusal, content.tolerated)


def test_a_content_over_the_limit_is_refused_and_one_without_end_told_apart() -> None:
    """The reason stands from the first octet over the limit; twice the limit is endless."""
    content = ContentReader(Offers("relay.test", 4))
    content.read(b"abcde\r\n")

    assert ("552 5.3.4 message too big, limit 4 octets (A70)", False) == (
        str(content.refusal),
        content.is_endless,
    )
    content.read(b"abcdef\r\n")
    assert content.is_endless
