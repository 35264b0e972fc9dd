"""Trying again until it is true: Exchange takes minutes to hours to learn of an application.

Apart from tries, which ask once: this knows time, and says what changes, not every try. (propagation of one to two
hours, seen as 535 5.7.3 and 430 4.2.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from relay365.setup.tries.answer import Answer

FIRST_S, MOST_S = 2.0, 20.0


@dataclass(frozen=True, slots=True)
class Timer:
    """Monotonic seconds, and how to wait some; both are given, so that a test needs no time."""

    mono: Callable[[], float]
    sleep: Callable[[float], None]


def until_good(
    ask: Callable[[], list[Answer]], tell: Callable[[Answer, float], None], timer: Timer, wait_s: float
) -> list[Answer]:
    """Ask until all answers are good or the time is over; gives the last ones.

    tell gets each answer with the seconds since the beginning when it is new: its text differs from what was told of
    the same name.
    """
    began, pause_s = timer.mono(), FIRST_S
    told: dict[str, tuple[bool, str]] = {}
    while True:
        answers = ask()
        passed_s = timer.mono() - began
        for answer in answers:
            key = (answer.good, answer.row or answer.text if not answer.good else "")
            if told.get(answer.name) != key:
                told[answer.name] = key
                tell(answer, passed_s)
        if all(answer.good for answer in answers) or passed_s + pause_s > wait_s:
            return answers
        timer.sleep(pause_s)
        pause_s = min(pause_s * 1.5, MOST_S)
