"""Ear: who listens to what a line says and hears, for the transcript of an attempt.

No secret and no content reaches an ear: of both it is told the number of octets only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from relay365.mail.envelope import SpoolId


class Ear(Protocol):
    """One attempt, as it is heard. Calls come from the event loop and must not block."""

    def note(self, text: str) -> None:
        """Something happened that is no octets: a connection, a handshake, a warm line, the end."""
        ...

    def said(self, octets: bytes) -> None:
        """Commands were written."""
        ...

    def heard(self, octets: bytes) -> None:
        """Replies came; those to a sign-in with every form of the secret cut out."""
        ...

    def secret(self, n_octets: int) -> None:
        """So many octets of a sign-in were written."""
        ...

    def content(self, n_octets: int) -> None:
        """So many octets of the content were written, stuffed or in chunks."""
        ...

    def ended(self) -> None:
        """The attempt is over; called exactly once."""
        ...


Ears = Callable[[SpoolId], Ear]
"""Who listens to the attempts of a message."""


class Deaf:
    """Nobody listens."""

    def note(self, text: str) -> None:
        """See Ear."""

    def said(self, octets: bytes) -> None:
        """See Ear."""

    def heard(self, octets: bytes) -> None:
        """See Ear."""

    def secret(self, n_octets: int) -> None:
        """See Ear."""

    def content(self, n_octets: int) -> None:
        """See Ear."""

    def ended(self) -> None:
        """See Ear."""


DEAF = Deaf()


def nobody(_: SpoolId) -> Ear:
    """See Ears: no attempt is listened to."""
    return DEAF
