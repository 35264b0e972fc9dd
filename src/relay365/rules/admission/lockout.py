"""Lockout: what wrong logins cost. Counts, instants in monotonic seconds, no clock and no journal.

Three counts in a sliding window. A name from one address: somebody guesses it, or a panel has a wrong password. A name
from everywhere: many guess it; the addresses from which it was right of late are spared. An address with any names:
each name may be tried once from there, so that a right password behind the same NAT still works, and a name that
nobody has is not looked at. Bounded: what was quiet for longest is forgotten first.
"""

from __future__ import annotations

import heapq
import ipaddress
from dataclasses import dataclass
from typing import NamedTuple

MOST_REMEMBERED = 10_000
LONGEST_DELAY_S = 8.0  # panels give up after 20 s, and the session adds its own


class Key(NamedTuple):
    """What is counted; name or address is "" where it stands for all."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Wrong logins within window_s that lock for lock_s.

    Precedents: Dovecot's penalty 15 s per address, fail2ban 5 in 10 minutes for 10 minutes, Entra 10 for a minute.
    """

    per_pair: int = 10
    per_name: int = 50
    per_address: int = 100
    window_s: float = 600.0
    lock_s: float = 300.0
    good_s: float = 86_400.0  # how long an address is spared from which a name was right
    free: int = 3  # wrong logins of an address that are not slowed
    step_s: float = 0.5  # what each further one waits longer


class _Failures:
    """The instants of the last failures of one key, and the end of its lock."""

    __slots__ = ("instants", "locked_until")

    def __init__(self) -> None:
        self.instants: list[float] = []
        self.locked_until = float("-inf")


class Lockout:
    """Counts of one relay, for all listeners."""

    def __init__(self, limits: Limits | None = None, most: int = MOST_REMEMBERED) -> None:
        self._limits, self._most = limits or Limits(), most
        self._failures_by_key: dict[Key, _Failures] = {}  # in the order of their last failure
        self._good_until: dict[Key, float] = {}
        self._locks: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return max(len(self._failures_by_key), len(self._good_until), len(self._locks))

    def may_try(self, name: str, address: str, now_mono: float, *, exists: bool) -> bool:
        """Whether a password is worth a look. exists: whether anybody has this name."""
        pair, near = Key(name, address), network_of(address)
        if self._is_locked(pair, now_mono):
            return False
        if self._good_until.get(pair, float("-inf")) > now_mono:
            return True
        if self._is_locked(Key(name, ""), now_mono):
            return False
        return not self._is_locked(Key("", near), now_mono) or (exists and not self._n_recent(pair, now_mono))

    def failed(self, name: str, address: str, now_mono: float) -> list[Key]:
        """Count a wrong login; gives what it locks from now on."""
        limits, near = self._limits, network_of(address)
        counted = [
            (Key(name, address), limits.per_pair),
            (Key(name, ""), limits.per_name),
            (Key("", near), limits.per_address),
        ]
        return [key for key, most in counted if self._count(key, most, now_mono)]

    def succeeded(self, name: str, address: str, now_mono: float) -> None:
        """A right login: its own failures are forgiven, those of others from its address are not."""
        pair = Key(name, address)
        self._failures_by_key.pop(pair, None)
        self._good_until.pop(pair, None)
        self._good_until[pair] = now_mono + self._limits.good_s
        if len(self._good_until) > self._most:
            del self._good_until[next(iter(self._good_until))]

    def delay_s(self, address: str, now_mono: float) -> float:
        """How long the answer to a wrong login waits: longer with each one from the same address."""
        key = Key("", network_of(address))
        if self._is_locked(key, now_mono):
            return LONGEST_DELAY_S
        n_over = self._n_recent(key, now_mono) - self._limits.free
        return min(LONGEST_DELAY_S, max(0, n_over) * self._limits.step_s)

    def ended(self, now_mono: float) -> list[Key]:
        """The locks that have ended since the last look."""
        over = []
        while self._locks and self._locks[0][0] <= now_mono:
            over.append(heapq.heappop(self._locks)[1])
        return over

    def _count(self, key: Key, most: int, now_mono: float) -> bool:
        failures = self._failures_by_key.pop(key, None) or _Failures()
        self._failures_by_key[key] = failures
        if len(self._failures_by_key) > self._most:
            del self._failures_by_key[next(iter(self._failures_by_key))]
        horizon = now_mono - self._limits.window_s
        recent = [at for at in failures.instants if at > horizon]
        failures.instants = [*recent[1 - most :], now_mono]
        if len(failures.instants) < most or failures.locked_until > now_mono:
            return False
        failures.locked_until = now_mono + self._limits.lock_s
        failures.instants = failures.instants[-1:]
        heapq.heappush(self._locks, (failures.locked_until, key))
        return True

    def _is_locked(self, key: Key, now_mono: float) -> bool:
        failures = self._failures_by_key.get(key)
        return failures is not None and failures.locked_until > now_mono

    def _n_recent(self, key: Key, now_mono: float) -> int:
        failures = self._failures_by_key.get(key)
        horizon = now_mono - self._limits.window_s
        return sum(at > horizon for at in failures.instants) if failures is not None else 0


def network_of(address: str) -> str:
    """The address that counts: of IPv6 the /64, which one machine may use as it likes."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
