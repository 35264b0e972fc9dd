"""The ledger: what devices were promised, what the next hop got, and what follows. The one judge of every harness."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


def mail(name: str, size: int) -> bytes:
    """A message of about a size that no other resembles: CRLF lines, with dots to stuff."""
    line = hashlib.sha256(name.encode()).hexdigest().encode() + b"\r\n"
    head = f"Message-ID: <{name}@device.test>\r\nSubject: {name}\r\n\r\n.dot\r\n..two\r\n".encode()
    return head + line * max(1, (size - len(head)) // len(line))


@dataclass
class Ledger:
    """What was sent, and how each was answered. A message counts as accepted when its 250 was read.

    hashes: of all that was sent. refused: name -> reply. unanswered: sent, and the connection broke.
    """

    hashes: dict[str, str] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    slowest_answer_s: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def sending(self, name: str, content: bytes) -> None:
        """A message is about to be sent."""
        digest = hashlib.sha256(content).hexdigest()
        with self._changed:
            self.hashes[name] = digest
            self.unanswered.add(name)

    def answered(self, name: str, reply: str, seconds: float) -> None:
        """The last reply to a message was read, so long after it was asked for."""
        with self._changed:
            self.unanswered.discard(name)
            self.slowest_answer_s = max(self.slowest_answer_s, seconds)
            if reply.startswith("250"):
                self.accepted.add(name)
            else:
                self.refused[name] = reply
            self._changed.notify_all()

    def wait_for(self, n_accepted: int, deadline_s: float) -> bool:
        """Wait until so many are accepted in all; False when the deadline came first."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.accepted) >= n_accepted, deadline_s)


@dataclass(frozen=True)
class Verdict:
    """What became of the promises. duplicates: arrivals too many; unexplained: those that no claim explains."""

    lost: frozenset[str]
    damaged: frozenset[str]
    n_duplicates: int
    unexplained: frozenset[str]


def judge(ledger: Ledger, arrivals: Iterable[tuple[str, str]], allowed: Counter[str]) -> Verdict:
    """Compare promise and delivery.

    allowed: how often a message may come once more, because it was on its way at a death of the relay.
    """
    n_arrived: Counter[str] = Counter()
    damaged = set()
    for name, digest in arrivals:
        n_arrived[name] += 1
        if ledger.hashes.get(name) != digest:
            damaged.add(name)
    too_many = {name: n - 1 for name, n in n_arrived.items() if n > 1}
    return Verdict(
        frozenset(ledger.accepted) - set(n_arrived),
        frozenset(damaged),
        sum(too_many.values()),
        frozenset(name for name, n in too_many.items() if n > allowed[name]),
    )
