"""Trying again until it is true."""

from __future__ import annotations

from relay365.setup.tries.answer import Answer
from relay365.setup.waiting import MOST_S, Timer, until_good


class Time:
    """Monotonic time that passes by sleeping."""

    def __init__(self) -> None:
        self.now, self.pauses = 100.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    @property
    def timer(self) -> Timer:
        return Timer(lambda: self.now, self.sleep)


def _no(text: str) -> Answer:
    return Answer("token", False, text, "why", "do", "row")


YES = Answer("token", True, "ok")


def test_until_it_is_true() -> None:
    """Asked again with growing pauses, 20 s at most; each state is told once, with the time that passed."""
    time, answers = Time(), iter([*[_no("AADSTS700016 at 10:00"), _no("AADSTS700016 at 10:01")] * 6, YES])
    told: list[tuple[bool, float]] = []
    found = until_good(lambda: [next(answers)], lambda a, s: told.append((a.good, s)), time.timer, 3600.0)

    assert [YES] == found
    assert [False, True] == [good for good, _ in told]
    assert (2.0, MOST_S) == (time.pauses[0], time.pauses[-1])
    assert sum(time.pauses) == told[-1][1]


def test_until_the_time_is_over() -> None:
    """The last answers are given, and it does not sleep beyond the time."""
    time = Time()
    found = until_good(lambda: [YES, _no("no")], lambda *_: None, time.timer, 30.0)

    assert [True, False] == [answer.good for answer in found]
    assert sum(time.pauses) <= 30.0


def test_another_refusal_is_told() -> None:
    """What changes is told, what stays is not."""
    time, told = Time(), list[str]()
    answers = iter(
        [
            Answer("t", False, "a", row="r1"),
            Answer("t", False, "b", row="r1"),
            Answer("t", False, "c", row="r2"),
            YES,
        ]
    )
    until_good(lambda: [next(answers)], lambda a, _: told.append(a.text), time.timer, 300.0)

    assert ["a", "c", "ok"] == told
