"""Oversize: how large a message may be for its way out, and what becomes of a larger one. Decided, not done.

[oversize] says it for everybody; a [[route]] may say it for what goes that way, a [[device]] or an [[allow]] for what
its client sends. Of each of the two keys the most specific table that has it decides: device or network, then route,
then [oversize].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from relay365.config import Config, OwnOversize

REJECT, HOLD, NOTIFY = "reject", "hold", "notify"
HOUSE = "[oversize]"


class Wish(NamedTuple):
    """What one table says; None and "" where it does not. by: the table, as people write it."""

    limit_octets: int | None = None
    action: str = ""
    by: str = ""

    @classmethod
    def of(cls, table: OwnOversize, by: str) -> Wish:
        """Of a table `oversize = { ... }`."""
        return cls(table.limit, table.action or "", by)

    @property
    def is_any(self) -> bool:
        """Whether it says anything."""
        return self.limit_octets is not None or self.action != ""


NO_WISH = Wish()


class Decided(NamedTuple):
    """What holds for a message. limit_octets: 0 is no limit. limit_by and action_by: the tables that say so."""

    limit_octets: int = 0
    action: str = REJECT
    limit_by: str = HOUSE
    action_by: str = HOUSE

    @property
    def is_refused(self) -> bool:
        """Whether what is too large is refused."""
        return self.action == REJECT

    def kept(self) -> Decided:
        """The same for a client whose refused mail is kept for a person: to such a one nothing is refused."""
        return self._replace(action=HOLD) if self.is_refused else self

    def is_over(self, n_octets: int) -> bool:
        """Whether a message is too large."""
        return 0 < self.limit_octets < n_octets


_NO_HOUSE = Wish(0, REJECT, HOUSE)


@dataclass(frozen=True, slots=True)
class Sizes:
    """All that a configuration says of it, but for its clients. routes: by name, those that say anything."""

    house: Wish = _NO_HOUSE
    routes: Mapping[str, Wish] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Sizes:
        """From the file. A route that says only what is done means its own max_message."""
        routes = {}
        for name, table in zip(config.route_names(), config.route, strict=True):
            wish = Wish.of(table.oversize, f"[[route]] {name}")
            if wish.is_any:
                routes[name] = (
                    wish if wish.limit_octets is not None else wish._replace(limit_octets=table.max_message)
                )
        return cls(Wish(config.oversize.limit, config.oversize.action, HOUSE), routes)

    def decide(self, own: Wish, route_names: Iterable[str] = ()) -> Decided:
        """For a client's message that goes these ways; of several ways the one that takes least decides for all."""
        found = [_decided(own, self.routes.get(name, NO_WISH), self.house) for name in route_names]
        limited = [one for one in found if one.limit_octets]
        if not found:
            return _decided(own, NO_WISH, self.house)
        return min(limited or found, key=lambda one: one.limit_octets)

    def refused_above(self, own: Wish, route_names: Iterable[str]) -> int:
        """Above what size a client's message is refused whichever way it goes, so that EHLO can say it; 0: never."""
        found = [self.decide(own, (name,)) for name in route_names] or [self.decide(own)]
        if any(one.action != REJECT or not one.limit_octets for one in found):
            return 0
        return max(one.limit_octets for one in found)


@lru_cache(maxsize=1024)
def _decided(*wishes: Wish) -> Decided:
    """Of wishes, the most specific first."""
    limit = next((one for one in wishes if one.limit_octets is not None), NO_WISH)
    action = next((one for one in wishes if one.action), NO_WISH)
    return Decided(limit.limit_octets or 0, action.action or REJECT, limit.by, action.by)


def words_of(action: str) -> str:
    """What an action is, for people."""
    return {REJECT: "refused", HOLD: "held for a person", NOTIFY: "replaced by a notice"}[action]


def route_of(lane: str) -> str:
    """The name of the route that a lane belongs to."""
    return lane.partition("/")[0]
