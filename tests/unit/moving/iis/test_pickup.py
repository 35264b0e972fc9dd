"""Pickup files: envelope in front, content behind."""

from __future__ import annotations

import pytest

from relay365.moving.iis.pickup import Letter, PickupError, letter_of


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_the_envelope_is_taken_off(end: str) -> None:
    """In any case and order, with or without brackets; a recipient twice is one; the content has CRLF lines."""
    text = "x-sender: a@x.org|X-Receiver: <b@x.org>|x-receiver: c@x.org; NOTIFY=NEVER|"
    text += "x-receiver: b@x.org|To: d@x.org||hi|"
    letter = letter_of(text.replace("|", end).encode())

    assert Letter("a@x.org", ("b@x.org", "c@x.org"), b"To: d@x.org\r\n\r\nhi\r\n") == letter


def test_an_empty_sender_is_one() -> None:
    """A report that waits has none."""
    assert "" == letter_of(b"x-sender: <>\nx-receiver: b@x.org\n\nhi").sender


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"From: a@x.org\nTo: b@x.org\n\nhi", b"x-sender: a@x.org\n\nhi", b"x-receiver: b@x.org\n\nhi",
        b"x-sender: a@x.org\nx-sender: b@x.org\nx-receiver: c@x.org\n\nhi",
        b"x-sender: a@x.org\nx-receiver: everybody\n\nhi",
        b"x-sender: a@x.org\nx-receiver: b@x.org\n\n",
    ],
)  # fmt: skip
def test_an_envelope_is_never_guessed(octets: bytes) -> None:
    """Without x-sender and x-receiver it is not known who was to get it, whatever To says."""
    with pytest.raises(PickupError):
        letter_of(octets)
