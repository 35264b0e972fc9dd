"""The pretended mailbox: each model lets through what it says, however greedy the client is."""

from __future__ import annotations

import pytest

from bench.quota.server import AT_ONCE, MODELS, PER_DAY, Mailbox, Verdict

PHASE_S = 17.0


def _greedy(model: str, every_s: float, length_s: float) -> list[float]:
    """When messages are taken (or, where they are delayed, admitted) of a client that tries at this pace."""
    mailbox = Mailbox(MODELS[model], PHASE_S)
    taken = []
    for n in range(int(length_s / every_s)):
        verdict, at = mailbox.count(n * every_s)
        if verdict is Verdict.TAKEN:
            taken.append(at)
    return taken


@pytest.mark.parametrize("model", ["sliding", "refused count", "delay"])
def test_no_sixty_seconds_hold_more_than_thirty(model: str) -> None:
    """The sliding models, with refusals counted or with delays, never let 31 through in a minute."""
    taken = _greedy(model, 0.25, 600.0)

    assert 30 <= len(taken)
    assert all(later - first >= 60.0 for first, later in zip(taken, taken[30:], strict=False))


def test_each_model_has_its_own_weakness() -> None:
    """At four times the pace: sliding gives what it may, refused ones shut it for good, a fixed one gives 60."""
    assert 300 == len(_greedy("sliding", 0.5, 600.0))
    assert 30 == len(_greedy("refused count", 0.5, 600.0))
    fixed = _greedy("fixed", 0.5, 600.0)
    assert 30 == sum(1 for at in fixed if PHASE_S <= at < PHASE_S + 60.0)
    assert 60 == sum(1 for at in fixed if 0.0 <= at < 32.0)
    assert 329 <= len(_greedy("bucket", 0.5, 600.0)) <= 330


def test_the_delaying_model_refuses_nothing() -> None:
    """Every message of 90 at once is taken, thirty a minute, in their order."""
    mailbox = Mailbox(MODELS["delay"], PHASE_S)

    answers = [mailbox.count(0.0) for _ in range(90)]

    assert [(Verdict.TAKEN, 60.0 * (n // 30)) for n in range(90)] == answers


def test_a_fourth_sender_is_refused() -> None:
    """Three may send at once."""
    mailbox = Mailbox(MODELS["sliding"], PHASE_S)

    assert [True] * AT_ONCE + [False] == [mailbox.begin() for _ in range(AT_ONCE + 1)]
    mailbox.end()
    mailbox.end()
    assert mailbox.begin()


def test_the_day_holds_ten_thousand_recipients() -> None:
    """What goes over it is refused for good, one message less fits, and the minute is not charged for a refusal."""
    mailbox = Mailbox(MODELS["sliding"], PHASE_S)

    assert (Verdict.TAKEN, 0.0) == mailbox.count(0.0, PER_DAY - 10)
    assert (Verdict.QUOTA, 1.0) == mailbox.count(1.0, 11)
    assert (Verdict.TAKEN, 2.0) == mailbox.count(2.0, 10)
    assert (Verdict.QUOTA, 86_399.0) == mailbox.count(86_399.0)
    assert (Verdict.TAKEN, 86_400.0) == mailbox.count(86_400.0)
