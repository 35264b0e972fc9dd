"""Message trace: what the tenant says became of each recipient of each message that it accepted.

A row settles by the clock alone: it is pending until its time has come, and whoever reads it asks with the time of
now; so nothing runs in the background. A message that was refused in its session is in no trace, as at Microsoft.
(Microsoft Graph: exchangeMessageTrace; "Continuous error throttling for SMTP AUTH submissions")
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_ROWS = 200_000

Fate = Literal["delivered", "failed", "expanded", "quarantined", "filteredAsSpam"]


@dataclass(frozen=True, slots=True)
class Trace:
    """One recipient of one message. id is the same for all recipients of a message; times in Unix seconds.

    message_id has its angle brackets. fate is what it will be; detail is the diagnostic of a failure.
    """

    id: str
    message_id: str
    sender: str
    recipient: str
    subject: str
    size_octets: int
    from_ip: str
    to_ip: str
    received_at: float
    settles_at: float
    fate: Fate
    detail: str = ""

    def status(self, now: float) -> str:
        """The status as exchangeMessageTrace spells it."""
        return "pending" if now < self.settles_at else self.fate


class Traces:
    """The rows, oldest first; of too many the oldest are forgotten."""

    def __init__(self) -> None:
        self._rows: deque[Trace] = deque(maxlen=MOST_ROWS)

    def add(self, row: Trace) -> None:
        """One more."""
        self._rows.append(row)

    def __iter__(self) -> Iterator[Trace]:
        return iter(list(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    def clear(self) -> None:
        """Forget all."""
        self._rows.clear()
