"""How mail is claimed: many messages in three statements, and what is damaged among them never in the way of the rest.

Apart from the other moves because it reads and checks what it takes. A statement gives the interpreter lock away, and
on a busy relay the writer waits for it longer than the statement takes: so a claim of twenty messages is three
statements and not sixty. Called in the writer thread, inside a group's transaction.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from relay365.errors import SpoolCorrupt
from relay365.mail.content import Content
from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.spool.api import MOST_RECIPIENTS, Claim, ClaimedRecipient
from relay365.spool.content import HotContents, MemoryContent
from relay365.spool.faults import DamagedMessage
from relay365.spool.ids import spool_id_of
from relay365.spool.sqlite.moves import set_aside
from relay365.spool.sqlite.reads import QUERIES, Place, content, message_row
from relay365.spool.sqlite.rows import MessageRow, path_crc, text_of


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """What a claim asks for: the due recipients in a lane of some messages, `recipients` of one message at most.

    numbers: of the messages, each once; leases are numbered upward from `lease`, one for each of them.
    """

    lane: str
    numbers: tuple[int, ...]
    now: float
    lease: int
    lease_until_at: float
    hot: HotContents
    place: Place
    recipients: int = MOST_RECIPIENTS


@dataclass(frozen=True, slots=True)
class _Checked:
    """A message whose row and content are whole."""

    row: MessageRow
    facts: SubmitterFacts
    body: Content


def claim(connection: apsw.Connection, order: ClaimOrder) -> list[Claim]:
    """queued -> claimed, for the due recipients of some messages, in the order asked for; a damaged message is set
    aside instead.

    Raises DamagedMessage when a page of the database or a recipient's row is damaged: the transaction is lost, and the
    caller sets that message aside in the next.
    """
    checked: dict[int, _Checked] = {}
    for seq, row in _rows(connection, order.numbers):
        try:
            checked[seq] = _check(connection, order, seq, row)
        except SpoolCorrupt as damage:
            set_aside(connection, order.now, seq, str(damage))
        except apsw.CorruptError as error:
            raise DamagedMessage(seq, str(error)) from error
    leases = {seq: order.lease + nth for nth, seq in enumerate(checked)}
    taken = _take(connection, order, list(checked))
    _record(connection, order, taken)
    return [_claim(order, checked[seq], leases[seq], taken[seq]) for seq in checked if seq in taken]


def _rows(connection: apsw.Connection, numbers: Sequence[int]) -> Iterable[tuple[int, MessageRow | None]]:
    """The rows of messages, None where there is none. A damaged page is found by asking for each of them."""
    try:
        found = {row[0]: row for row in connection.execute(QUERIES["messages"], (json.dumps(numbers),))}
    except apsw.CorruptError:
        for seq in numbers:
            try:
                message_row(connection, seq)
            except apsw.CorruptError as error:
                raise DamagedMessage(seq, str(error)) from error
        raise
    return [(seq, MessageRow.read(found[seq]) if seq in found else None) for seq in numbers]


def _check(connection: apsw.Connection, order: ClaimOrder, seq: int, row: MessageRow | None) -> _Checked:
    """Raises SpoolCorrupt where something of it is not what was accepted."""
    if row is None:
        raise SpoolCorrupt(f"message {seq}: its row is missing")
    damage = row.why_damaged()
    if damage:
        raise SpoolCorrupt(damage)
    return _Checked(row, row.facts(), _content(connection, order, row))


def _content(connection: apsw.Connection, order: ClaimOrder, row: MessageRow) -> Content:
    hot = order.hot.take(row.seq)
    if hot is not None:
        return MemoryContent(hot)
    body = content(connection, row, order.place)
    if body is None:
        raise SpoolCorrupt(f"message {row.seq}: its content is missing")
    octets = body.octets()
    if octets is not None and zlib.crc32(octets) != row.crc:
        raise SpoolCorrupt(f"message {row.seq}: content has a wrong checksum")
    return body


def _take(
    connection: apsw.Connection, order: ClaimOrder, numbers: Sequence[int]
) -> dict[int, tuple[ClaimedRecipient, ...]]:
    """The recipients that are ours now, by message; who has none is not in it."""
    values = (order.lease, order.lease_until_at, json.dumps(numbers), order.lane, order.now, order.recipients)
    try:
        rows: list[tuple[Any, ...]] = connection.execute(QUERIES["claim"], values).fetchall()
    except apsw.CorruptError as error:
        raise _culprit(connection, numbers, error) from error
    found: dict[int, list[ClaimedRecipient]] = {}
    for seq, *rest in sorted(rows):
        found.setdefault(seq, []).append(_recipient(seq, *rest))
    return {seq: tuple(recipients) for seq, recipients in found.items()}


def _culprit(connection: apsw.Connection, numbers: Sequence[int], error: apsw.CorruptError) -> Exception:
    """Whose recipients lie on the damaged page, found by asking for each message's."""
    for seq in numbers:
        try:
            connection.execute(QUERIES["recipients"], (seq,)).fetchall()
        except apsw.CorruptError as damage:
            return DamagedMessage(seq, str(damage))
    return error


def _recipient(seq: int, n: int, *values: Any) -> ClaimedRecipient:
    address, notify, orcpt, crc, attempts, duplicate = values
    path = ForwardPath(text_of(address), text_of(notify), text_of(orcpt))
    if path_crc(seq, n, path) != crc:
        raise DamagedMessage(seq, f"recipient {n} has a wrong checksum")
    return ClaimedRecipient(n, path, attempts, bool(duplicate))


def _record(
    connection: apsw.Connection, order: ClaimOrder, taken: dict[int, tuple[ClaimedRecipient, ...]]
) -> None:
    """One line of history for each message."""
    details = [(seq, f"{len(who)} recipients in lane {order.lane}") for seq, who in taken.items()]
    if details:
        connection.execute(QUERIES["claimed"], (order.now, json.dumps(details)))


def _claim(order: ClaimOrder, one: _Checked, lease: int, recipients: tuple[ClaimedRecipient, ...]) -> Claim:
    row = one.row
    return Claim(
        spool_id_of(row.seq), order.lane, lease, order.lease_until_at, row.envelope(tuple(r.path for r in recipients)),
        recipients, one.body, row.trace, row.message_id, row.header_from, one.facts, row.accepted_at, row.expires_at,
    )  # fmt: skip
