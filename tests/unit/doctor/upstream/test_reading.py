"""Replies and refusals as findings."""

from __future__ import annotations

from relay365.doctor.finding import State
from relay365.doctor.upstream.reading import of_outcome, of_reply, of_token, row_of
from relay365.errors import TokenRefused
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.mail.status import Reply


def test_a_refusal_that_the_catalogue_knows() -> None:
    """Its title and first cause, its first cure, and where there are more."""
    said = Reply.of(535, "5.7.3", "Authentication unsuccessful")
    finding = of_reply("the login is refused", said, "auth", "submission")

    assert (State.BAD, "535 5.7.3 Authentication unsuccessful") == (finding.state, finding.said)
    assert finding.why.startswith("Microsoft refused the sign-in: ")
    assert finding.do.endswith("more: relay365 explain auth-refused")


def test_what_passes_by_itself_is_unknown() -> None:
    """Busy is not broken."""
    assert State.UNKNOWN is of_reply("x", Reply.of(421, "4.3.2", "busy"), "connect", "submission").state


def test_a_text_that_nobody_knows_is_told_as_it_came() -> None:
    """The command to ask has the words."""
    finding = of_reply("x", Reply.of(577, "5.9.9", "zork"), "auth", "submission")

    assert State.BAD is finding.state
    assert "relay365 explain '577 5.9.9 zork'" == finding.do


def test_a_refused_token() -> None:
    """By its number; a service that is unwell is unknown."""
    secret = TokenRefused("invalid_client", 7000222, "AADSTS7000222: expired", temporary=False)
    unwell = TokenRefused("temporarily_unavailable", 90033, "AADSTS90033: transient", temporary=True)

    assert State.BAD is of_token("no token", secret, "submission").state
    assert State.UNKNOWN is of_token("no token", unwell, "submission").state


def test_rows_by_name() -> None:
    """None for none."""
    assert row_of("") is None and row_of("no-such-row") is None
    assert row_of("auth-refused") is not None
    outcome = Outcome(Kind.DEFERRED, klass=Class.CONFIGURATION, row="no-such-row")
    assert "no row" in of_outcome("x", outcome, "hve", "said").why
