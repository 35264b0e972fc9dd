"""The house side of a session: what is offered, the out-box, the events, and the patience with a peer that errs.

Apart from the machine, which knows what may be said when and reads it; here is only how it speaks and when it has
had enough. (RFC 5321 4.3.2: 421 at any time)
"""

from __future__ import annotations

from collections import Counter, deque

from relay365.mail.refusals import entering, speaking
from relay365.mail.status import Reply
from relay365.smtp.events import Event, SessionEnded, Signal
from relay365.smtp.framing import LineBuffer
from relay365.smtp.offers import Limits, Offers
from relay365.smtp.states import Phase
from relay365.smtp.transaction import Transaction


class Counts:
    """What a session has done. errors and commands begin again with each accepted message; the others never.

    tolerated: name of a tolerance -> how often it was needed.
    """

    __slots__ = ("commands", "errors", "lines", "refused_logins", "tolerated")

    def __init__(self) -> None:
        self.lines = 0
        self.commands = 0
        self.errors = 0
        self.refused_logins = 0
        self.tolerated: Counter[str] = Counter()


class Dialogue:
    """What a ServerSession says and how it ends; its phase and its counts."""

    def __init__(self, offers: Offers, limits: Limits, peer: str) -> None:
        self.phase = Phase.FRESH
        self.counts = Counts()
        self._offers, self._limits, self._peer = offers, limits, peer
        self._in = LineBuffer()
        self._out: list[bytes] = []
        self._events: deque[Event | Signal] = deque()
        self._state = Transaction()

    def octets_to_send(self) -> bytes:
        """Everything to write now, own replies and yours in order; the out-box is empty afterwards."""
        if not self._out:
            return b""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    def grant(self, offers: Offers) -> None:
        """From now on these offers hold: the host knows better who the peer is."""
        self._offers = offers

    def refuse(self, reply: Reply) -> None:
        """Say a last reply (421, 554) and end the session; whatever was pending is dropped."""
        if self.phase is not Phase.ENDED:
            self._say(reply)
            self._end(str(reply))

    def _ask(self, event: Event) -> None:
        self._state.pending = event
        self._events.append(event)

    def _forgives(self, name: str) -> bool:
        """Whether this deviation is taken; then it is counted."""
        if name not in self._offers.tolerances:
            return False
        self.counts.tolerated[name] += 1
        return True

    def _count(self, tolerances: tuple[str, ...]) -> None:
        if tolerances:  # nearly nobody needs any, and a Counter is slow to find that out
            self.counts.tolerated.update(tolerances)

    def _say_banner(self) -> None:
        self._say(Reply.of(220, "", self._phrase(self._offers.phrases.banner)))

    def _say(self, reply: Reply) -> None:
        self._out.append((reply if self._offers.marks else reply.unmarked).encode())

    def _fault_reply(self, reply: Reply) -> None:
        self._say(reply)
        self._count_error()

    def _count_error(self) -> None:
        self.counts.errors += 1
        if self.counts.refused_logins >= self._limits.login_failures:
            self.refuse(entering.TOO_MANY_LOGINS.said())
        elif self.counts.errors > self._limits.errors:
            self.refuse(speaking.TOO_MANY_ERRORS.said())

    def _end(self, reason: str) -> None:
        if self.phase is not Phase.ENDED:
            self.phase, self._state.pending = Phase.ENDED, None
            self._in.forget()
            self._events.append(SessionEnded(reason))

    def _phrase(self, template: str) -> str:
        return self._offers.phrase(template, self._peer)
