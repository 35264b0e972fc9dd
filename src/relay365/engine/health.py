"""What a remote's answers have taught about the way to it: gates, breaker, hold, and senders that must not be tried.

Separate from engine.lane, which spends budgets: this is what closes a lane although the budget has room. Decides,
never acts; all instants are monotonic seconds, dice are in [0, 1).
"""

from __future__ import annotations

from relay365.mail.outcome import Class, Outcome, Scope

PROBE_S = 60.0  # a held route is probed at most once a minute
BREAKER_S = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)  # pauses while the remote cannot be reached
GATE_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # pauses for throttles that name no time
LONGEST_GATE_S = 86_400.0
STOP_SENDER_S = 900.0
STOP_SENDER_AFTER = 2  # equal refusals; Microsoft's penalty box shuts the whole mailbox after some (5.2.252)
MOST_SENDERS = 10_000


class Health:
    """One lane's health. cap_now is how many messages may be on their way at once, at most `cap`.

    unwell_since: when the remote first said no to the way itself and has not taken or judged a message since its last
    gate opened; None while it is well. told: the row, or the words, of the hold that a person was told of; "" for none.
    crowded: how few of ours were on their way when the remote had too many of the mailbox, 0 for never; who tells a
    person sets it back.
    """

    def __init__(self, cap: int) -> None:
        self.cap = self.cap_now = cap
        self.held: Outcome | None = None
        self.gate_until = 0.0
        self.gate_reason: Outcome | None = None
        self.unwell_since: float | None = None
        self.told = ""
        self.crowded = 0
        self._n_failures = 0
        self._n_throttles = 0

    def __repr__(self) -> str:
        held = f" held by {self.held.row or self.held.reply_text[:40]!r}" if self.held else ""
        return f"<Health {self.cap_now}/{self.cap} failures={self._n_failures}{held}>"

    @property
    def keeps_mail(self) -> bool:
        """Whether its mail waits for a person or for a quota: neither may cost a message its life."""
        is_throttled = self.gate_reason is not None and self.gate_reason.klass is Class.RATE_LIMIT
        return self.held is not None or is_throttled

    def succeed(self, now: float) -> None:
        """The remote took a message, or refused one in good order: open everything, step by step.

        A gate stands with its reason until its time: this message was on its way already when it was shut.
        """
        self.held = None
        if now >= self.gate_until:
            self.gate_reason = self.unwell_since = None
        self._n_failures = self._n_throttles = 0
        self.cap_now = min(self.cap, self.cap_now * 2)

    def hold(self, outcome: Outcome, now: float) -> None:
        """Only a person can heal this: from now on one probe a minute (and one whenever a person asks)."""
        self._begins_unwell(now)
        self.held = outcome
        if now >= self.gate_until:
            self.gate_reason = outcome
        self.gate_until = max(self.gate_until, now + PROBE_S)

    def crowd(self, n_ours: int) -> None:
        """The remote says that the mailbox has too many connections, while so many were ours."""
        self.crowded = min(self.crowded or n_ours, n_ours)

    def complaint(self, now: float) -> Outcome | None:
        """What a person must heal; None while all is well, or while the fault may still pass by itself."""
        if self.held is None or self.unwell_since is None or now - self.unwell_since < self.held.until_s:
            return None
        return self.held

    def throttle(self, outcome: Outcome, n_in_flight: int, now: float, dice: float) -> None:
        """The remote asked us to slow down: shut for as long as it said, or longer each time where it said nothing."""
        self._begins_unwell(now)
        step_s = GATE_S[min(self._n_throttles, len(GATE_S) - 1)]
        wait_s = outcome.retry_after_s if outcome.retry_after_s is not None else step_s
        least_s = GATE_S[min(self._n_throttles, len(GATE_S)) - 1] if self._n_throttles else 1.0
        wait_s = min(max(wait_s, least_s), LONGEST_GATE_S) * (
            1.0 + dice / 10
        )  # "after 0 s" again and again is no time
        self._n_throttles += 1
        self.gate_reason = outcome
        self.gate_until = max(self.gate_until, now + wait_s)
        if outcome.status is not None and str(outcome.status) == "4.3.2":  # too many at once
            self.cap_now = max(1, min(self.cap_now, n_in_flight))

    def fail(self, outcome: Outcome, now: float, dice: float) -> None:
        """The remote is unwell: after it comes back, start with one connection (no thundering herd)."""
        if now < self.gate_until:
            return  # it was under way when the gate shut: the same outage
        self._n_failures += 1
        if outcome.scope is Scope.MESSAGE and self._n_failures < 3:
            return  # one message had bad luck
        if _is_answer(outcome) and self._n_failures < 2:
            return  # one machine of many was short of something; the next one may not be
        self._begins_unwell(now)
        step_s = BREAKER_S[min(self._n_failures - 1, len(BREAKER_S) - 1)]
        self.cap_now = 1
        self.gate_reason = outcome
        wait_s = max(step_s * (0.8 + 0.4 * dice), min(outcome.retry_after_s or 0.0, LONGEST_GATE_S))
        self.gate_until = max(self.gate_until, now + wait_s)

    def resume(self, outcome: Outcome, since: float, gate_until: float) -> None:
        """Go on as an earlier life of the process left it: held, or throttled until an instant."""
        self.unwell_since, self.gate_reason = since, outcome
        self.gate_until = max(self.gate_until, gate_until)
        if outcome.klass is Class.CONFIGURATION:
            self.held = outcome
        elif outcome.klass is Class.RATE_LIMIT:
            self._n_throttles = 1

    def _begins_unwell(self, now: float) -> None:
        if self.unwell_since is None:
            self.unwell_since = now

    def hasten(self, now: float) -> None:
        """A person wants a try now: open, unless the remote itself asked us to wait."""
        if self.held is not None or not self.keeps_mail:
            self.gate_until = min(self.gate_until, now)

    def ask(self, now: float) -> None:
        """A person has healed it and wants to know: one message may try now, even where we were asked to wait."""
        self.gate_until = min(self.gate_until, now)
        self.cap_now = 1

    def learn(self, worst: Outcome, n_in_flight: int, now: float, dice: float) -> None:
        """Take in the outcome that concerns most of an attempt that was not plainly well."""
        match worst.klass:
            case Class.CONFIGURATION:
                self.hold(worst, now)
            case Class.RATE_LIMIT:
                self.throttle(worst, n_in_flight, now, dice)
            case Class.TRANSIENT if worst.scope is not Scope.RECIPIENT:
                self.fail(worst, now, dice)
            case _:
                self.succeed(now)


class StoppedSenders:
    """Senders that were refused: after two equal refusals a sender is not tried for a while, the others go on."""

    def __init__(self) -> None:
        self._refusals: dict[str, tuple[int, float]] = {}

    def refuse(self, sender: str, now: float) -> None:
        """Count one refusal."""
        n_refused, _ = self._refusals.get(sender, (0, 0.0))
        if len(self._refusals) >= MOST_SENDERS:
            self._refusals.clear()
        self._refusals[sender] = (n_refused + 1, now + STOP_SENDER_S)

    def forgive(self) -> None:
        """A person wants a try now, and has perhaps healed what they were refused for: each is counted anew."""
        self._refusals.clear()

    def is_stopped(self, sender: str, now: float) -> bool:
        """Whether another try would endanger the mailbox; a stop that has run out is forgotten."""
        n_refused, until = self._refusals.get(sender, (0, 0.0))
        if until and now >= until:
            del self._refusals[sender]
            return False
        return n_refused >= STOP_SENDER_AFTER


def _is_answer(outcome: Outcome) -> bool:
    """Whether the remote answered in good order, and goes on: neither a line that broke nor 421."""
    return outcome.offered and outcome.status is not None and not outcome.reply_text.startswith("421")
