"""Parcels: which waiting messages go in one transaction. Pure, on heads before the claim and on claims after it.

Together go messages of one client with the same content for different people, where messages are what is short; and,
where a rule asks for a digest, many messages for one person, as one that holds them all (mail.together.digest).
Whatever was claimed is in exactly one parcel, and a person for whom there are two messages gets two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from relay365.mail.envelope import SpoolId
from relay365.mail.headers import split_trace
from relay365.routes.api import LaneLimits
from relay365.spool.api import Claim
from relay365.spool.intake import INLINE_OCTETS
from relay365.spool.waiting.heads import Flow, Head

DIGEST_MESSAGES = 200
DIGEST_OCTETS = 10_000_000
COVER_OCTETS = 1500  # what a digest adds for each message: its line in the summary, trace and part headers


class Bundle(NamedTuple):
    """Waiting messages that shall go together, most have one. least: 0, or the rule's number: they are a digest."""

    heads: tuple[Head, ...]
    least: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """Claims that go together; most have one. least: as in Bundle."""

    claims: tuple[Claim, ...]
    least: int = 0

    @property
    def sender(self) -> str:
        """Who the remote may refuse as sender: the same for all of them."""
        first = self.claims[0]
        return (first.header_from or first.envelope.reverse_path).lower()

    @property
    def priority(self) -> str:
        """alarm, normal or bulk: the same for all of them."""
        return self.claims[0].submitter.priority

    @property
    def addresses(self) -> tuple[str, ...]:
        """Whom it goes to, in lower case; a digest goes to one."""
        claims = self.claims[:1] if self.least else self.claims
        return tuple(one.path.address.lower() for claim in claims for one in claim.recipients)

    @property
    def octets(self) -> int:
        """About how large it is."""
        if self.least:
            return sum(claim.content.size_octets + COVER_OCTETS for claim in self.claims)
        return self.claims[0].content.size_octets


class Joining(NamedTuple):
    """What may go together. limits: of the lane. digest_from: what the rules say of a head. alone: who may not."""

    limits: LaneLimits
    digest_from: Callable[[Head], int]
    alone: Collection[SpoolId] = ()


# -- before the claim --------------------------------------------------------------------------------------------------


def plan(heads: Sequence[Head], joining: Joining, leads: Collection[SpoolId] | None = None) -> list[Bundle]:
    """Heads in bundles, in the order of the first of each. leads: where bundles may begin, None for everywhere.

    With leads None every head is in exactly one bundle.
    """
    digests = _buckets(heads, joining, _digest_key)
    groups = _buckets(heads, joining, _group_key) if joining.limits.messages is not None else {}
    taken: set[SpoolId] = set()
    bundles = []
    for head in heads:
        if head.spool_id in taken or (leads is not None and head.spool_id not in leads):
            continue
        bundle = _digest(head, digests.get(_digest_key(head), ()), joining, taken)
        if bundle is None:
            bundle = _group(head, groups.get(_group_key(head), ()), joining.limits, taken)
        taken.update(one.spool_id for one in bundle.heads)
        bundles.append(bundle)
    return bundles


def deep_flows(chosen: Iterable[Bundle], heads: Iterable[Head], most: int, joining: Joining) -> set[Flow]:
    """Flows of which more than `most` heads may wait, where more of them could go with what was chosen."""
    counts: dict[Flow, int] = defaultdict(int)
    for head in heads:
        counts[head.flow] += 1
    return {
        one.heads[0].flow
        for one in chosen
        if counts[one.heads[0].flow] >= most
        and (len(one.heads) > 1 or (_may_join(one.heads[0], joining) and joining.digest_from(one.heads[0])))
    }


def deepened(chosen: Iterable[Bundle], deep: Sequence[Head], joining: Joining) -> list[Bundle]:
    """What was chosen, with all that can go with it of the heads of a deeper look; no message twice."""
    chosen = list(chosen)
    seen = {head.spool_id for head in deep}
    leads = {one.heads[0].spool_id for one in chosen} & seen
    grown = {one.heads[0].spool_id: one for one in plan(deep, joining, leads)}
    taken = {head.spool_id for one in grown.values() for head in one.heads}
    found = []
    for one in chosen:
        lead = one.heads[0].spool_id
        if lead in grown:
            found.append(grown[lead])
        elif lead not in taken:
            rest = tuple(head for head in one.heads if head.spool_id not in taken)
            found.append(Bundle(rest, one.least) if rest == one.heads else Bundle(rest[:1]))
    return found


def deep_most(limits: LaneLimits) -> int:
    """How many heads of a flow are worth a look, for one parcel."""
    return max(DIGEST_MESSAGES, limits.recipients)


def _may_join(head: Head, joining: Joining) -> bool:
    return head.spool_id not in joining.alone


def _buckets(
    heads: Iterable[Head], joining: Joining, key_of: Callable[[Head], Hashable]
) -> Mapping[Hashable, list[Head]]:
    """Those that are alike, where there are two at least."""
    found: dict[Hashable, list[Head]] = defaultdict(list)
    for head in heads:
        if _may_join(head, joining) and (key := key_of(head)) is not None:
            found[key].append(head)
    return {key: ones for key, ones in found.items() if len(ones) > 1}


def _digest_key(head: Head) -> Hashable:
    if len(head.recipients) != 1:
        return None
    address = head.recipients[0][1].lower()
    return head.flow, address, head.reverse_path, head.like.header_from.lower(), head.like.manner


def _group_key(head: Head) -> Hashable:
    """A Message-ID that we have added is no other message's, so that those messages differ."""
    if head.size_octets > INLINE_OCTETS:
        return None
    return head.flow, head.size_octets, head.reverse_path, head.like


def _digest(head: Head, alike: Sequence[Head], joining: Joining, taken: set[SpoolId]) -> Bundle | None:
    """A digest from this head on, where a rule asks for one and enough of them wait."""
    waiting = [one for one in alike if one.spool_id not in taken]
    if head not in waiting or not (least := joining.digest_from(head)) or len(waiting) < least:
        return None
    left = min(DIGEST_OCTETS, joining.limits.octets or DIGEST_OCTETS)
    members: list[Head] = []
    for one in waiting:
        left -= one.size_octets + COVER_OCTETS
        if left < 0 or len(members) == DIGEST_MESSAGES:
            break
        if joining.digest_from(one) == least:
            members.append(one)
    return Bundle(tuple(members), least) if len(members) >= max(2, least) else None


def _group(head: Head, alike: Sequence[Head], limits: LaneLimits, taken: set[SpoolId]) -> Bundle:
    """This head, and those with the same content for others."""
    members, addresses = [head], {address.lower() for _, address in head.recipients}
    if head not in alike or len(addresses) < len(head.recipients):
        return Bundle((head,))
    for one in alike:
        more = {address.lower() for _, address in one.recipients}
        if one.spool_id == head.spool_id or one.spool_id in taken or len(more) < len(one.recipients):
            continue
        if addresses.isdisjoint(more) and len(addresses) + len(more) <= limits.recipients:
            members.append(one)
            addresses |= more
    return Bundle(tuple(members))


# -- after the claim ---------------------------------------------------------------------------------------------------


def made(bundles: Iterable[Bundle], claims: Iterable[Claim], most: int) -> list[Parcel]:
    """Each claim in one parcel, in the order of the bundles; what turns out not to be alike goes alone.

    most: recipients of one transaction.
    """
    by_id = {claim.spool_id: claim for claim in claims}
    parcels = []
    for bundle in bundles:
        found = [by_id[head.spool_id] for head in bundle.heads if head.spool_id in by_id]
        if len(found) < 2:
            parcels += [Parcel((claim,)) for claim in found]
            continue
        together = _one_kind(found) if bundle.least else _one_content(found, most)
        if len(together) < 2:
            parcels += [Parcel((claim,)) for claim in found]
            continue
        ids = {claim.spool_id for claim in together}
        parcels.append(Parcel(tuple(together), bundle.least))
        parcels += [Parcel((claim,)) for claim in found if claim.spool_id not in ids]
    return parcels


def _one_content(claims: Sequence[Claim], most: int) -> list[Claim]:
    """Those that are the first one's content octet for octet, and our trace but for its Received field."""
    first = claims[0]
    octets, (_, added) = first.content.octets(), split_trace(first.trace)
    members: list[Claim] = []
    addresses: set[str] = set()
    for claim in claims:
        more = {one.path.address.lower() for one in claim.recipients}
        is_alike = octets is not None and octets == claim.content.octets() and _way(claim) == _way(first)
        is_alike = is_alike and added == split_trace(claim.trace)[1]
        if is_alike and addresses.isdisjoint(more) and len(addresses) + len(claim.recipients) <= most:
            members.append(claim)
            addresses |= more
    return members


def _one_kind(claims: Sequence[Claim]) -> list[Claim]:
    """Most of those that go one way to one recipient, with the same wishes for reports."""
    kinds: dict[Hashable, list[Claim]] = defaultdict(list)
    for one in claims:
        if len(one.recipients) == 1:
            kinds[_way(one), _recipient(one)].append(one)
    return max(kinds.values(), key=len, default=[])


def _way(claim: Claim) -> Hashable:
    way = claim.envelope
    return way.reverse_path, claim.header_from.lower(), way.body, way.smtputf8, way.ret, way.envid


def _recipient(claim: Claim) -> Hashable:
    path = claim.recipients[0].path
    return path.address.lower(), path.notify, path.orcpt
