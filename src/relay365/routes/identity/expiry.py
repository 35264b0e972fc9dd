"""What ends some day and stops the mail: certificates, client secrets, sign-ins; and when to say so.

Apart, because warning is the same for all of them and needs no credential: an instant in, the days that are left out.
(Microsoft: refresh tokens end after 90 days without use, AADSTS700082; client secrets last 24 months at most)
"""

from __future__ import annotations

from dataclasses import dataclass

WARN_DAYS = (30, 14, 7, 3, 1, 0)  # 0: it has ended
DAY_S = 86_400.0
UNUSED_S = 90 * DAY_S  # how long a refresh token lives that nobody uses


@dataclass(frozen=True, slots=True)
class Ending:
    """what: "certificate CN=relay365", "client secret", "sign-in of scan@contoso.com"; at: Unix seconds."""

    what: str
    at: float

    def days_left(self, now: float) -> int:
        """Whole days that are left, rounded down; below 0 where it has ended."""
        return int((self.at - now) // DAY_S)

    def stage(self, now: float) -> int | None:
        """The smallest of WARN_DAYS that is reached, or None while it is far away."""
        left_s = self.at - now
        return min((days for days in WARN_DAYS if left_s <= days * DAY_S), default=None)


class Warnings:
    """Says each stage of each ending once."""

    def __init__(self) -> None:
        self._said: dict[Ending, int] = {}

    def is_due(self, ending: Ending, now: float) -> bool:
        """Whether a stage is reached that has not been said; it counts as said afterwards."""
        stage = ending.stage(now)
        if stage is None or self._said.get(ending, WARN_DAYS[0] + 1) <= stage:
            return False
        self._said[ending] = stage
        return True


def nearest(endings: list[Ending]) -> Ending | None:
    """The one that ends first."""
    return min(endings, key=lambda ending: ending.at, default=None)
