"""Chooser: rules and the present state of the lanes in, one lane for each recipient out. Decides, never acts.

A road is shut when every lane of it has been unwell for as long as the rule allows. Mail that comes in goes to the
first road that is not shut, or, where the rule says so, to the one where it would start first; in a pool it goes to
the mailbox where it would start first, but stays where its client was last as long as that costs less than a second.
One message at a time still goes to a shut road when its pause is over, because only mail can show that it is well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from relay365.clock import Clock
from relay365.engine.lane import Lane
from relay365.mail.envelope import Envelope, SubmitterFacts
from relay365.rules.routing import Itinerary, Letter, Road, RoadMap

STICKY_S = 1.0
BUSY_S = 1.0  # what a lane without a free connection is thought to need
MOST_CLIENTS = 10_000


class Choice(Protocol):
    """What a session asks: the lane for each recipient of an envelope, in their order."""

    def __call__(self, envelope: Envelope, facts: SubmitterFacts, octets: int) -> Sequence[str]:
        """octets: the size of the content."""
        ...


class Chooser:
    """One chooser per relay; lanes are the scheduler's."""

    def __init__(self, road_map: RoadMap, lanes: Mapping[str, Lane], clock: Clock) -> None:
        self._map, self._lanes, self._clock = road_map, lanes, clock
        self._turn = 0
        self._last: dict[str, str] = {}
        self._only = next(iter(lanes)) if len(lanes) == 1 else ""

    def follow(self, road_map: RoadMap) -> None:
        """These are the rules from now on; the lanes have been replaced by theirs already."""
        self._map, self._last = road_map, {}
        self._only = next(iter(self._lanes)) if len(self._lanes) == 1 else ""

    def lanes_of(self, envelope: Envelope, facts: SubmitterFacts, octets: int) -> tuple[str, ...]:
        """See Choice."""
        if self._only:
            return (self._only,) * len(envelope.forward_paths)
        letter = Letter(envelope.reverse_path, facts, octets)
        chosen: dict[Itinerary, str] = {}
        lanes, client = [], facts.device or facts.login or facts.peer_address
        for path in envelope.forward_paths:
            way = self._map.itinerary(letter, path.address)
            if way not in chosen:  # recipients that may go together do
                chosen[way] = self._remember(client, self.lane_for(way, client))
            lanes.append(chosen[way])
        return tuple(lanes)

    def lane_of(self, envelope: Envelope, facts: SubmitterFacts) -> str:
        """The lane for a message with one recipient and a small content: a report of ours."""
        return self.lanes_of(envelope, facts, 0)[0]

    def lane_for(self, way: Itinerary, client: str = "") -> str:
        """The best lane now; where every road is shut, the first one keeps the mail. client: whose mail it is."""
        now = self._clock.mono()
        best = [self._best(road, now, client) for road in way.roads]
        well = [one for one in best if not self.is_shut(one, way.after_s, now) or self._may_probe(one, now)]
        if way.soonest and well:
            return self._soonest(well, now, client)
        return well[0] if well else best[0]

    def next_for(self, lane: str, way: Itinerary) -> str:
        """The lane that takes over from one that is shut; "" while there is none that is well."""
        now = self._clock.mono()
        if not self.is_shut(lane, way.after_s, now):
            return ""
        for road in way.roads:
            for other in self._by_room(road, now):
                if other != lane and self._lanes[other].health.unwell_since is None:
                    return other
        return ""

    def instead_of(self, lane: str, letter: Letter, recipient: str) -> str:
        """The lane for what this one can never carry: further down the list, so that nothing goes in circles."""
        way = self._map.itinerary(letter, recipient)
        later = way.behind(lane)
        return self.lane_for(Itinerary(way.mark, way.after_s, later)) if later else ""

    @property
    def has_digests(self) -> bool:
        """See RoadMap."""
        return self._map.has_digests

    def itinerary(self, letter: Letter, recipient: str) -> Itinerary:
        """See RoadMap."""
        return self._map.itinerary(letter, recipient)

    def is_shut(self, lane: str, after_s: float, now: float) -> bool:
        """Whether a lane has been unwell for so long."""
        since = self._lanes[lane].health.unwell_since
        return since is not None and now - since >= after_s

    def _may_probe(self, lane: str, now: float) -> bool:
        found = self._lanes[lane]
        return found.room(now) > 0 and not found.n_in_flight and not found.ready

    def _best(self, road: Road, now: float, client: str) -> str:
        lanes = self._by_room(road, now)
        well = [one for one in lanes if self._lanes[one].health.unwell_since is None]
        return self._soonest(well, now, client) if well else lanes[0]

    def _soonest(self, lanes: Sequence[str], now: float, client: str) -> str:
        """Where a message would start first: the client's last lane where it is as good, for its warm connections."""
        starts = {
            one: self._lanes[one].projected_s(now) + BUSY_S * (not self._lanes[one].room(now))
            for one in lanes
        }
        last = self._last.get(client, "")
        best = min(lanes, key=lambda one: starts[one])
        return last if last in starts and starts[last] < starts[best] + STICKY_S else best

    def _remember(self, client: str, lane: str) -> str:
        if len(self._last) >= MOST_CLIENTS:
            self._last.clear()
        self._last[client] = lane
        return lane

    def _by_room(self, road: Road, now: float) -> list[str]:
        """A pool's lanes: well ones first, those with more room first, in turn where they are alike."""
        if len(road.lanes) == 1:
            return list(road.lanes)
        self._turn += 1
        at = self._turn % len(road.lanes)
        turned = road.lanes[at:] + road.lanes[:at]
        return sorted(
            turned,
            key=lambda name: (
                self._lanes[name].health.unwell_since is not None,
                -self._lanes[name].room(now),
            ),
        )
