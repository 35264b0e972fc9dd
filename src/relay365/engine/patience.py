"""Patience: how long a session may stand still, and how slowly its content may come. No clock, no timer: instants in.

Apart from the session so that every deadline can be tested in a microsecond. A deadline moves when something whole has
come, a command line or an accepted answer, never because of single octets; content must besides keep an average rate,
or a few hundred peers that send an octet now and then would hold every session there is for ever.
(RFC 5321 4.5.3.2; Postfix smtpd_per_request_deadline and smtpd_min_data_rate)
"""

from __future__ import annotations

from relay365.smtp.offers import Limits

LINGER_S = 10.0  # for a peer to take the last reply; then the connection is cut
SEEMS_OVER_S = (
    20.0  # what a small device waits for an answer (an APC card: 20 s) to an end of content that is none
)


class Patience:
    """The deadlines of one session. Instants are monotonic seconds; what the peer waits for is not its own time."""

    __slots__ = ("_ended", "_limits", "_moved_mono", "_n_lines", "_n_octets", "_over_mono", "_since_mono")

    def __init__(self, limits: Limits, now_mono: float) -> None:
        self._limits = limits
        self._moved_mono = now_mono
        self._since_mono: float | None = None  # when the content began
        self._over_mono: float | None = None  # when the content seemed to be over
        self._n_octets = 0
        self._n_lines = 0
        self._ended = False

    def left_s(self, now_mono: float) -> float:
        """Seconds until the peer must be given up; zero or less: now."""
        limits = self._limits
        if self._ended:
            until = self._moved_mono + LINGER_S
        elif self._since_mono is None:
            until = self._moved_mono + limits.command_s
        else:
            earned_s = self._n_octets / limits.content_octets_per_s
            until = min(self._moved_mono, self._since_mono + earned_s) + limits.content_s
            if self._over_mono is not None:
                until = min(until, self._over_mono + SEEMS_OVER_S)
        return until - now_mono

    def lines_read(self, n_lines: int, now_mono: float) -> None:
        """So many whole command lines have come in all."""
        if n_lines != self._n_lines:
            self._n_lines, self._moved_mono = n_lines, now_mono

    def content_begins(self, now_mono: float) -> None:
        """354 is said."""
        self._moved_mono = self._since_mono = now_mono
        self._over_mono = None
        self._n_octets = 0

    def content_came(self, n_octets: int, now_mono: float) -> None:
        """Some of the content came."""
        self._n_octets += n_octets
        self._over_mono = None
        self._moved_mono = now_mono

    def content_seems_over(self, now_mono: float) -> None:
        """What came last looks like an end to whoever takes LF for a line end, and is none."""
        self._over_mono = now_mono

    def content_ends(self, now_mono: float) -> None:
        """The final dot came."""
        self._since_mono, self._moved_mono = None, now_mono

    def we_worked(self, began_mono: float, now_mono: float) -> None:
        """The peer could do nothing since then: a commit, a login, a disk that must catch up."""
        self._moved_mono = now_mono
        if self._since_mono is not None:
            self._since_mono += now_mono - began_mono

    def ends(self, now_mono: float) -> None:
        """The last reply is written."""
        self._ended, self._moved_mono = True, now_mono
