"""When again, and what an outcome makes of a recipient."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.rules.retry import (
    LONGEST_WISH_S,
    PATIENT_TRIES,
    POISON_ROWS,
    POISON_TRIES,
    SOON_S,
    Policy,
    decide,
    next_attempt,
)

NOW = 1_795_514_531.0
POLICY = Policy()

dice = st.floats(0.0, 1.0, exclude_max=True)


def test_a_policy_in_a_hurry() -> None:
    """Only what is longer becomes shorter; the lot stays."""
    assert Policy((1.0, 60.0, 75.0, 75.0), 0.1) == Policy((1.0, 60.0, 600.0, 1800.0), 0.1).at_most(75.0)
    assert POLICY == POLICY.at_most(float("inf"))


@settings(deadline=None)
@given(st.integers(0, 10_000), dice)
def test_the_next_attempt_is_later_and_bounded(attempts: int, throw: float) -> None:
    """However often it failed, it is tried again after at least four fifths of a minute and within 36 minutes."""
    wait_s = next_attempt(attempts, NOW, throw, POLICY) - NOW

    assert 48.0 - 1e-6 <= wait_s <= 2160.0


@settings(deadline=None)
@given(st.integers(0, 20), dice)
def test_pauses_grow(attempts: int, throw: float) -> None:
    """With equal dice, a later attempt waits at least as long."""
    assert next_attempt(attempts, NOW, throw, POLICY) <= next_attempt(attempts + 1, NOW, throw, POLICY)


def test_dice_spread_a_crowd() -> None:
    """A fifth to either side: messages that failed together do not come back together."""
    assert [NOW + 48.0, NOW + 60.0, NOW + 72.0] == [
        next_attempt(0, NOW, throw, POLICY) for throw in (0.0, 0.5, 1.0)
    ]


def test_delivered_is_the_end() -> None:
    """Nothing is owed and nothing comes again."""
    found = decide(Outcome(Kind.DELIVERED), 3, NOW, 0.5, POLICY)

    assert ("delivered", False) == (found.state, found.possible_duplicate)


def test_uncertain_comes_again_marked() -> None:
    """The remote may have it: tried again by the schedule, shown as a possible duplicate, counted."""
    found = decide(Outcome(Kind.UNCERTAIN, klass=Class.TRANSIENT), 0, NOW, 0.5, POLICY)

    assert ("queued", NOW + 60.0, True, True) == (
        found.state, found.next_attempt_at, found.possible_duplicate, found.counted,
    )  # fmt: skip


@pytest.mark.parametrize("klass", [Class.RATE_LIMIT, Class.CONFIGURATION])
def test_a_throttle_or_our_own_fault_is_no_attempt(klass: Class) -> None:
    """It stays due within seconds and is not counted: the lane decides when it goes."""
    found = decide(Outcome(Kind.DEFERRED, Scope.MAILBOX, klass, retry_after_s=3600.0), 5, NOW, 0.5, POLICY)

    assert ("queued", False) == (found.state, found.counted)
    assert NOW <= found.next_attempt_at <= NOW + SOON_S


def test_a_sender_that_may_not_be_used_is_held() -> None:
    """A person decides; what was never offered to the remote is no attempt."""
    offered = decide(Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.SENDER), 0, NOW, 0.5, POLICY)
    stopped = decide(Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.SENDER, offered=False), 0, NOW, 0.5, POLICY)

    assert [("held", True), ("held", False)] == [(one.state, one.counted) for one in (offered, stopped)]


@pytest.mark.parametrize(("attempts", "soon"), [(0, True), (PATIENT_TRIES - 1, True), (PATIENT_TRIES, False)])
def test_a_fault_of_the_way_is_not_the_messages_until_it_comes_again_and_again(
    attempts: int, soon: bool
) -> None:
    """421 leaves a message due within seconds: the lane's breaker paces it; three times, then by the schedule."""
    outcome = Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT)
    found = decide(outcome, attempts, NOW, 0.5, POLICY)

    assert soon == (found.next_attempt_at <= NOW + SOON_S)
    assert found.counted


@pytest.mark.parametrize("row", sorted(POISON_ROWS))
@pytest.mark.parametrize("kind", [Kind.DEFERRED, Kind.UNCERTAIN])
def test_a_message_that_breaks_the_way_is_set_aside_while_others_pass(row: str, kind: Kind) -> None:
    """After eight tries it is held; not before, and not while nothing passes, for then the way is to blame."""
    outcome = Outcome(kind, Scope.MESSAGE, Class.TRANSIENT, row=row)

    def state(attempts: int, *, others_pass: bool) -> str:
        return decide(outcome, attempts, NOW, 0.5, POLICY, others_pass=others_pass).state

    assert "held" == state(POISON_TRIES - 1, others_pass=True)
    assert "queued" == state(POISON_TRIES - 2, others_pass=True)
    assert "queued" == state(100, others_pass=False)
    assert (kind is Kind.UNCERTAIN) == decide(
        outcome, 9, NOW, 0.5, POLICY, others_pass=True
    ).possible_duplicate


def test_a_final_no_fails() -> None:
    """Only class message with kind failed ends so."""
    found = decide(Outcome(Kind.FAILED, Scope.RECIPIENT, Class.MESSAGE), 0, NOW, 0.5, POLICY)

    assert "failed" == found.state


def test_a_temporary_no_to_a_message_waits() -> None:
    """A 4yz about the message itself is not the end of it."""
    assert (
        "queued" == decide(Outcome(Kind.DEFERRED, Scope.RECIPIENT, Class.MESSAGE), 0, NOW, 0.5, POLICY).state
    )


def test_a_wish_of_the_remote_is_honoured_within_a_day() -> None:
    """Retry-After longer than our pause counts, one of a year does not, a short one changes nothing."""
    wishes = (5.0, 1000.0, 1e9)
    found = [
        decide(Outcome(Kind.DEFERRED, klass=Class.TRANSIENT, retry_after_s=w), 0, NOW, 0.5, POLICY)
        for w in wishes
    ]

    assert [NOW + 60.0, NOW + 1000.0, NOW + LONGEST_WISH_S] == [one.next_attempt_at for one in found]


def test_no_line_is_no_attempt() -> None:
    """Where no connection could be opened nothing was used up; the lane's own back-off decides."""
    found = decide(Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, offered=False), 7, NOW, 0.5, POLICY)

    assert ("queued", False) == (found.state, found.counted)
    assert NOW <= found.next_attempt_at <= NOW + SOON_S


def test_every_outcome_has_a_decision() -> None:
    """All kinds and classes together become one of four states."""
    for kind, klass, offered in itertools.product(Kind, [None, *Class], (True, False)):
        found = decide(Outcome(kind, klass=klass, offered=offered), 0, NOW, 0.5, POLICY)

        assert found.state in {"delivered", "queued", "failed", "held"}
        assert (found.state == "delivered") == (kind is Kind.DELIVERED)
