"""An ear that writes down one attempt: what a road and its remote say to each other, with the time of each line.

Keeps the protocol routes.wire.ear.Ear, so that what is heard is what the relay itself says.
"""

from __future__ import annotations

from collections.abc import Callable

from relay365.doctor.wire.talk import Entry
from relay365.mail.envelope import SpoolId


class Listening:
    """The transcript of an attempt. mono: monotonic seconds."""

    def __init__(self, mono: Callable[[], float]) -> None:
        self.entries: list[Entry] = []
        self._mono, self._began = mono, mono()
        self._n_octets = 0

    def __call__(self, spool_id: SpoolId) -> Listening:
        """See routes.wire.ear.Ears: there is one message only."""
        return self

    def note(self, text: str) -> None:
        """See Ear."""
        self._add("note", text)

    def said(self, octets: bytes) -> None:
        """See Ear."""
        self._lines("client", octets)

    def heard(self, octets: bytes) -> None:
        """See Ear. What was said of the content before is summed up first."""
        self._sum_up()
        self._lines("server", octets)

    def secret(self, n_octets: int) -> None:
        """See Ear."""
        self._add("client", f"({n_octets} octets of the sign-in, hidden)")

    def content(self, n_octets: int) -> None:
        """See Ear: blocks are summed up."""
        self._n_octets += n_octets

    def ended(self) -> None:
        """See Ear."""
        self._sum_up()

    def _sum_up(self) -> None:
        if self._n_octets:
            self._add("note", f"content of {self._n_octets} octets")
            self._n_octets = 0

    def _lines(self, side: str, octets: bytes) -> None:
        for line in octets.decode("utf-8", "replace").splitlines():
            self._add(side, line)

    def _add(self, side: str, text: str) -> None:
        self.entries.append(Entry(self._mono() - self._began, side, text))
