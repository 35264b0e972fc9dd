"""The policies that are compared: each decides what starts next, and learns only what a client can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bench.quota.demand import Message
from bench.quota.server import Verdict


@dataclass(frozen=True, slots=True)
class Start:
    """A message that starts now, through one of the mailboxes that may send it."""

    message: Message
    mailbox: int


class Policy(Protocol):
    """A scheduler. All instants are seconds since the simulation began."""

    def offer(self, message: Message, now: float) -> None:
        """A message has arrived."""
        ...

    def next(self, now: float) -> Start | float | None:
        """What starts now; or the later instant at which to ask again; None: only arrivals and answers change it."""
        ...

    def started(self, start: Start, now: float) -> None:
        """It is on its way; called once, at once, for every Start that next() gave."""
        ...

    def finished(self, start: Start, verdict: Verdict, now: float) -> None:
        """Its answer is there. What was not taken stays the policy's, and is tried again."""
        ...
