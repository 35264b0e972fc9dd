"""Rows to values and back: what the tables hold, as spool.api sees it."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from relay365.errors import SpoolCorrupt
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.spool.aging.life import Age, Ends, last_end
from relay365.spool.api import END_STATES, EventView, MessageView, NewMessage, RecipientView, State
from relay365.spool.ids import spool_id_of

Row = tuple[Any, ...]


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
    row_crc: int
    damaged: str

    @classmethod
    def read(cls, row: Row) -> MessageRow:
        """From the database, where text is octets; what is not UTF-8 any more fails the checksum."""
        (
            seq, accepted_at, expires_at, size, reverse_path, body, smtputf8, ret, envid, trace, message_id,
            header_from, submitter, segment, offset, crc, row_crc, damaged,
        ) = row  # fmt: skip
        return cls(
            seq, accepted_at, expires_at, size, text_of(reverse_path), text_of(body), smtputf8, text_of(ret),
            text_of(envid), trace, text_of(message_id), text_of(header_from), text_of(submitter), segment, offset,
            crc, row_crc, text_of(damaged),
        )  # fmt: skip

    def is_whole(self) -> bool:
        """Whether the row still says what was accepted."""
        facts = (self.message_id, self.header_from, self.submitter)
        return message_crc(self.seq, self.envelope(()), self.trace, facts) == self.row_crc

    def why_damaged(self) -> str:
        """Why nothing may be sent from this row, or ""."""
        if self.damaged or self.is_whole():
            return self.damaged
        return f"message {self.seq}: its row has a wrong checksum"

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
    """The message's part of the values of query accept; place is (segment, offset, crc)."""
    envelope, submitter = message.envelope, submitter_json(message.submitter)
    row_crc = message_crc(seq, envelope, message.trace, (message.message_id, message.header_from, submitter))
    return (
        seq, message.accepted_at, message.expires_at, size_octets, envelope.reverse_path, envelope.body,
        int(envelope.smtputf8), envelope.ret, envelope.envid, message.trace, message.message_id, message.header_from,
        submitter, *place, row_crc,
    )  # fmt: skip


def facts_of(text: str) -> SubmitterFacts:
    """A submitter as stored; a damaged one is nobody."""
    try:
        return _facts(text)
    except (ValueError, TypeError):
        return SubmitterFacts(listener="?", peer_address="?")


def text_of(octets: bytes) -> str:
    """Text for people and for a checksum; it never fails."""
    return octets.decode("utf-8", "replace")


def message_crc(seq: int, envelope: Envelope, trace: bytes, facts: tuple[str, str, str]) -> int:
    """CRC-32 of what a row says of its message; facts are Message-ID, From and submitter as stored.

    Without it a flipped octet of a disk sends as somebody else: SQLite has checksums for its log only.
    """
    words = (
        str(seq), envelope.reverse_path, envelope.body, str(int(envelope.smtputf8)), envelope.ret, envelope.envid,
        *facts,
    )  # fmt: skip
    return zlib.crc32(trace, zlib.crc32("\0".join(words).encode()))


def path_values(seq: int, n: int, path: ForwardPath) -> Row:
    """Address, notify, orcpt and checksum of a recipient's row."""
    return path.address, path.notify, path.orcpt, path_crc(seq, n, path)


def path_crc(seq: int, n: int, path: ForwardPath) -> int:
    """CRC-32 of what a row says of a recipient."""
    return zlib.crc32(f"{seq}\0{n}\0{path.address}\0{path.notify}\0{path.orcpt}".encode())


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
        fate,
        fate_at,
        fate_detail,
        _expires_at,
        _counted_at,
        owes,
    ) = row
    waiting = state in (State.QUEUED.value, State.CLAIMED.value)
    return RecipientView(
        n, text_of(address), State(state), lane, attempts, next_at if waiting else None, text_of(reply), klass, rule,
        bool(duplicate), settled_at, text_of(remote_id), text_of(notify), text_of(orcpt),
        text_of(fate), fate_at, text_of(fate_detail), Debt(owes) if owes else None,
    )  # fmt: skip


def message_view(
    row: MessageRow, recipients: Sequence[Row], events: tuple[EventView, ...], ends: Ends
) -> MessageView:
    """A message for a face; a damaged submitter shows as unknown. recipients: rows of query `recipients`."""
    facts = facts_of(row.submitter)
    views = tuple(map(recipient_view, recipients))
    ages = [
        (view.lane, Age(row.accepted_at, *one[-3:-1]))
        for view, one in zip(views, recipients, strict=True)
        if view.state not in END_STATES
    ]
    expires_at = last_end(row.expires_at, ages, ends)
    return MessageView(
        spool_id_of(row.seq), row.accepted_at, expires_at, row.size_octets, row.reverse_path, row.message_id,
        row.header_from, facts, views, row.why_damaged(), events, row.envid, expires_at - row.expires_at,
    )  # fmt: skip
