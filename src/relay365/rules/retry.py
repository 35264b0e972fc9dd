"""When again, and what an outcome makes of a recipient. Pure: time and dice are parameters.

docs/outcomes.md has the table; docs/durability.md the states that the words here name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from relay365.mail.outcome import Class, Kind, Outcome, Scope

# Tries after which a fault of the way may be the message's: before, only the lane waits.
PATIENT_TRIES = 3
SOON_S = 5.0  # after a throttle or while a lane is closed: its gate decides when, the recipient only waits
POISON_TRIES = 8  # so often a message may break the way while other mail passes; then it waits for a person
POISON_ROWS = frozenset({"route-fault", "connection-broken", "no-answer-after-dot"})
LONGEST_WISH_S = 86_400.0  # Microsoft's longest window; a remote that asks for more is not believed


@dataclass(frozen=True, slots=True)
class Policy:
    """Pauses between attempts in seconds, the last one repeats; jitter is a fraction to either side.

    Precedents: Postfix 300 s doubling to 4,000 s; Exchange 1, 1, 1, 2, 2, 2 then 10 minutes (transient), 30 s glitches.
    """

    schedule_s: tuple[float, ...] = (60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0)
    jitter: float = 0.2

    def at_most(self, pause_s: float) -> Policy:
        """The same with no pause longer than this."""
        if pause_s == float("inf"):
            return self
        return replace(self, schedule_s=tuple(min(one, pause_s) for one in self.schedule_s))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a recipient becomes: state is "delivered", "queued", "failed" or "held"; the rest as in spool.api.Fate."""

    state: str
    next_attempt_at: float = 0.0
    counted: bool = True
    possible_duplicate: bool = False


def next_attempt(attempts: int, now: float, dice: float, policy: Policy) -> float:
    """The instant of the next attempt after `attempts` earlier ones; dice in [0, 1) spreads a crowd."""
    pause_s = policy.schedule_s[min(attempts, len(policy.schedule_s) - 1)]
    return now + pause_s * (1.0 - policy.jitter + 2.0 * policy.jitter * dice)


def decide(  # noqa: PLR0911 - one return per row of the table in docs/outcomes.md
    outcome: Outcome, attempts: int, now: float, dice: float, policy: Policy, *, others_pass: bool = False
) -> Decision:
    """Turn one outcome into what its recipient becomes. attempts: counted ones before this.

    A throttle or a fault of our own set-up is not the message's: it stays due and the lane decides when it goes.
    A sender that may not be used is held for a person, and so is a message that breaks the way again and again while
    others_pass. Only class `message` with kind FAILED ends in failure.
    """
    if outcome.kind is Kind.DELIVERED:
        return Decision("delivered")
    if outcome.row in POISON_ROWS and others_pass and attempts + 1 >= POISON_TRIES:
        return Decision("held", possible_duplicate=outcome.kind is Kind.UNCERTAIN)
    if outcome.kind is Kind.UNCERTAIN:
        again_at = next_attempt(attempts, now, dice, policy)
        return Decision("queued", again_at, possible_duplicate=True)
    match outcome.klass:
        case Class.RATE_LIMIT | Class.CONFIGURATION:
            return Decision("queued", now + SOON_S * dice, counted=False)
        case Class.SENDER:
            return Decision("held", counted=outcome.offered)
        case Class.MESSAGE if outcome.kind is Kind.FAILED:
            return Decision("failed")
        case _:
            again_at = _again_at(outcome, attempts, now, dice, policy)
            return Decision("queued", again_at, counted=outcome.offered)


def _again_at(outcome: Outcome, attempts: int, now: float, dice: float, policy: Policy) -> float:
    """After a temporary fault: by the schedule, not before the remote asked; soon where it was the way's fault.

    A way that is unwell is paced by its lane's breaker (421, a connection that cannot be opened).
    """
    is_ways_fault = outcome.scope in (Scope.MAILBOX, Scope.ROUTE, Scope.TENANT) and attempts < PATIENT_TRIES
    wished_s = min(outcome.retry_after_s or 0.0, LONGEST_WISH_S)
    if not outcome.offered:
        return now + max(SOON_S * dice, wished_s)
    if is_ways_fault:
        return now + SOON_S * dice
    return max(next_attempt(attempts, now, dice, policy), now + wished_s)
