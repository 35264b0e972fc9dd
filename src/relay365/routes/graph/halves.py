"""Halves: how many recipients of a message the next request may have, after Graph refused all for the sake of one.

Graph says "at least one recipient is not valid" and often not which. The message is offered to fewer and fewer until
the invalid one is alone; each request is an attempt of its own, so that the lane's windows count it. Apart from the
route because it is pure. (Microsoft: "user: sendMail", ErrorInvalidRecipients)
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

from relay365.mail.envelope import SpoolId

T = TypeVar("T")

KEPT_S = 3600.0  # a draft of which nothing was heard for so long is not asked for any more
MOST_KEPT = 100  # drafts; each may be as large as a mailbox takes
MOST_KNOWN = 10_000  # messages; the one that was asked for longest ago is forgotten, and begins anew


class Halves:
    """What was refused so far, by message; a message that was never refused is not known here."""

    def __init__(self) -> None:
        self._most: OrderedDict[SpoolId, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._most)

    def n_next(self, spool_id: SpoolId, n_recipients: int) -> int:
        """How many of so many recipients the next request may have; at least one."""
        return min(n_recipients, self._most.get(spool_id, n_recipients))

    def refused(self, spool_id: SpoolId, n_offered: int) -> None:
        """One of them is not valid."""
        self._most[spool_id] = max(1, n_offered // 2)
        self._most.move_to_end(spool_id)
        if len(self._most) > MOST_KNOWN:
            self._most.popitem(last=False)

    def taken(self, spool_id: SpoolId, n_offered: int, n_left: int) -> None:
        """They were taken: the rest may be bolder again; n_left == 0 ends it."""
        if not n_left:
            self._most.pop(spool_id, None)
        elif spool_id in self._most:
            self._most[spool_id] = 2 * n_offered

    def ended(self, spool_id: SpoolId) -> None:
        """Nobody of it is left for this road."""
        self._most.pop(spool_id, None)


class Drafts(Generic[T]):
    """Drafts that stay in the mailbox because their content goes to others soon, by message: places of any kind."""

    def __init__(self) -> None:
        self._places: OrderedDict[SpoolId, tuple[T, float]] = OrderedDict()

    def keep(self, spool_id: SpoolId, place: T, now: float) -> None:
        """Remember one; now in monotonic seconds."""
        self._places[spool_id] = (place, now + KEPT_S)
        self._places.move_to_end(spool_id)

    def take(self, spool_id: SpoolId) -> T | None:
        """Forget one and give it; None where there is none."""
        found = self._places.pop(spool_id, None)
        return found[0] if found is not None else None

    def outdated(self, now: float = float("inf")) -> list[T]:
        """Forget those that are too old or too many, by default all, and give them."""
        n_most = MOST_KEPT if now < float("inf") else 0
        gone = []
        while self._places:
            spool_id, (place, until) = next(iter(self._places.items()))
            if until > now and len(self._places) <= n_most:
                break
            del self._places[spool_id]
            gone.append(place)
        return gone


def named_in(text: str, addresses: Sequence[str]) -> set[int]:
    """The positions of the addresses that a refusal names as whole words."""
    return {
        n
        for n, address in enumerate(addresses)
        if re.search(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", text, re.IGNORECASE)
    }
