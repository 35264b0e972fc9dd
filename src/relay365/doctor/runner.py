"""The runner: asks all questions, several at once, each within its deadline and behind those that it needs.

Apart from the questions, which know nothing of each other: who stands behind a fault is not asked at all, so that one
fault is one finding. A question that fails by a fault of its own is a finding, too, and ends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from relay365.doctor.finding import Finding, Result, State, unknown
from relay365.errors import FAULTS

AT_ONCE = 8
DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Check:
    """One question. needs: the names of questions that must have been answered well before it makes sense."""

    name: str
    ask: Callable[[], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
    deadline_s: float = DEADLINE_S


async def run(
    checks: Sequence[Check], heard: Callable[[Result], None] = lambda result: None, *, at_once: int = AT_ONCE
) -> list[Result]:
    """All results, in the order of the checks. heard: told of each as it comes.

    A check may need only checks that stand before it. Raises ValueError where it needs another one.
    """
    known = [one.name for one in checks]
    for n, check in enumerate(checks):
        if not set(check.needs) <= set(known[:n]):
            raise ValueError(f"{check.name} needs what does not stand before it: {check.needs}")
    places, loop = asyncio.Semaphore(at_once), asyncio.get_running_loop()
    tasks: dict[str, asyncio.Task[Result]] = {}

    async def answered(check: Check) -> Result:
        needed = [await tasks[name] for name in check.needs]
        async with places:
            result = _behind(check, needed) or await _asked(check, loop.time)
        heard(result)
        return result

    for check in checks:
        tasks[check.name] = loop.create_task(answered(check))
    try:
        return [await tasks[name] for name in known]
    finally:
        for task in tasks.values():
            task.cancel()


def _behind(check: Check, needed: list[Result]) -> Result | None:
    """The result of a check that cannot be asked because of another one, or None."""
    for one in needed:
        if one.behind or one.finding.state in (State.BAD, State.UNKNOWN):
            cause = one.behind or one.name
            return Result(check.name, Finding(State.UNKNOWN, "not asked"), behind=cause)
    return None


async def _asked(check: Check, mono: Callable[[], float]) -> Result:
    began = mono()
    try:
        async with asyncio.timeout(check.deadline_s):
            finding = await check.ask()
    except TimeoutError:
        text = f"no answer within {check.deadline_s:.0f} s"
        finding = unknown(text, "the question took too long", "ask again")
    except FAULTS as error:
        text = f"the question failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        finding = unknown(text, "that is a fault of the doctor, not of the relay", "report this text")
    return Result(check.name, finding, mono() - began)
