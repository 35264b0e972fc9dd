"""Where a line leads, how it signs in, and why there may be none: the words that routes, pool and line share."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Protocol

from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import Reply
from relay365.smtp.client import ClientSession, Step


@dataclass(frozen=True, slots=True)
class Remote:
    """One host. tls: "required", "opportunistic", "none" or "implicit"; context is needed unless "none".

    host is the name that its certificate must have. source: see net.stream.connect.
    """

    host: str
    port: int
    helo: str
    tls: str
    context: ssl.SSLContext | None = None
    source: str = ""

    async def find(self) -> Remote:
        """See Destination: it is where it is."""
        return self

    def missed(self) -> None:
        """See Destination."""


class Destination(Protocol):
    """Where a route leads: one remote, or one that must be looked up."""

    async def find(self) -> Remote:
        """The remote as it is known now; raises CannotOpen, TransportError or TokenRefused where nobody knows it."""
        ...

    def missed(self) -> None:
        """It could not be reached or is not who it should be: perhaps it has moved."""
        ...


class SignIn(Protocol):
    """How a line authenticates."""

    async def begin(self, machine: ClientSession) -> None:
        """Queue the AUTH command; raises CannotOpen, TokenRefused or TransportError(phase="auth")."""
        ...

    def refused(self) -> None:
        """The remote said no: forget what was cached."""
        ...


class StepRefused(Exception):
    """The remote refused a step on the way to a usable line."""

    def __init__(self, step: Step, reply: Reply) -> None:
        self.step, self.reply = step, reply
        super().__init__(f"{step.value}: {reply}")


class CannotOpen(Exception):
    """There can be no line that this route may use; outcome: what that makes of every recipient."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(f"{outcome.row}: {outcome.reply_text}")


def held(row: str, text: str) -> CannotOpen:
    """Only a person can heal it: the route keeps its mail, and nothing was sent."""
    outcome = Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION, None, text, row=row, offered=False)
    return CannotOpen(outcome)
