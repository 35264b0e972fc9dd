"""What a session remembers of one transaction or one AUTH exchange, its content above all.

Apart from the machine because these values are thrown away and made anew as a whole: nothing of one transaction can
leak into the next. (RFC 5321 4.1.1.5: RSET discards all buffers; 4.1.1.4, 2.3.8; RFC 1870 6)
"""

from __future__ import annotations

from relay365.mail.refusals import keeping
from relay365.mail.status import Reply
from relay365.smtp.events import (
    AuthGiven,
    AuthMalformed,
    ContentEnded,
    DataAsked,
    Event,
    MailGiven,
    RcptGiven,
    XclientGiven,
)
from relay365.smtp.framing import ContentDecoder
from relay365.smtp.offers import Offers
from relay365.smtp.sasl import ServerExchange

VERB_OF: dict[type, str] = {  # which row of states.NEXT the answer to an event moves by
    MailGiven: "MAIL",
    RcptGiven: "RCPT",
    DataAsked: "DATA",
    ContentEnded: ".",
    AuthGiven: "AUTH",
    AuthMalformed: "AUTH",
    XclientGiven: "XCLIENT",
}


class ContentReader:
    """One content. refusal is what to answer at the final dot, known as soon as it is sure; None: nothing is wrong."""

    def __init__(self, offers: Offers) -> None:
        self.size_octets = 0
        self.refusal: Reply | None = None
        self._limit, self._offers = offers.size_octets, offers
        self._tolerances = offers.tolerances
        self._decoder = ContentDecoder(
            unstuffs="no_dot_unstuff" not in offers.tolerances,
            bare_lf_ends="bare_lf_ends_data" in offers.tolerances,
        )

    @property
    def is_endless(self) -> bool:
        """Whether it has grown so far over the limit that nobody need wait for its end."""
        return self.size_octets > 2 * self._limit

    @property
    def looks_ended(self) -> bool:
        """Whether the peer may believe that it has said the final dot; see ContentDecoder."""
        return self._decoder.looks_ended

    @property
    def repairs(self) -> int:
        """How many lone CR and LF were normalised, and how many NUL octets passed."""
        return self._decoder.repairs

    @property
    def tolerated(self) -> tuple[str, ...]:
        """The tolerances that were needed; no_dot_unstuff cannot be seen."""
        decoder = self._decoder
        if not (decoder.n_line_ends or decoder.n_nuls or decoder.ended_bare):
            return ()
        needed = {
            "bare_line_ends": decoder.n_line_ends,
            "nul_octets": decoder.n_nuls,
            "bare_lf_ends_data": decoder.ended_bare,
        }
        return tuple(name for name, n in needed.items() if n)

    def read(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """Give (content block, rest) as ContentDecoder.feed; the block is empty once the content is refused."""
        block, rest = self._decoder.feed(octets)
        self.size_octets += len(block)
        if self.refusal is None and (self.size_octets > self._limit or self._decoder.repairs):
            self.refusal = self._judge()
        return (b"" if self.refusal is not None else block), rest

    def _judge(self) -> Reply | None:
        if self.size_octets > self._limit:
            return self._offers.too_large()
        if self._decoder.n_line_ends and not self._tolerances & {"bare_line_ends", "bare_lf_ends_data"}:
            return keeping.BARE_LINE_ENDS.said()
        if self._decoder.n_nuls and "nul_octets" not in self._tolerances:
            return keeping.NUL_OCTETS.said()
        return None


class Transaction:
    """What one transaction collects; pending is the event that waits for its answer.

    is_list: the recipient that waits is one of several that came in one RCPT and get one answer; listed: those to come.
    """

    __slots__ = ("content", "exchange", "is_list", "listed", "n_recipients", "pending", "smtputf8")

    def __init__(self) -> None:
        self.content: ContentReader | None = None
        self.is_list = False
        self.listed: list[RcptGiven] = []
        self.exchange: ServerExchange | None = None
        self.pending: Event | None = None
        self.n_recipients = 0
        self.smtputf8 = False
