"""Handing over: a parcel becomes one consignment, and what the route says of it becomes each claim's own outcomes.

Apart from the scheduler because one transaction may be for several messages here: what is known already is left out of
it, a digest is built for it, and a refusal that may be due to the company is no refusal of the single message.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from relay365.clock import Clock
from relay365.engine.budgets.parcels import Parcel
from relay365.engine.roads.advice import Advice
from relay365.errors import SpoolError
from relay365.mail.content import Content
from relay365.mail.envelope import SpoolId
from relay365.mail.headers import for_nobody
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.mail.together.digest import Digest, Original, build
from relay365.routes.api import Consignment, Route
from relay365.routes.wire.talk import broken
from relay365.spool.api import Claim
from relay365.spool.content import MemoryContent

_LOG = logging.getLogger("relay365.scheduler")

ALONE_NEXT = "alone-next"
"""The row of what was refused in company."""

MOST_ALONE = 10_000  # messages that are remembered; who is forgotten may go in company once more
MOST_NAMED = 10  # companions that a history names
_WIDE = (Class.RATE_LIMIT, Class.CONFIGURATION, Class.SENDER)

Key = tuple[SpoolId, int]
"""A message and the number of one of its recipients."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed to a route. keys: for each forward-path whose it is; of a digest, several messages' one.

    digest_id: the Message-ID of a digest, "" where it is none.
    """

    consignment: Consignment
    keys: tuple[tuple[Key, ...], ...]
    digest_id: str = ""

    def spread(self, outcomes: Sequence[Outcome]) -> dict[Key, Outcome]:
        """The route's outcomes by recipient."""
        return {key: one for keys, one in zip(self.keys, outcomes, strict=True) for key in keys}


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a parcel. said: the route's own outcomes, none where nothing was handed over; of: by recipient."""

    said: tuple[Outcome, ...]
    of: Mapping[Key, Outcome]

    def outcomes(self, claim: Claim) -> tuple[Outcome, ...]:
        """One for each recipient of a claim, in their order."""
        return tuple(self.of[claim.spool_id, one.n] for one in claim.recipients)


class Handing:
    """One per scheduler. alone: messages that must not go in company again, the one refused longest ago first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.alone: dict[SpoolId, None] = {}

    async def hand_over(self, route: Route, parcel: Parcel, advice: Advice) -> Tried:
        """Try a parcel once, without those of whom all is known. Never raises."""
        known: dict[Key, Outcome] = {}
        digest_id = ""
        try:
            for claim in parcel.claims:
                if any(one.possible_duplicate for one in claim.recipients):
                    found = await advice.known(claim)
                    known |= {(claim.spool_id, n): outcome for n, outcome in found.items()}
            rest = [left for claim in parcel.claims if (left := _without(claim, known)) is not None]
            if not rest:
                return Tried((), known)
            handed = await self._handed(Parcel(tuple(rest), parcel.least), advice.hostname)
            digest_id = handed.digest_id
            said = await route.deliver(handed.consignment)
            tried = handed.spread(said)
        except SpoolError as error:  # a content of a digest cannot be read
            said, tried = self._all(parcel, known, broken(error, past_the_dot=False))
        except Exception as error:  # noqa: BLE001 - a fault of ours is temporary and must not end the lane
            _LOG.exception("route.failed id=%s lane=%s", parcel.claims[0].spool_id, route.lane)
            text = f"fault in route {route.lane}: {type(error).__name__}"
            fault = Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row="route-fault")
            said, tried = self._all(parcel, known, fault)
        if len({spool_id for spool_id, _ in tried}) > 1:
            tried = self._each(tried, digest_id)
        return Tried(said, {**known, **tried})

    def _all(
        self, parcel: Parcel, known: Mapping[Key, Outcome], outcome: Outcome
    ) -> tuple[tuple[Outcome, ...], dict[Key, Outcome]]:
        keys = [(claim.spool_id, one.n) for claim in parcel.claims for one in claim.recipients]
        tried = {key: outcome for key in keys if key not in known}
        return (outcome,) * len(tried), tried

    async def _handed(self, parcel: Parcel, hostname: str) -> Handed:
        first = parcel.claims[0]
        if parcel.least and len(parcel.claims) > 1:
            return await self._digest(parcel, hostname)
        paths = tuple(one.path for claim in parcel.claims for one in claim.recipients)
        keys = tuple(((claim.spool_id, one.n),) for claim in parcel.claims for one in claim.recipients)
        trace, envelope = first.trace, first.envelope
        if len(parcel.claims) > 1:
            trace, envelope = for_nobody(trace), replace(envelope, forward_paths=paths)
        return Handed(Consignment(first.spool_id, envelope, first.content, trace, first.header_from), keys)

    async def _digest(self, parcel: Parcel, hostname: str) -> Handed:
        """Raises SpoolError when a content cannot be read."""
        claims = sorted(
            parcel.claims, key=lambda claim: (claim.accepted_at, len(claim.spool_id), claim.spool_id)
        )
        newest = claims[-1]
        originals = tuple([Original(one.trace + await _read(one.content), one.accepted_at) for one in claims])
        marks = zlib.crc32(" ".join(one.spool_id for one in claims).encode())
        digest_id = f"<digest.{marks:08x}.{newest.spool_id}@{hostname}>"  # the same for the same messages
        octets = build(
            Digest(
                originals, newest.header_from or newest.envelope.reverse_path, newest.recipients[0].path.address,
                parcel.least, hostname, self._clock.now(), digest_id,
            )
        )  # fmt: skip
        body = newest.envelope.body if octets.isascii() else "8BITMIME"
        envelope = replace(newest.envelope, forward_paths=(newest.recipients[0].path,), body=body)
        keys = tuple((one.spool_id, one.recipients[0].n) for one in claims)
        consignment = Consignment(newest.spool_id, envelope, MemoryContent(octets), b"", newest.header_from)
        return Handed(consignment, (keys,), digest_id)

    def _each(self, tried: Mapping[Key, Outcome], digest_id: str) -> dict[Key, Outcome]:
        """What went in company, as each message's own; who was not taken goes alone from now on."""
        ids = list(dict.fromkeys(spool_id for spool_id, _ in tried))
        for (spool_id, _), outcome in tried.items():
            if outcome.kind is not Kind.DELIVERED and _is_own(outcome):
                self.alone[spool_id] = None
        while len(self.alone) > MOST_ALONE:
            del self.alone[next(iter(self.alone))]
        return {key: _told(outcome, key[0], ids, digest_id) for key, outcome in tried.items()}


def _without(claim: Claim, known: Mapping[Key, Outcome]) -> Claim | None:
    """A claim for those of whom nothing is known; None for nobody."""
    if not known:
        return claim
    rest = tuple(one for one in claim.recipients if (claim.spool_id, one.n) not in known)
    paths = tuple(one.path for one in rest)
    return (
        replace(claim, recipients=rest, envelope=replace(claim.envelope, forward_paths=paths))
        if rest
        else None
    )


async def _read(content: Content) -> bytes:
    octets = content.octets()
    return octets if octets is not None else b"".join([block async for block in content.blocks()])


def _is_own(outcome: Outcome) -> bool:
    """Whether an outcome concerns the message or its recipients, and not the way or the sender."""
    return outcome.klass not in _WIDE and outcome.scope in (Scope.MESSAGE, Scope.RECIPIENT)


def _told(outcome: Outcome, spool_id: SpoolId, ids: Sequence[SpoolId], digest_id: str) -> Outcome:
    """One message's outcome in the words of its history. What a content was refused for may be the company's doing."""
    others = [one for one in ids if one != spool_id]
    names = ", ".join(others[:MOST_NAMED])
    if len(others) > MOST_NAMED:
        names += f" and {len(others) - MOST_NAMED} more"
    with_whom = f"in digest {digest_id} together with {names}" if digest_id else f"together with {names}"
    if outcome.kind is Kind.FAILED and (digest_id or outcome.scope is not Scope.RECIPIENT):
        text = f"refused {with_whom}, goes alone next: {outcome.reply_text}"
        return Outcome(
            Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, None, text, row=ALONE_NEXT, offered=False
        )
    if outcome.kind in (Kind.DEFERRED, Kind.FAILED):
        return outcome
    remote_id = outcome.remote_id or digest_id
    return replace(outcome, reply_text=f"{outcome.reply_text} ({with_whom})".strip(), remote_id=remote_id)
