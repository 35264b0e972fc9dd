"""From the limits of all lanes to their budgets; lanes that spend from one purse share one object."""

from __future__ import annotations

from collections.abc import Iterable

from relay365.engine.budgets.amending import amended
from relay365.engine.budgets.parcels import COVER_OCTETS, Bundle, Parcel
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import (
    DAY_S,
    AtOnce,
    Bill,
    Budget,
    Lease,
    Messages,
    Slices,
    Vector,
)
from relay365.rules.quota.day import Day
from relay365.rules.quota.fair import ALARM, BULK
from relay365.rules.quota.pairs import Pairs
from relay365.spool.waiting.heads import Flow, Head, flow_of

GUARD_S = 0.1  # so much faster may the remote's minute pass than ours: 60 s at 500 ppm, three times over
REQUEST_OCTETS = 3_500_000  # of one request of Graph: what is larger goes up in pieces (routes.graph.upload)

RECIPIENTS, EXTERNAL, AT_ONCE, CONNECTIONS = "recipients", "external", "at-once", "connections"
REQUESTS, OCTETS = "requests", "octets"


class Purses:
    """All budgets that are shared, each once."""

    def __init__(self) -> None:
        self._shared: dict[tuple[str, str], Budget] = {}
        self._earlier: dict[tuple[str, str], Budget] = {}

    def vector(self, lane: str, limits: LaneLimits) -> Vector:
        """The budgets of one lane, by their keys."""
        found: dict[str, Budget] = {}
        for key, budget in _own(limits):
            found[key] = self._one(_owner(key, lane, limits), key, budget)
        if limits.external_per_day is not None:
            external = Slices(EXTERNAL, limits.external_per_day, DAY_S, lambda bill: bill.external)
            found[EXTERNAL] = self._one(_owner(EXTERNAL, lane, limits), EXTERNAL, external)
        if limits.at_once_per_application is not None:
            at_once = AtOnce(limits.at_once_per_application)
            found[AT_ONCE] = self._one(_owner(AT_ONCE, lane, limits), AT_ONCE, at_once)
        if limits.at_once_per_budget is not None:
            lease = Lease(limits.at_once_per_budget)
            found[CONNECTIONS] = self._one(_owner(CONNECTIONS, lane, limits), CONNECTIONS, lease)
        return Vector(found)

    def remember(self, lane: str, limits: LaneLimits, vector: Vector) -> None:
        """A lane's budgets as they are now: who comes with another limit has them, with all that was used."""
        for key, budget in vector.budgets.items():
            self._earlier.setdefault((_owner(key, lane, limits), key), budget)

    def keep(self, lane: str, limits: LaneLimits, vector: Vector) -> None:
        """A lane stays as it is: who spends from the same purse shares its budgets."""
        for key, budget in vector.budgets.items():
            self._shared.setdefault((_owner(key, lane, limits), key), budget)

    def _one(self, owner: str, key: str, wanted: Budget) -> Budget:
        found = self._shared.get((owner, key))
        if found is None:
            earlier = self._earlier.get((owner, key))
            found = self._shared[owner, key] = wanted if earlier is None else amended(earlier, wanted)
        return found


def _owner(key: str, lane: str, limits: LaneLimits) -> str:
    """Whose budget it is: the mailbox's, the tenant's or the application's; the lane's own where nobody is named."""
    named = {EXTERNAL: limits.tenant, AT_ONCE: limits.application}.get(key, "")
    return named or limits.budget or lane


def _own(limits: LaneLimits) -> Iterable[tuple[str, Budget]]:
    """The budgets of a mailbox."""
    if limits.messages is not None:
        yield "messages", Messages(limits.messages, limits.window_s, GUARD_S, for_alarms=limits.alarms)
    for n, seconds in limits.windows:
        yield f"messages-{seconds:g}s", Messages(n, seconds, GUARD_S, for_alarms=limits.alarms)
    if limits.recipients_per_day is not None:
        yield RECIPIENTS, Day(limits.recipients_per_day, limits.client_share, for_alarms=limits.alarms)
    if limits.requests is not None:
        yield REQUESTS, Slices(REQUESTS, *limits.requests, lambda bill: bill.requests)
    if limits.octets_window is not None:
        yield OCTETS, Slices(OCTETS, *limits.octets_window, lambda bill: bill.octets)
    if limits.pair_per_hour is not None:
        yield "pairs", Pairs(limits.pair_per_hour)


def bill_of_octets(octets: int) -> Bill:
    """What one message of so many octets took, as far as its size tells it."""
    return Bill(octets=octets, requests=_requests(octets))


def bill_of_head(head: Head, limits: LaneLimits) -> Bill:
    """What a message that waits would take."""
    addresses = tuple(address.lower() for _, address in head.recipients[: limits.recipients])
    return _bill(addresses, (head.size_octets, head.reverse_path, head.flow), limits)


def bill_of_bundle(bundle: Bundle, limits: LaneLimits) -> Bill:
    """What messages that wait would take together: one message, all recipients; a digest has one."""
    first = bundle.heads[0]
    if len(bundle.heads) == 1:
        return bill_of_head(first, limits)
    members = bundle.heads[:1] if bundle.least else bundle.heads
    addresses = tuple(address.lower() for head in members for _, address in head.recipients)
    octets = (
        sum(head.size_octets + COVER_OCTETS for head in bundle.heads) if bundle.least else first.size_octets
    )
    return _bill(addresses, (octets, first.reverse_path, first.flow), limits)


def bill_of_parcel(parcel: Parcel, limits: LaneLimits) -> Bill:
    """What claimed messages take together."""
    first = parcel.claims[0]
    facts = (parcel.octets, first.envelope.reverse_path, flow_of(first.submitter))
    return _bill(parcel.addresses, facts, limits)


def _requests(octets: int) -> int:
    return 1 if octets <= REQUEST_OCTETS else 3 + octets // REQUEST_OCTETS


def _bill(addresses: tuple[str, ...], facts: tuple[int, str, Flow], limits: LaneLimits) -> Bill:
    octets, sender, flow = facts
    own = limits.own_domains
    return Bill(
        recipients=len(addresses),
        external=sum(one.rpartition("@")[2] not in own for one in addresses),
        octets=octets,
        requests=_requests(octets),
        sender=sender.lower(),
        addresses=addresses,
        is_bulk=flow.priority == BULK,
        is_alarm=flow.priority == ALARM,
        client=flow.client,
    )
