"""How a message begins to exist: every row of it in one unit of work, in the state that it begins with.

Apart from the other moves because it has no row to start from. Called in the writer thread, inside a group's
transaction.
"""

from __future__ import annotations

import apsw

from relay365.mail.content import Content
from relay365.spool.api import Claim, ClaimedRecipient, NewMessage, State
from relay365.spool.faults import crash_point
from relay365.spool.ids import spool_id_of
from relay365.spool.intake import INLINE_OCTETS, StoredContent
from relay365.spool.segment import HEADER, SegmentFolder
from relay365.spool.sqlite.moves import pay, write_events
from relay365.spool.sqlite.reads import QUERIES
from relay365.spool.sqlite.rows import message_values, path_values
from relay365.spool.waiting.heads import stored_flow

SegmentPlace = tuple[str | None, int | None]
"""Segment and offset of a content; (None, None) where it is inline."""


def accept(
    connection: apsw.Connection,
    segments: SegmentFolder,
    what: tuple[int, NewMessage, StoredContent],
    lease: int,
) -> SegmentPlace:
    """(none) -> queued, claimed or held: content, message, recipients, events; and the debts that this message pays.

    Gives (segment, offset) of the content, (None, None) where it is inline. lease is used where a claim is asked for.
    """
    seq, message, stored = what
    crc = stored.crc()
    segment, offset, inline = _place_content(segments, seq, stored, crc)
    crash_point("segment-written")
    first, *others = message.envelope.forward_paths
    lane, times = message.lane, (message.accepted_at, message.expires_at)
    detail, claim_detail = f"from {message.submitter.peer_address} in lane {lane}", ""
    state: tuple[str, int, float] = (State.QUEUED.value, 0, 0.0)
    if message.held is not None:
        state = (State.HELD.value, 0, 0.0)
    elif message.claim_until_at:
        state = (State.CLAIMED.value, lease, message.claim_until_at)
        claim_detail = f"{1 + len(others)} recipients at once"
    values = message_values(seq, message, stored.size_octets, (segment, offset, crc))
    flow = stored_flow(message.submitter)
    values += (inline, detail, *path_values(seq, 0, first), message.lane_of(0), flow, *state, claim_detail)
    connection.execute(QUERIES["accept"], values)
    if others:
        rows = [
            (seq, n, *path_values(seq, n, path), message.lane_of(n), flow, *times, *state)
            for n, path in enumerate(others, 1)
        ]
        connection.executemany(QUERIES["insert_recipient"], rows)
    if message.repairs:
        write_events(connection, message.accepted_at, [(seq, -1)], "message.repaired", message.repairs)
    if message.held is not None:
        row, reason, owes = message.held
        connection.execute(QUERIES["mark_held"], (reason, row, owes.value if owes else "", seq))
        numbers = [(seq, n) for n in range(1 + len(others))]
        write_events(connection, message.accepted_at, numbers, "recipient.held", reason)
    if message.answers:
        pay(connection, message.accepted_at, message.answers, f"report.queued as {spool_id_of(seq)}")
    return segment, offset


def claim_of(seq: int, message: NewMessage, lease: int, body: Content) -> Claim:
    """The claim of a message that was claimed in its own commit."""
    recipients = tuple(
        ClaimedRecipient(n, path, 0, possible_duplicate=False)
        for n, path in enumerate(message.envelope.forward_paths)
    )
    return Claim(
        spool_id_of(seq), message.lane, lease, message.claim_until_at, message.envelope, recipients, body,
        message.trace, message.message_id, message.header_from, message.submitter, message.accepted_at,
        message.expires_at,
    )  # fmt: skip


def _place_content(
    segments: SegmentFolder, seq: int, stored: StoredContent, crc: int
) -> tuple[str | None, int | None, bytes | None]:
    """Segment, offset, and the octets that are to stay inside the database."""
    if stored.own is not None:
        return stored.own.name, HEADER.size, None
    octets = stored.octets or b""
    if len(octets) > INLINE_OCTETS:
        return *segments.append(seq, octets, crc), None
    return None, None, octets
