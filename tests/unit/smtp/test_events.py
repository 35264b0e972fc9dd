"""Events are values that may be logged."""

from __future__ import annotations

from relay365.smtp.events import AuthGiven, ContentBlock


def test_neither_secrets_nor_contents_are_in_a_repr() -> None:
    """A log line of an event gives away nothing."""
    assert "hunter2" not in repr(AuthGiven("PLAIN", "user", "hunter2"))
    assert "private" not in repr(ContentBlock(b"private"))


def test_the_identity_is_in_the_repr() -> None:
    """A log line of an event is still of use."""
    assert "user" in repr(AuthGiven("PLAIN", "user", "hunter2"))
