"""Which way: the roads that a recipient's message may take, best first. Pure; what state they are in is not asked here.

A road is one route of the file with a lane for each of its mailboxes. The first [[rule]] that fits decides; without one
the roads are tried in the order of the file, but none that would send as another mailbox than the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from relay365.config import Config, Route, Rule
from relay365.mail.envelope import SubmitterFacts
from relay365.rules.admission.pattern import fits

AFTER_S = 900.0  # how long a road may be shut before the next one takes over, where no rule says it
OWN, EXTERNAL = "own-domains", "external"


@dataclass(frozen=True, slots=True)
class Road:
    """One route: its lanes, and what it can carry.

    mailboxes: as whom it sends, in lower case; empty where it keeps any sender. octets: the largest message, None where
    only the remote knows. domains: the only ones that it reaches, in lower case; empty for all.
    """

    name: str
    kind: str
    lanes: tuple[str, ...]
    mailboxes: frozenset[str] = frozenset()
    octets: int | None = None
    domains: frozenset[str] = frozenset()

    def why_not(self, letter: Letter, recipient: str) -> str:
        """Why it can never carry this message to this recipient; "" where it can."""
        if self.octets is not None and letter.octets > self.octets:
            return f"{letter.octets} octets are more than its {self.octets}"
        if self.domains and recipient.rpartition("@")[2].lower() not in self.domains:
            return "it reaches internal recipients only"
        return ""


@dataclass(frozen=True, slots=True)
class Letter:
    """What is decided about, beside the recipient. octets: the size of the content."""

    reverse_path: str
    facts: SubmitterFacts
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Itinerary:
    """The roads for one recipient, best first, at least one; unfit: those that were named and cannot, with the reason.

    mark: the rule that decided, "" for none. soonest: whether the road where it would start first is the best.
    digest: as many messages to one recipient go as one where they wait together; 0: they never do.
    """

    mark: str
    after_s: float
    roads: tuple[Road, ...]
    unfit: tuple[tuple[Road, str], ...] = ()
    soonest: bool = False
    digest: int = 0

    @property
    def lanes(self) -> tuple[str, ...]:
        """All lanes, in the order of the roads."""
        return tuple(lane for road in self.roads for lane in road.lanes)

    def behind(self, lane: str) -> tuple[Road, ...]:
        """The roads that come after the one that a lane belongs to; all where it belongs to none of them."""
        for n, road in enumerate(self.roads):
            if lane in road.lanes:
                return self.roads[n + 1 :]
        return self.roads


class RoadMap:
    """All roads and rules of a configuration."""

    def __init__(self, roads: Sequence[Road], rules: Sequence[Rule], own_domains: Sequence[str]) -> None:
        self.roads = tuple(roads)
        self._rules = tuple(rules)
        self._by_name = {road.name: road for road in roads}
        self._own = frozenset(f"@{domain.lower()}" for domain in own_domains)

    @classmethod
    def of(cls, config: Config) -> RoadMap:
        """From the file."""
        return cls(roads_of(config), config.rule, config.sender.domains)

    def itinerary(self, letter: Letter, recipient: str) -> Itinerary:
        """The roads for one recipient."""
        for n, rule in enumerate(self._rules, 1):
            if not self.why_not(rule, letter, recipient):
                named = tuple(self._by_name[name] for name in rule.routes)
                way = _itinerary(mark_of(rule, n), rule.after, named, letter, recipient)
                return replace(way, soonest=rule.choose == "soonest", digest=rule.digest)
        return _itinerary("", AFTER_S, self._by_itself, letter, recipient)

    def passed_over(self, letter: Letter, recipient: str) -> list[tuple[str, str]]:
        """The rules in front of the one that decides, each with the reason; for people."""
        found = []
        for n, rule in enumerate(self._rules, 1):
            why = self.why_not(rule, letter, recipient)
            if not why:
                break
            found.append((mark_of(rule, n), why))
        return found

    def why_not(self, rule: Rule, letter: Letter, recipient: str) -> str:
        """Why a rule does not fit; "" where it does. For `route explain`, and for the choice itself."""
        facts = letter.facts
        checks = (
            (
                not rule.device or facts.device in rule.device,
                f"the device is {facts.device or 'none that is known'}",
            ),
            (
                fits(_lowered(rule.sender), letter.reverse_path),
                f"the sender is {letter.reverse_path or '<>'}",
            ),
            (not rule.recipients or self._is_meant(rule, recipient), f"the recipient is {recipient}"),
            (rule.larger_than is None or letter.octets > rule.larger_than, f"it has {letter.octets} octets"),
            (
                rule.smaller_than is None or letter.octets < rule.smaller_than,
                f"it has {letter.octets} octets",
            ),
            (rule.priority in (None, facts.priority), f"its priority is {facts.priority}"),
        )
        return next((why for is_met, why in checks if not is_met), "")

    def _is_meant(self, rule: Rule, recipient: str) -> bool:
        is_own = bool(self._own) and fits(self._own, recipient)
        if (OWN in rule.recipients and is_own) or (EXTERNAL in rule.recipients and not is_own):
            return True
        patterns = _lowered(rule.recipients) - {OWN, EXTERNAL}
        return bool(patterns) and fits(patterns, recipient)

    @property
    def has_digests(self) -> bool:
        """Whether any rule asks for digests."""
        return any(rule.digest for rule in self._rules)

    @property
    def by_itself(self) -> frozenset[str]:
        """The names of the roads that mail takes without a rule."""
        return frozenset(road.name for road in self._by_itself)

    @cached_property
    def _by_itself(self) -> tuple[Road, ...]:
        """Without a rule: nobody's mail goes out as another mailbox because a road is shut."""
        own = self.roads[0].mailboxes
        return tuple(road for road in self.roads if not road.mailboxes or road.mailboxes == own)


def roads_of(config: Config) -> list[Road]:
    """The roads of a file, in its order; their secrets are not needed to know where mail may go."""
    return [_road(name, table) for name, table in zip(config.route_names(), config.route, strict=True)]


def _road(name: str, table: Route) -> Road:
    mailboxes = getattr(table, "mailboxes", ()) or (
        (table.mailbox or "",) if hasattr(table, "mailbox") else ()
    )
    lanes = tuple(f"{name}/{mailbox}" for mailbox in mailboxes) or (name,)
    octets = table.max_message
    if table.kind == "graph" and table.large == "refuse":
        octets = min(table.mime_limit, octets or table.mime_limit)
    domains = frozenset(domain.lower() for domain in getattr(table, "domains", ()))
    return Road(name, table.kind, lanes, frozenset(one.lower() for one in mailboxes), octets, domains)


def mark_of(rule: Rule, n: int) -> str:
    """What a rule is called: its name, or its number in the file."""
    return rule.name or f"rule {n}"


def _itinerary(
    mark: str, after_s: float, named: tuple[Road, ...], letter: Letter, recipient: str
) -> Itinerary:
    """Those of the named roads that can carry it; where none can, the first one says no in its own words."""
    judged = [(road, road.why_not(letter, recipient)) for road in named]
    fit = tuple(road for road, why in judged if not why)
    unfit = tuple((road, why) for road, why in judged if why)
    return Itinerary(mark, after_s, fit or named[:1], unfit)


def _lowered(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one.lower() for one in patterns)
