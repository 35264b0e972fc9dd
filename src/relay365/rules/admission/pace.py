"""Pace: how many messages a minute come from one address. Exact sliding windows; time is a parameter.

One table for all listeners, bounded: the address that was quiet for longest is forgotten first.
"""

from __future__ import annotations

from relay365.rules.throttle import SlidingLog

WINDOW_S = 60.0
MOST_ADDRESSES = 10_000


class Pace:
    """Windows by rule and address. A rule whose number changes begins anew."""

    def __init__(self, most: int = MOST_ADDRESSES) -> None:
        self._most = most
        self._log_by_key: dict[tuple[str, str, int], SlidingLog] = {}  # in the order of their last use

    def __len__(self) -> int:
        return len(self._log_by_key)

    def try_take(self, mark: str, address: str, per_minute: int, now_mono: float) -> bool:
        """Count one message of an address; False when the last sixty seconds hold as many as the rule allows.

        A refused one is not counted: who keeps asking gets its share all the same.
        """
        key = (mark, address, per_minute)
        log = self._log_by_key.pop(key, None) or SlidingLog(per_minute, WINDOW_S)
        self._log_by_key[key] = log
        if len(self._log_by_key) > self._most:
            del self._log_by_key[next(iter(self._log_by_key))]
        slot = log.try_take(now_mono)
        if slot is None:
            return False
        log.complete(slot, now_mono)
        return True
