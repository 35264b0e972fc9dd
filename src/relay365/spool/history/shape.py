"""How old what waits is, by where it goes or whom it comes from: the table that tells a burst from an outage.

(Postfix, qshape(1) and QSHAPE_README: columns of doubling ages, a row for each domain)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apsw

from relay365.spool.sqlite.reads import QUERIES
from relay365.spool.sqlite.rows import facts_of, text_of

AGES_S = (60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
"""Upper ends of the columns; the last column has no end."""


class Waiting(NamedTuple):
    """One recipient that waits or is held. lane: where; accepted_at: epoch seconds."""

    lane: str
    domain: str
    accepted_at: float
    device: str


class Shape(NamedTuple):
    """One row: counts of recipients, one for each column of AGES_S and one for what is older."""

    name: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


def waiting(connection: apsw.Connection) -> list[Waiting]:
    """All that waits or is held. It reads the queue, not the history."""
    found = []
    for lane, address, accepted_at, submitter in connection.execute(QUERIES["waiting"]):
        facts = facts_of(text_of(submitter))
        domain = text_of(address).rpartition("@")[2].lower()
        found.append(Waiting(lane, domain, accepted_at, facts.device or facts.login or facts.peer_address))
    return found


def shapes(queue: Iterable[Waiting], by: str, now: float) -> list[Shape]:
    """One row for each value of an attribute of Waiting, the fullest first."""
    rows: dict[str, list[int]] = {}
    for one in queue:
        counts = rows.setdefault(getattr(one, by), [0] * (len(AGES_S) + 1))
        counts[column(now - one.accepted_at)] += 1
    found = [Shape(name, tuple(counts)) for name, counts in rows.items()]
    return sorted(found, key=lambda one: (-one.total, one.name))


def total(rows: Sequence[Shape]) -> Shape:
    """The sum of all rows."""
    columns = zip(*(one.counts for one in rows), strict=True) if rows else [()] * (len(AGES_S) + 1)
    return Shape("TOTAL", tuple(sum(column) for column in columns))


def column(age_s: float) -> int:
    """In which column an age stands."""
    return next((n for n, end_s in enumerate(AGES_S) if age_s < end_s), len(AGES_S))
