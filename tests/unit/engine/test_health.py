"""Gates, breaker, hold and stopped senders, decided on a clock that the test sets."""

from __future__ import annotations

import pytest

from fakes.route import THROTTLED
from relay365.engine.health import BREAKER_S, GATE_S, PROBE_S, STOP_SENDER_S, Health, StoppedSenders
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.status import EnhancedStatus


def outcome(klass: Class | None, scope: Scope = Scope.ROUTE, **more: object) -> Outcome:
    kind = Kind.DELIVERED if klass is None else Kind.DEFERRED
    return Outcome(kind, scope, klass, **more)  # type: ignore[arg-type]


def test_a_configuration_fault_holds_and_a_success_resumes() -> None:
    """A hold keeps its reason, shuts for one probe interval, and ends with the first success."""
    health = Health(2)
    fault = outcome(Class.CONFIGURATION)
    health.learn(fault, 0, 100.0, 0.5)

    assert fault is health.held
    assert 100.0 + PROBE_S == health.gate_until
    health.succeed(health.gate_until)
    assert health.held is None


def test_a_throttle_without_a_time_shuts_longer_each_time() -> None:
    """The pauses follow GATE_S and stay at its last step."""
    health, now, pauses = Health(2), 0.0, []
    for _ in range(len(GATE_S) + 2):
        now = health.gate_until
        health.learn(outcome(Class.RATE_LIMIT), 0, now, 0.0)
        pauses.append(health.gate_until - now)

    assert [*GATE_S, GATE_S[-1], GATE_S[-1]] == pauses


def test_a_throttle_with_a_time_shuts_as_long_as_the_remote_asked() -> None:
    """Retry-After is kept, with up to a tenth more so that nobody comes back at the same instant."""
    health = Health(2)
    health.learn(outcome(Class.RATE_LIMIT, retry_after_s=120.0), 0, 10.0, 0.5)

    assert 10.0 + 126.0 == health.gate_until


@pytest.mark.parametrize(("asked", "kept"), [(0.0, 1.0), (-5.0, 1.0), (1e9, 86_400.0)])
def test_a_senseless_time_is_brought_into_bounds(asked: float, kept: float) -> None:
    """Between one second and one day."""
    health = Health(2)
    health.learn(outcome(Class.RATE_LIMIT, retry_after_s=asked), 0, 0.0, 0.0)

    assert kept == health.gate_until


def test_too_many_at_once_lowers_the_cap() -> None:
    """4.3.2 leaves as many connections as were in use; successes bring the others back by doubling."""
    health = Health(3)
    health.learn(outcome(Class.RATE_LIMIT, status=EnhancedStatus(4, 3, 2)), 2, 0.0, 0.0)

    assert 2 == health.cap_now
    health.succeed(health.gate_until)
    assert 3 == health.cap_now


def test_after_an_outage_one_connection_goes_first() -> None:
    """No thundering herd: the cap falls to one and doubles with each success."""
    health = Health(20)
    health.learn(outcome(Class.TRANSIENT), 0, 0.0, 0.5)
    caps = [health.cap_now]
    for _ in range(5):
        health.succeed(health.gate_until)
        caps.append(health.cap_now)

    assert [1, 2, 4, 8, 16, 20] == caps


def test_the_breaker_grows_and_has_an_end() -> None:
    """Pauses follow BREAKER_S within the jitter, and the last repeats."""
    health, now = Health(2), 0.0
    for step in [*BREAKER_S, BREAKER_S[-1]]:
        now = health.gate_until
        health.learn(outcome(Class.TRANSIENT), 0, now, 0.5)

        assert health.gate_until - now == pytest.approx(step)


def test_one_message_with_bad_luck_does_not_open_the_breaker() -> None:
    """A transient refusal of one message shuts nothing; the third in a row does."""
    health = Health(2)
    gates = []
    for _ in range(3):
        health.learn(outcome(Class.TRANSIENT, Scope.MESSAGE), 0, 50.0, 0.5)
        gates.append(health.gate_until > 50.0)

    assert [False, False, True] == gates


def test_one_answer_that_says_not_now_does_not_open_the_breaker() -> None:
    """One machine behind the name is short of something; two in a row without a success between them are an outage."""
    short = Outcome(
        Kind.DEFERRED,
        Scope.ROUTE,
        Class.TRANSIENT,
        EnhancedStatus(4, 3, 1),
        "452 4.3.1 Insufficient system resources",
    )
    health = Health(5)
    health.fail(short, 0.0, 0.5)
    assert (5, 0.0) == (health.cap_now, health.gate_until)
    health.succeed(1.0)
    health.fail(short, 2.0, 0.5)
    assert 5 == health.cap_now
    health.fail(short, 3.0, 0.5)

    assert (1, True) == (health.cap_now, health.gate_until > 3.0)


def test_a_refused_recipient_is_no_failure_of_the_way() -> None:
    """A transient refusal of one recipient leaves the cap and the gate alone."""
    health = Health(2)
    health.learn(outcome(Class.TRANSIENT, Scope.RECIPIENT), 0, 50.0, 0.5)

    assert (2, 0.0) == (health.cap_now, health.gate_until)


def test_a_sender_is_stopped_after_two_refusals_for_a_while() -> None:
    """The first refusal is no stop; after the second the sender rests, others do not; the stop runs out."""
    senders = StoppedSenders()
    senders.refuse("a@x", 0.0)

    assert not senders.is_stopped("a@x", 1.0)
    senders.refuse("a@x", 1.0)
    assert senders.is_stopped("a@x", 2.0)
    assert not senders.is_stopped("b@x", 2.0)
    assert not senders.is_stopped("a@x", 1.0 + STOP_SENDER_S)
    assert not senders.is_stopped("a@x", 2.0)


def test_a_gate_has_a_reason_until_a_success() -> None:
    """Whatever shut the way is what faces show, and the first success after the gate forgets it."""
    for klass in (Class.TRANSIENT, Class.RATE_LIMIT):
        health, fault = Health(2), outcome(klass)
        health.learn(fault, 0, 0.0, 0.5)
        assert fault is health.gate_reason
        health.succeed(health.gate_until)

        assert health.gate_reason is None


def test_a_success_that_was_under_way_leaves_the_reason_with_its_gate() -> None:
    """Of two at once one is throttled and one goes through: the lane is shut, and says why, and keeps its mail."""
    health, fault = Health(2), outcome(Class.RATE_LIMIT, retry_after_s=80_000.0)
    health.learn(fault, 1, 10.0, 0.0)
    health.succeed(11.0)

    assert (fault, 10.0, 80_010.0) == (health.gate_reason, health.unwell_since, health.gate_until)
    assert health.keeps_mail
    health.succeed(80_010.0)
    assert (None, None, False) == (health.gate_reason, health.unwell_since, health.keeps_mail)


def test_a_hold_that_is_healed_by_what_was_under_way_says_why_its_gate_still_stands() -> None:
    """The pause before the next probe is not cut short, and has a reason; no person is asked for."""
    health, fault = Health(2), outcome(Class.CONFIGURATION)
    health.learn(fault, 1, 10.0, 0.0)
    health.succeed(11.0)

    assert (None, fault, 10.0 + PROBE_S) == (health.held, health.gate_reason, health.gate_until)
    assert not health.keeps_mail


def test_an_outage_that_breaks_many_lines_at_once_is_one_failure() -> None:
    """Twenty messages under way meet the same outage: the pause is the first step, not the last."""
    health = Health(20)
    for _ in range(20):
        health.learn(outcome(Class.TRANSIENT), 19, 50.0, 0.5)

    assert 50.0 + BREAKER_S[0] == health.gate_until


def test_mail_that_waits_for_a_person_or_a_quota_keeps_its_life() -> None:
    """A rate window never ends in a bounce; a way that cannot be reached may, after all its days."""
    health = Health(2)
    seen = [health.keeps_mail]
    for klass in (Class.RATE_LIMIT, None, Class.CONFIGURATION, None, Class.TRANSIENT):
        health.learn(outcome(klass), 0, health.gate_until, 0.5)
        seen.append(health.keeps_mail)

    assert [False, True, False, True, False, False] == seen


def test_a_way_is_unwell_from_the_first_no_until_the_next_success() -> None:
    """However often its gate opens for a try meanwhile: that is how long another road waits to take over."""
    health = Health(2)
    assert health.unwell_since is None
    for now in (10.0, 500.0):
        health.learn(outcome(Class.TRANSIENT), 0, now, 0.5)
    assert 10.0 == health.unwell_since
    health.succeed(health.gate_until)

    assert health.unwell_since is None


def test_a_complaint_waits_until_the_fault_may_no_longer_pass_by_itself() -> None:
    """A hold is there at once; the person is called after until_s, counted from when the way became unwell."""
    health = Health(2)
    health.learn(outcome(Class.CONFIGURATION, until_s=7200.0), 0, 100.0, 0.5)

    assert [True, False] == [health.complaint(now) is None for now in (7299.0, 7300.0)]
    health.succeed(health.gate_until)
    assert health.complaint(9000.0) is None


def test_a_remote_that_asks_for_no_time_again_and_again_is_given_more() -> None:
    """Retry-After: 0 is obeyed once; then the pauses grow as if it had said nothing."""
    health, pauses = Health(2), []
    for _ in range(4):
        now = health.gate_until
        health.learn(outcome(Class.RATE_LIMIT, retry_after_s=0.0), 0, now, 0.0)
        pauses.append(health.gate_until - now)

    assert [1.0, *GATE_S[:3]] == pauses


def test_an_outage_that_names_its_end_is_waited_for() -> None:
    """503 with Retry-After paces the whole lane."""
    health = Health(2)
    health.learn(outcome(Class.TRANSIENT, retry_after_s=90.0), 0, 10.0, 0.5)

    assert 100.0 == health.gate_until


def test_a_person_asks_for_a_try() -> None:
    """One message, whoever shut the gate; what it hears opens it, or shuts it for longer."""
    health = Health(5)
    health.throttle(THROTTLED, 0, 0.0, 0.0)
    first = health.gate_until
    health.ask(1.0)
    assert (1.0, 1) == (health.gate_until, health.cap_now)
    health.throttle(THROTTLED, 0, 1.0, 0.0)
    assert health.gate_until - 1.0 > first
    health.ask(2.0)
    health.succeed(2.0)

    assert (None, 2) == (health.unwell_since, health.cap_now)
