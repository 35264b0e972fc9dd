"""Who goes next: the orders in which a queue can be emptied, each a small class.

(M. Shreedhar, G. Varghese, "Efficient fair queuing using deficit round robin", 1995: with messages that cost the same,
round robin over clients is the same thing)
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Protocol

from bench.quota.demand import LANES, Forecast, Message

SAFETY = 1.15  # how much more than the forecast is kept for the upper lanes
KEPT_OF_MINUTE = 3
RESERVE_LOOK_S = 60.0
MINUTE_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Room:
    """What a mailbox has places for now: messages of the minute, recipients of the day."""

    minute: int
    day: int


class Order(Protocol):
    """A queue."""

    def put(self, message: Message) -> None:
        """One more, behind its like."""
        ...

    def put_back(self, message: Message) -> None:
        """It was not taken: in front of its like."""
        ...

    def take(self, room: Room, now: float) -> Message | float | None:
        """Take out what goes next; or the instant at which to look again; None where nothing waits."""
        ...


class Fifo:
    """First come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()

    def put(self, message: Message) -> None:
        """See Order."""
        self._waiting.append(message)

    def put_back(self, message: Message) -> None:
        """See Order."""
        self._waiting.appendleft(message)

    def take(self, room: Room, now: float) -> Message | float | None:
        """See Order."""
        return self._waiting.popleft() if self._waiting else None


class RoundRobin:
    """One message of each client in turn."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[Message]] = OrderedDict()

    def put(self, message: Message) -> None:
        """See Order."""
        self._clients.setdefault(message.client, deque()).append(message)

    def put_back(self, message: Message) -> None:
        """See Order."""
        self._clients.setdefault(message.client, deque()).appendleft(message)
        self._clients.move_to_end(message.client, last=False)

    def take(self, room: Room, now: float) -> Message | float | None:
        """See Order."""
        if not self._clients:
            return None
        client, waiting = next(iter(self._clients.items()))
        message = waiting.popleft()
        if waiting:
            self._clients.move_to_end(client)
        else:
            del self._clients[client]
        return message


class Strict:
    """The uppermost lane that has something; round robin over clients within it."""

    def __init__(self) -> None:
        self._lanes = {lane: RoundRobin() for lane in LANES}

    def put(self, message: Message) -> None:
        """See Order."""
        self._lanes[message.lane].put(message)

    def put_back(self, message: Message) -> None:
        """See Order."""
        self._lanes[message.lane].put_back(message)

    def take(self, room: Room, now: float) -> Message | float | None:
        """See Order."""
        for name, lane in self._lanes.items():
            look_at = self._barred(name, room, now)
            if look_at is not None:
                return look_at
            message = lane.take(room, now)
            if message is not None:
                return message
        return None

    def _barred(self, lane: str, room: Room, now: float) -> float | None:
        """When to look again, where this lane may not start; it is asked only when all above it is empty."""
        return None


class Reserved(Strict):
    """Strict, but bulk leaves of the day what the upper lanes are expected to want yet, and more for safety.

    kept_of_minute: so many places of every minute bulk leaves, too.
    """

    def __init__(self, forecast: Forecast, kept_of_minute: int = 0) -> None:
        super().__init__()
        self._forecast = forecast
        self._kept = kept_of_minute

    def _barred(self, lane: str, room: Room, now: float) -> float | None:
        if lane != "bulk":
            return None
        if room.day <= SAFETY * self._forecast(now):
            return now + RESERVE_LOOK_S
        return now + MINUTE_LOOK_S if room.minute <= self._kept else None
