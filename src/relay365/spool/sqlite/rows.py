"""Rows to values and back: what the tables hold, as spool.api sees it."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache
from typing import Any

from relay365.errors import SpoolCorrupt
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.spool.api import EventView, MessageView, NewMessage, RecipientView, State
from relay365.spool.ids import spool_id_of

Row = tuple[Any, ...]

_MESSAGE_FIELDS = (
    "seq", "accepted_at", "expires_at", "size_octets", "reverse_path", "body", "smtputf8", "ret", "envid", "trace",
    "message_id", "header_from", "submitter", "segment", "segment_offset", "crc", "damaged",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class MessageRow:
    """One row of table message, as query `message` gives it."""

    seq: int
    accepted_at: float
    expires_at: float
    size_octets: int
    reverse_path: str
    body: str
    smtputf8: int
    ret: str
    envid: str
    trace: bytes
    message_id: str
    header_from: str
    submitter: str
    segment: str | None
    segment_offset: int | None
    crc: int
    damaged: str

    def facts(self) -> SubmitterFacts:
        """The submitter; raises SpoolCorrupt."""
        try:
            return _facts(self.submitter)
        except (ValueError, TypeError) as error:
            raise SpoolCorrupt(f"message {self.seq}: submitter cannot be read: {error}") from error

    def envelope(self, paths: tuple[ForwardPath, ...]) -> Envelope:
        """The envelope for some of the recipients."""
        return Envelope(self.reverse_path, paths, self.body, bool(self.smtputf8), self.ret, self.envid)


def message_values(
    seq: int, message: NewMessage, size_octets: int, place: tuple[str | None, int | None, int]
) -> Row:
    """The values of query insert_message; place is (segment, offset, crc)."""
    envelope = message.envelope
    return (
        seq, message.accepted_at, message.expires_at, size_octets, envelope.reverse_path, envelope.body,
        int(envelope.smtputf8), envelope.ret, envelope.envid, message.trace, message.message_id, message.header_from,
        submitter_json(message.submitter), *place,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _facts(text: str) -> SubmitterFacts:
    """The submitter as read; raises ValueError or TypeError."""
    return SubmitterFacts(**json.loads(text))


@lru_cache(maxsize=256)
def submitter_json(facts: SubmitterFacts) -> str:
    """The submitter as stored."""
    return json.dumps({name: getattr(facts, name) for name in SubmitterFacts.__slots__}, ensure_ascii=False)


def recipient_view(row: Row) -> RecipientView:
    """One row of query `recipients`."""
    (
        n,
        address,
        state,
        lane,
        attempts,
        next_at,
        reply,
        klass,
        rule,
        duplicate,
        settled_at,
        remote_id,
        notify,
        orcpt,
        _,
    ) = row
    waiting = state in (State.QUEUED.value, State.CLAIMED.value)
    return RecipientView(
        n, address, State(state), lane, attempts, next_at if waiting else None, reply, klass, rule, bool(duplicate),
        settled_at, remote_id, notify, orcpt,
    )  # fmt: skip


def message_view(
    row: MessageRow, recipients: tuple[RecipientView, ...], events: tuple[EventView, ...]
) -> MessageView:
    """A message for a face; a damaged submitter shows as unknown."""
    try:
        facts = row.facts()
    except SpoolCorrupt:
        facts = SubmitterFacts(listener="?", peer_address="?")
    return MessageView(
        spool_id_of(row.seq), row.accepted_at, row.expires_at, row.size_octets, row.reverse_path, row.message_id,
        row.header_from, facts, recipients, row.damaged, events, row.envid,
    )  # fmt: skip
