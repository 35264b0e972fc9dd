"""Tally: plain counts of what has happened, added to on the path of every message, read when somebody asks.

Apart from the exposition, which is heavy and only loaded where metrics are wanted: here is one dictionary entry and
one addition for each thing that happens. Called from the event loop only, but for the events of the journal.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from relay365.mail.outcome import Outcome
from relay365.spool.api import NewMessage

COMMIT_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ATTEMPT_BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Histogram:
    """How many observations lie at or below each bound, in seconds."""

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.sum_s = 0.0
        self._counts = [0] * (len(bounds_s) + 1)

    def add(self, seconds: float) -> None:
        """One observation."""
        self._counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds

    def buckets(self) -> list[tuple[str, int]]:
        """(upper bound as Prometheus writes it, observations up to it), the last one for all."""
        words = [*(repr(bound) for bound in self.bounds_s), "+Inf"]
        return list(zip(words, accumulate(self._counts), strict=True))


class Tally:
    """What has happened since the process began.

    messages, recipients and octets: what was accepted, by (lane, priority); recipients by their own lanes.
    outcomes: recipients of attempts by (lane, kind, class, row). attempts: by lane. devices: when each last gave a
    message, epoch seconds.
    """

    def __init__(self) -> None:
        self.messages: Counter[tuple[str, str]] = Counter()
        self.recipients: Counter[tuple[str, str]] = Counter()
        self.octets: Counter[tuple[str, str]] = Counter()
        self.outcomes: Counter[tuple[str, str, str, str]] = Counter()
        self.commits = Histogram(COMMIT_BOUNDS_S)
        self.attempts: dict[str, Histogram] = {}
        self.devices: dict[str, float] = {}

    def accepted(self, message: NewMessage, octets: int, took_s: float) -> None:
        """A message is durable; see SqliteSpool.witness."""
        submitter = message.submitter
        key = message.lane, submitter.priority
        self.messages[key] += 1
        self.octets[key] += octets
        if message.lanes:
            self.recipients.update((lane, submitter.priority) for lane in message.lanes)
        else:
            self.recipients[key] += len(message.envelope.forward_paths)
        if submitter.device:
            self.devices[submitter.device] = message.accepted_at
        self.commits.add(took_s)

    def attempted(self, lane: str, outcomes: Sequence[Outcome], took_s: float) -> None:
        """A route has tried one message for some recipients."""
        for one in outcomes:
            klass = one.klass.value if one.klass is not None else ""
            self.outcomes[lane, one.kind.value, klass, one.row] += 1
        histogram = self.attempts.get(lane)
        if histogram is None:
            histogram = self.attempts[lane] = Histogram(ATTEMPT_BOUNDS_S)
        histogram.add(took_s)


class EventTally(logging.Handler):
    """Counts the events of the journal by name, as far as [log] level lets them be written."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """One more of its name; one event stands for a family, and has its name as its first value."""
        name = str(record.msg).partition(" ")[0].rstrip(":")
        if "%s" in name and isinstance(record.args, tuple):
            name = name.replace("%s", str(record.args[0]))
        self.counts[name] += 1
