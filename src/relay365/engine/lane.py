"""A lane: one budget of concurrency and rate, and the health of the way behind it. Decides, never acts.

Four things close a lane: its window of messages is full (rules.throttle), a gate that the remote asked for, a breaker
that grows while the remote cannot be reached, and a hold that only a person can heal; under a hold one message a
minute goes out as a probe, and the first success opens the lane again. All instants here are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Route
from relay365.rules.throttle import Slot, SlidingLog
from relay365.spool.api import Claim

PROBE_S = 60.0  # a held route is probed at most once a minute
BREAKER_S = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # pauses while the remote cannot be reached
GATE_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # pauses for throttles that name no time
STOP_SENDER_S = 900.0
STOP_SENDER_AFTER = 2  # equal refusals; Microsoft's penalty box shuts the whole mailbox after some (5.2.252)
GUARD_S = 1.0  # the remote's clock reads later than ours by at most this


class Lane:
    """The state of one lane. The scheduler asks `room`, takes with `start`, and reports with `finish`."""

    def __init__(self, route: Route) -> None:
        limits = route.limits
        self.route = route
        self.name = route.lane
        self.ready: deque[Claim] = deque()
        self.n_in_flight = 0
        self.held: Outcome | None = None
        self.gate_until = 0.0
        self.gate_reason: Outcome | None = None
        self.next_due_at = 0.0  # wall clock; 0 means look now
        self._cap = limits.connections
        self._cap_now = limits.connections
        self._log = SlidingLog(limits.messages, limits.window_s, GUARD_S) if limits.messages else None
        self._n_failures = 0
        self._n_throttles = 0
        self._refusals: dict[str, tuple[int, float]] = {}

    def __repr__(self) -> str:
        held = f" held by {self.held.row or self.held.reply_text[:40]!r}" if self.held else ""
        return f"<Lane {self.name} {self.n_in_flight}/{self._cap_now} ready={len(self.ready)}{held}>"

    # -- may we? ------------------------------------------------------------------------------------------------------

    def room(self, now: float) -> int:
        """How many more messages may start now."""
        if now < self.gate_until:
            return 0
        most = 1 if self.held is not None else self._cap_now
        room = max(0, most - self.n_in_flight)
        if self._log is not None and room:
            room = min(room, self._log.n_free(now))
        return room

    def opens_at(self, now: float) -> float | None:
        """When room() may become more without anything being finished; None when only that helps."""
        if now < self.gate_until:
            return self.gate_until
        if self._log is not None and not self._log.n_free(now):
            return self._log.next_free_at(now)
        return None

    def stopped_sender(self, sender: str, now: float) -> bool:
        """Whether this sender was refused so often that another try would endanger the mailbox."""
        n_refused, until = self._refusals.get(sender, (0, 0.0))
        return n_refused >= STOP_SENDER_AFTER and now < until

    # -- one message ----------------------------------------------------------------------------------------------------

    def start(self, now: float) -> Slot | None:
        """Take what one message needs; room() said that it is there."""
        self.n_in_flight += 1
        return self._log.try_take(now) if self._log is not None else None

    def finish(
        self, slot: Slot | None, sender: str, outcomes: Sequence[Outcome], now: float, dice: float
    ) -> bool:
        """Give back, and learn from the outcomes; True when held, gate or health changed and should be noted."""
        self.n_in_flight -= 1
        self._give_back(slot, outcomes, now)
        before = (self.held, self.gate_reason)
        worst = _worst(outcomes)
        if worst is None:
            self._healthy()
        else:
            self._learn(worst, sender, now, dice)
        return (self.held, self.gate_reason) != before

    def _give_back(self, slot: Slot | None, outcomes: Sequence[Outcome], now: float) -> None:
        if self._log is None or slot is None:
            return
        if any(outcome.kind in (Kind.DELIVERED, Kind.UNCERTAIN) for outcome in outcomes):
            self._log.complete(slot, now)
        else:  # a refused try must not eat our own minute
            self._log.release(slot)

    def _healthy(self) -> None:
        self.held = self.gate_reason = None
        self._n_failures = self._n_throttles = 0
        self._cap_now = min(self._cap, self._cap_now * 2)

    def _learn(self, worst: Outcome, sender: str, now: float, dice: float) -> None:
        match worst.klass:
            case Class.CONFIGURATION:
                self.held = worst
                self.gate_until = max(self.gate_until, now + PROBE_S)
            case Class.RATE_LIMIT:
                self._throttled(worst, now, dice)
            case Class.SENDER:
                n_refused, _ = self._refusals.get(sender, (0, 0.0))
                if len(self._refusals) > 10_000:
                    self._refusals.clear()
                self._refusals[sender] = (n_refused + 1, now + STOP_SENDER_S)
            case Class.TRANSIENT if worst.scope is not Scope.RECIPIENT:
                self._failed(worst, now, dice)
            case _:
                self._healthy()  # it refused one message in good order: the way is well

    def _throttled(self, worst: Outcome, now: float, dice: float) -> None:
        self.gate_reason = worst
        step_s = GATE_S[min(self._n_throttles, len(GATE_S) - 1)]
        wait_s = worst.retry_after_s if worst.retry_after_s is not None else step_s
        wait_s = min(max(wait_s, 1.0), 86_400.0) * (1.0 + dice / 10)
        self._n_throttles += 1
        self.gate_until = max(self.gate_until, now + wait_s)
        if worst.status is not None and str(worst.status) == "4.3.2":
            self._cap_now = max(1, min(self._cap_now, self.n_in_flight))

    def _failed(self, worst: Outcome, now: float, dice: float) -> None:
        """The remote is unwell: after it comes back, start with one connection (no thundering herd)."""
        self._n_failures += 1
        if worst.scope is Scope.MESSAGE and self._n_failures < 3:
            return
        step_s = BREAKER_S[min(self._n_failures - 1, len(BREAKER_S) - 1)]
        self._cap_now = 1
        self.gate_until = max(self.gate_until, now + step_s * (0.8 + 0.4 * dice))


_RANK = {
    Class.CONFIGURATION: 4,
    Class.RATE_LIMIT: 3,
    Class.SENDER: 2,
    Class.TRANSIENT: 1,
    Class.MESSAGE: 0,
    None: -1,
}


def _worst(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The outcome that concerns most beyond its recipient; None when the remote took something and nothing is wrong."""
    worst = max(outcomes, key=lambda outcome: _RANK[outcome.klass])
    return worst if worst.klass is not None else None
