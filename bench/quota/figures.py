"""What a record says: use of the quota, refusals, waits, fairness, and how much of each lane was done."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.quota.demand import KINDS, MINUTE_S
from bench.quota.optimum import Optimum
from bench.quota.server import PER_MINUTE, Verdict
from bench.quota.simulation import Record, Try

Figures = dict[str, float]
"""Name -> value. A figure that has no meaning in a record (the waits of an empty lane) is absent."""

SPAN_S = 600.0


def figures(record: Record, best: Optimum) -> Figures:
    """All figures of one record.

    used: accepted, of 30 a minute for each mailbox. refused: of a thousand tries that were answered. wait: from
    arrival to the start of the try that was taken, in seconds. jain: over the clients of a lane that had something
    waiting during all of ten minutes, in the mean over lanes and spans. done: of what was offered. of_best: of what
    could have been sent.
    """
    world = record.world
    taken = [one for one in record.tries if one.verdict is Verdict.TAKEN and one.answered < math.inf]
    n_answered = sum(1 for one in record.tries if one.answered < math.inf)
    places = PER_MINUTE * world.length_s / MINUTE_S * world.n_mailboxes
    found = {
        "used": len(taken) / places,
        "refused": 1000.0 * (n_answered - len(taken)) / max(1, n_answered),
        "tries": float(n_answered),
        "of_best": len(taken) / max(1, sum(best.values())),
    }
    for kind in KINDS:
        n_offered = sum(1 for message in world.demand if message.kind == kind)
        if n_offered:
            waits = sorted(_wait(one) for one in taken if one.start.message.kind == kind)
            found |= _kind(kind, waits, n_offered, best[kind])
    if (fair := jain_of(record)) is not None:
        found["jain"] = fair
    n_foreign = record.n_foreign_taken + record.n_foreign_refused
    if n_foreign:
        found["foreign_refused"] = 1000.0 * record.n_foreign_refused / n_foreign
    return found


def _kind(kind: str, waits: Sequence[float], n_offered: int, n_best: int) -> Figures:
    found = {f"done_{kind}": len(waits) / n_offered, f"n_{kind}": float(len(waits))}
    if n_best:
        found[f"of_best_{kind}"] = len(waits) / n_best
    if waits:
        found |= {f"p50_{kind}": quantile(waits, 0.5), f"p99_{kind}": quantile(waits, 0.99)}
    return found


def _wait(one: Try) -> float:
    return one.started - one.start.message.arrived


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least this share does not exceed; of at least one value, in order."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def jain(services: Sequence[float]) -> float:
    """Jain's index: 1 where all are served alike, 1/n where one gets everything. (Jain, Chiu, Hawe, 1984)"""
    squares = sum(service * service for service in services)
    return sum(services) ** 2 / (len(services) * squares) if squares else 1.0


def jain_of(record: Record) -> float | None:
    """See figures(); None where no two clients of a lane ever waited side by side for so long, and one was served."""
    n_spans = int(record.world.length_s // SPAN_S)
    taken = [one for one in record.tries if one.verdict is Verdict.TAKEN]
    changes: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for message in record.world.demand:
        changes[message.lane, message.client].append((message.arrived, 1))
    served: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (n_spans + 1))
    for one in taken:
        who = (one.start.message.lane, one.start.message.client)
        changes[who].append((one.started, -1))
        served[who][min(n_spans, int(one.started // SPAN_S))] += 1
    sides: dict[tuple[str, int], list[float]] = defaultdict(list)
    for who, steps in changes.items():
        for span in _backlogged(sorted(steps, key=lambda step: (step[0], -step[1])), n_spans):
            sides[who[0], span].append(served[who][span])
    indices = [jain(services) for services in sides.values() if len(services) > 1 and any(services)]
    return sum(indices) / len(indices) if indices else None


def _backlogged(steps: Iterable[tuple[float, int]], n_spans: int) -> set[int]:
    """The spans during all of which something waits. steps: (instant, one more or one less), in order, more first."""
    broken: set[int] = set()
    waiting, since = 0, 0.0  # since when nothing waits
    for at, step in steps:
        if not waiting and at > since:
            broken |= set(range(int(since // SPAN_S), math.ceil(at / SPAN_S)))
        waiting += step
        if not waiting:
            since = at
    if not waiting:
        broken |= set(range(int(since // SPAN_S), n_spans))
    return set(range(n_spans)) - broken
