"""The runner: order, needs, deadlines, and faults of its own questions."""

from __future__ import annotations

import asyncio

import pytest

from relay365.doctor.finding import Finding, State, bad, good
from relay365.doctor.runner import Check, run


def saying(finding: Finding, after_s: float = 0.0):
    async def ask() -> Finding:
        await asyncio.sleep(after_s)
        return finding

    return ask


def test_results_come_in_the_order_of_the_questions() -> None:
    """However long each takes; heard() is told as they come."""
    heard: list[str] = []
    checks = [Check("a.slow", saying(good("slow"), 0.05)), Check("a.quick", saying(good("quick")))]
    results = asyncio.run(run(checks, lambda one: heard.append(one.name)))

    assert ["a.slow", "a.quick"] == [one.name for one in results]
    assert ["a.quick", "a.slow"] == heard
    assert results[0].took_s >= 0.05


def test_what_stands_behind_a_fault_is_not_asked() -> None:
    """And names the first cause, over any distance."""
    asked: list[str] = []

    async def ask() -> Finding:
        asked.append("auth")
        return good("never")

    checks = [
        Check("u.port", saying(bad("closed", "a firewall", "open it"))),
        Check("u.tls", saying(good("tls")), needs=("u.port",)),
        Check("u.auth", ask, needs=("u.tls",)),
        Check("u.other", saying(good("well"))),
    ]
    results = asyncio.run(run(checks))

    assert [] == asked
    assert ["", "u.port", "u.port", ""] == [one.behind for one in results]
    assert [State.BAD, State.UNKNOWN, State.UNKNOWN, State.GOOD] == [one.finding.state for one in results]


def test_a_question_has_a_deadline() -> None:
    """Who does not answer is unknown, and the others are not kept."""
    checks = [
        Check("a.hangs", saying(good("late"), 30.0), deadline_s=0.05),
        Check("a.well", saying(good("w"))),
    ]
    hangs, well = asyncio.run(run(checks))

    assert (State.UNKNOWN, State.GOOD) == (hangs.finding.state, well.finding.state)
    assert "no answer within" in hangs.finding.text


@pytest.mark.parametrize("fault", [KeyError("x"), RuntimeError("y"), OSError(5, "input/output error")])
def test_a_fault_of_a_question_is_a_finding(fault: Exception) -> None:
    """It says that it is the doctor's, and ends nothing."""

    async def ask() -> Finding:
        raise fault

    broken, well = asyncio.run(run([Check("a.broken", ask), Check("a.well", saying(good("w")))]))

    assert State.UNKNOWN is broken.finding.state
    assert type(fault).__name__ in broken.finding.text
    assert "fault of the doctor" in broken.finding.why
    assert State.GOOD is well.finding.state


def test_a_question_may_not_need_a_later_one() -> None:
    """That would wait for ever."""
    with pytest.raises(ValueError, match="does not stand before it"):
        asyncio.run(
            run([Check("a.one", saying(good("")), needs=("a.two",)), Check("a.two", saying(good("")))])
        )
