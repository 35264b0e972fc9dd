"""Microsoft's side of a mailbox: the windows of the emulator, put together in each way that its documents can be read.

The instant at which a message is counted lies somewhere between the client's start and its completion; the client
never learns it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from relay365.emulator.window import (
    DAY_S,
    MINUTE_S,
    Backlog,
    Bucket,
    Fixed,
    Parallel,
    Sliding,
    Unforgiving,
    Window,
)

PER_MINUTE = 30
PER_DAY = 10_000
AT_ONCE = 3


class Verdict(Enum):
    """What a mailbox says to a message: its reply in the emulator's words."""

    TAKEN = "250"
    RATE = "432 4.3.2 submission rate"
    SENDERS = "432 4.3.2 concurrent connections"
    QUOTA = "554 5.2.0 submission quota"


@dataclass(frozen=True, slots=True)
class Model:
    """How a mailbox counts its minute. make(phase_s): a window; phase_s is where a clock's minute begins.

    delays: the surplus waits, with its connection, instead of being refused.
    """

    name: str
    make: Callable[[float], Window]
    delays: bool = False


MODELS = {
    model.name: model
    for model in (
        Model("sliding", lambda _: Sliding(PER_MINUTE, MINUTE_S)),
        Model("fixed", lambda phase_s: Fixed(PER_MINUTE, MINUTE_S, phase_s)),
        Model("bucket", lambda _: Bucket(PER_MINUTE, MINUTE_S)),
        Model("refused count", lambda _: Unforgiving(PER_MINUTE, MINUTE_S)),
        Model("delay", lambda _: Sliding(PER_MINUTE, MINUTE_S), delays=True),
    )
}


class Mailbox:
    """One mailbox: a minute in one of the models, three senders at once, 10,000 recipients in any 24 hours."""

    def __init__(self, model: Model, phase_s: float, per_day: int = PER_DAY) -> None:
        self._minute = model.make(phase_s)
        self._backlog = Backlog(self._minute) if model.delays else None
        self._day = Sliding(per_day, DAY_S)
        self._senders = Parallel(AT_ONCE)

    def begin(self) -> bool:
        """A content begins; False is one sender too many. end() must follow in both cases."""
        return self._senders.begin()

    def end(self) -> None:
        """The content has its answer."""
        self._senders.end()

    def count(self, now: float, n_recipients: int = 1) -> tuple[Verdict, float]:
        """Judge and count one message: (verdict, instant at which it is given)."""
        if self._day.wait_s(now, n_recipients):
            return Verdict.QUOTA, now
        at = now
        if self._backlog is not None:
            at = self._backlog.admit(now)
        elif self._minute.wait_s(now):
            self._minute.refuse(now)
            return Verdict.RATE, now
        else:
            self._minute.take(now)
        self._day.take(now, n_recipients)
        return Verdict.TAKEN, at
