"""Upstream: the other leg of a session, which is what we and the next hop said to each other about its messages.

Apart from the recording of the device's leg because attempts come later, by other hands, and again: they find their
session by the message's id. Memory alone knows which session took which message; behind a restart an attempt belongs
to none, and its outcome stands in the message's history as ever. A session that the box has let go is not kept here:
it would be kept with all that was said in it. Keeps the protocol routes.wire.ear.Ear.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from relay365.clock import Clock
from relay365.engine.blackbox.recording import Attempt, Recording
from relay365.mail.envelope import SpoolId

_T = TypeVar("_T")

MOST_ATTEMPTS = 5  # of one session: its last ones
MOST_MESSAGES = 5000  # whose session is known
MOST_EARLY = 100  # attempts that ended before their session knew the id


class Upstream:
    """All attempts, and the sessions that they belong to. changed: told of a session that has one attempt more."""

    def __init__(self, clock: Clock) -> None:
        self.changed: Callable[[Recording], None] = lambda recording: None
        self._clock = clock
        self._session_of: OrderedDict[SpoolId, weakref.ref[Recording]] = OrderedDict()
        self._early: OrderedDict[SpoolId, list[Attempt]] = OrderedDict()

    def ear(self, spool_id: SpoolId) -> Attempt:
        """Who listens to the next attempt of a message; see routes.wire.ear.Ears."""
        return Attempt(spool_id, self._clock, self._take)

    def took(self, spool_id: SpoolId, recording: Recording) -> None:
        """A session has a message accepted; an attempt that was quicker than this word is its, too."""
        _keep(self._session_of, spool_id, weakref.ref(recording), MOST_MESSAGES)
        for attempt in self._early.pop(spool_id, ()):
            self._take(attempt)

    def _take(self, attempt: Attempt) -> None:
        known = self._session_of.get(attempt.spool_id)
        if known is None:
            _keep(
                self._early, attempt.spool_id, [*self._early.get(attempt.spool_id, ()), attempt], MOST_EARLY
            )
            return
        recording = known()
        if recording is None:  # the box keeps a client's last sessions only
            return
        tally = recording.tally
        tally.n_attempts += 1
        tally.attempts = [*tally.attempts[1 - MOST_ATTEMPTS :], attempt]
        self.changed(recording)


def _keep(known: OrderedDict[SpoolId, _T], spool_id: SpoolId, value: _T, most: int) -> None:
    known[spool_id] = value
    if len(known) > most:
        known.popitem(last=False)
