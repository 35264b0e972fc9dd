"""How long a session may stand still; instants in, seconds out."""

from __future__ import annotations

from relay365.engine.patience import LINGER_S, SEEMS_OVER_S, Patience
from relay365.smtp.offers import Limits

LIMITS = Limits(command_s=300.0, content_s=200.0, content_octets_per_s=500.0)


def test_a_command_has_five_minutes() -> None:
    """RFC 5321 4.5.3.2.7: from the last whole line, whatever single octets came since."""
    patience = Patience(LIMITS, 1000.0)
    patience.lines_read(0, 1100.0)

    assert 200.0 == patience.left_s(1100.0)
    patience.lines_read(1, 1100.0)
    assert 300.0 == patience.left_s(1100.0)
    patience.lines_read(1, 1399.0)
    assert 1.0 == patience.left_s(1399.0)


def test_content_may_pause_for_its_own_time() -> None:
    """A fast content may stand still for content_s after its last octet."""
    patience = Patience(LIMITS, 0.0)
    patience.content_begins(10.0)
    assert 200.0 == patience.left_s(10.0)
    patience.content_came(1_000_000, 20.0)

    assert 200.0 == patience.left_s(20.0)
    assert -1.0 == patience.left_s(221.0)


def test_content_must_keep_its_rate() -> None:
    """An octet now and then wins nothing: content_s is all that it has, plus what its octets earned."""
    patience = Patience(LIMITS, 0.0)
    patience.content_begins(0.0)
    patience.content_came(1, 150.0)

    assert 50.0 == round(patience.left_s(150.0))
    patience.content_came(50_000, 180.0)
    assert 120.0 == round(patience.left_s(180.0))


def test_our_own_time_is_not_the_peers() -> None:
    """While we commit or a disk catches up, neither deadline comes nearer."""
    patience = Patience(LIMITS, 0.0)
    patience.content_begins(0.0)
    patience.content_came(1, 100.0)
    patience.we_worked(100.0, 5000.0)

    assert 100.0 == round(patience.left_s(5000.0))
    patience.content_ends(5000.0)
    assert 300.0 == patience.left_s(5000.0)


def test_the_last_reply_waits_a_little() -> None:
    """A peer that does not take it is cut."""
    patience = Patience(LIMITS, 0.0)
    patience.ends(50.0)

    assert LINGER_S == patience.left_s(50.0)


def test_a_content_that_seems_over_has_a_short_time() -> None:
    """Until more of it comes; never longer than it would have had anyway."""
    patience = Patience(LIMITS, 0.0)
    patience.content_begins(0.0)
    patience.content_seems_over(5.0)
    assert SEEMS_OVER_S == patience.left_s(5.0)
    patience.content_came(1, 15.0)
    assert 185.0 == round(patience.left_s(15.0))
    patience.content_seems_over(190.0)

    assert 10.0 == round(patience.left_s(190.0))
