"""The reference model of heads and usage: plain lists, obviously right (spool.memory)."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from relay365.mail.envelope import SpoolId
from relay365.spool.api import State
from relay365.spool.ids import seq_of
from relay365.spool.model.rows import Message, Recipient
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.heads import (
    NOTHING_BEHIND,
    PRIORITIES,
    Behind,
    Flow,
    Head,
    Likeness,
    flow_of,
    manner_of,
)
from relay365.spool.waiting.usage import SLICE_S, ClientUse, OctetUse, PairUse, Usage


class MemoryAhead:
    """See spool.waiting.heads.Ahead and spool.waiting.usage.UsageStore."""

    _messages: dict[SpoolId, Message]
    _usage: dict[tuple[str, float, str], Usage]

    async def heads(
        self,
        lane: str,
        *,
        now: float,
        most: int,
        behind: Mapping[Flow, Behind] = NOTHING_BEHIND,
        flows: Collection[Flow] | None = None,
    ) -> Sequence[Head]:
        """See spool.waiting.heads.Ahead."""
        found: dict[Flow, list[Head]] = {}
        for message in self._messages.values():
            flow = flow_of(message.new.submitter)
            meant = [
                (n, r)
                for n, r in enumerate(message.recipients)
                if r.is_due(lane, now) and _lies_behind(message, r, behind.get(flow))
            ]
            if meant and (flows is None or flow in flows):
                found.setdefault(flow, []).append(_head(message, flow, meant))
        in_order = sorted(found, key=lambda flow: (PRIORITIES.index(flow.priority), flow.client))
        return [
            head
            for flow in in_order
            for head in sorted(found[flow], key=lambda head: (head.due_at, seq_of(head.spool_id)))[:most]
        ]

    async def depths(self) -> Sequence[Depth]:
        """See spool.waiting.depth.Depths."""
        found: dict[tuple[str, str, str], list[float]] = {}
        for message in self._messages.values():
            priority = flow_of(message.new.submitter).priority
            for r in message.in_states(frozenset({State.QUEUED, State.HELD})):
                found.setdefault((r.lane, r.state.value, priority), []).append(message.new.accepted_at)
        return [Depth(*key, len(accepted), min(accepted)) for key, accepted in found.items()]

    async def kept_octets(self, row_octets: int) -> Mapping[str, int]:
        """See spool.waiting.depth.Depths."""
        found: dict[str, int] = {}
        for message in self._messages.values():
            client = flow_of(message.new.submitter).client
            if any(message.in_states(frozenset(State) - {State.DELIVERED})):
                found[client] = found.get(client, 0) + len(message.octets) + row_octets
        return found

    async def put_off(self, lane: str, which: Sequence[tuple[SpoolId, float]], reason: str) -> None:
        """See spool.waiting.heads.Ahead."""
        for spool_id, at in which:
            for r in self._messages[spool_id].in_states(frozenset({State.QUEUED})):
                if r.lane == lane and r.next_attempt_at < at:
                    r.next_attempt_at, r.last_reply, r.klass, r.row = at, reason, "rate-limit", ""

    async def note_usage(self, rows: Sequence[Usage]) -> None:
        """See spool.waiting.usage.UsageStore."""
        for row in rows:
            self._usage[row.budget, row.at, row.priority] = row

    async def usage(self, since_at: float) -> Sequence[Usage]:
        """See spool.waiting.usage.UsageStore."""
        found = (row for row in self._usage.values() if row.at >= since_at)
        return sorted(found, key=lambda row: (row.at, row.budget, row.priority))

    async def forget_usage(self, before_at: float) -> None:
        """See spool.waiting.usage.UsageStore."""
        self._usage = {key: row for key, row in self._usage.items() if row.at >= before_at}

    async def settled_since(self, at: float) -> Sequence[Usage]:
        """See spool.waiting.usage.UsageStore."""
        found: dict[tuple[str, str], list[tuple[SpoolId, float]]] = {}
        for message in self._messages.values():
            for r in message.recipients:
                if r.state is State.DELIVERED and r.settled_at is not None and r.settled_at > at:
                    key = (r.lane, flow_of(message.new.submitter).priority)
                    found.setdefault(key, []).append((message.spool_id, r.settled_at))
        return [
            Usage(lane, max(at for _, at in ones), priority, len({one for one, _ in ones}), len(ones), 0)
            for (lane, priority), ones in sorted(found.items())
        ]

    async def pairs_since(self, at: float) -> Sequence[PairUse]:
        """See spool.waiting.usage.UsageStore."""
        found: dict[tuple[str, str, str, int], set[float]] = {}
        for message in self._messages.values():
            sender = message.new.envelope.reverse_path.lower()
            for r in message.recipients:
                if r.state is State.DELIVERED and r.settled_at is not None and r.settled_at > at:
                    key = (r.lane, sender, r.path.address.lower(), int(r.settled_at // SLICE_S))
                    found.setdefault(key, set()).add(r.settled_at)
        pairs = [PairUse(*key[:3], max(instants), len(instants)) for key, instants in found.items()]
        return sorted(pairs, key=lambda one: one.at)

    async def octets_since(self, at: float) -> Sequence[OctetUse]:
        """See spool.waiting.usage.UsageStore."""
        found: dict[tuple[str, SpoolId], OctetUse] = {}
        for message in self._messages.values():
            for r in message.recipients:
                if r.state is State.DELIVERED and r.settled_at is not None and r.settled_at > at:
                    key = (r.lane, message.spool_id)
                    last_at = max(r.settled_at, found[key].at if key in found else 0.0)
                    found[key] = OctetUse(r.lane, last_at, len(message.octets))
        return sorted(found.values(), key=lambda one: one.at)

    async def clients_since(self, at: float) -> Sequence[ClientUse]:
        """See spool.waiting.usage.UsageStore."""
        found: Counter[tuple[float, str, str]] = Counter()
        for message in self._messages.values():
            client = flow_of(message.new.submitter).client
            for r in message.recipients:
                if r.state is State.DELIVERED and r.settled_at is not None and r.settled_at > at:
                    found[r.settled_at // SLICE_S * SLICE_S, r.lane, client] += 1
        return [ClientUse(lane, client, begin, n) for (begin, lane, client), n in sorted(found.items())]


def _lies_behind(message: Message, r: Recipient, place: Behind | None) -> bool:
    here = (r.next_attempt_at, seq_of(message.spool_id) or 0)
    return place is None or here > (place.due_at, seq_of(place.spool_id) or 0)


def _head(message: Message, flow: Flow, meant: Sequence[tuple[int, Recipient]]) -> Head:
    new, envelope = message.new, message.new.envelope
    return Head(
        message.spool_id, flow, min(r.next_attempt_at for _, r in meant), new.accepted_at,
        min(r.expires_at for _, r in meant), len(message.octets), envelope.reverse_path, new.submitter,
        tuple((n, r.path.address) for n, r in meant), Likeness(
            zlib.crc32(message.octets), new.message_id, new.header_from,
        manner_of(envelope.body, envelope.ret, envelope.envid, smtputf8=envelope.smtputf8)),
    )  # fmt: skip
