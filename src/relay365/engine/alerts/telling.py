"""Telling: an alert as a value, and in the words that every channel uses; and what a channel promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from relay365.engine.alerts.causes import spoken
from relay365.engine.alerts.ledger import AGAIN, HEALED, Due
from relay365.errors import Relay365Error

TEST, DIGEST = "test", "digest"
INFO = "info"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to people. state: alert, again, healed, test or digest; relay: our host's name.

    what, why and do: the three lines; text: of a digest, several lines; lane: the way that it is about, or "".
    """

    state: str
    key: str
    severity: str
    relay: str
    what: str
    why: str
    do: str
    since_at: float
    at: float
    lane: str = ""
    text: str = ""

    @property
    def title(self) -> str:
        """One line, for subjects and cards."""
        words = {AGAIN: "still: ", HEALED: "healed: "}.get(self.state, "")
        return f"relay365 {self.relay}: {words}{self.what}"

    @property
    def lines(self) -> list[str]:
        """The body, line by line."""
        if self.text:
            return self.text.splitlines()
        since = f"since {instant(self.since_at)}, {spoken(self.at - self.since_at)}"
        if self.state == HEALED:
            return [f"what: healed: {self.what}", f"when: {since}", "do:   nothing"]
        return [f"what: {self.what}", f"why:  {self.why}", f"do:   {self.do}", f"when: {since}"]


class ChannelFailed(Relay365Error):
    """A channel has not taken a message; its text says why."""


class Channel(Protocol):
    """One way to people. name: unique in the file, `webhook`, `teams-2`."""

    name: str

    async def tell(self, message: Message) -> None:
        """Hand it over; raises ChannelFailed. Returns within half a minute."""
        ...


def message_of(due: Due, relay: str, now: float) -> Message:
    """What a channel is told of a cause."""
    cause = due.entry.cause
    severity = INFO if due.state == HEALED else cause.severity
    return Message(
        due.state, cause.key, severity, relay, cause.what, cause.why, cause.do, due.entry.since_at, now, cause.lane
    )  # fmt: skip


def trial_message(relay: str, now: float) -> Message:
    """What `relay365 alerts test` sends."""
    return Message(
        TEST, "test", INFO, relay, "this is a test", "somebody ran relay365 alerts test", "nothing", now, now
    )


def instant(at: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
