"""Long queues and long histories, made in seconds: by the spool's own moves, in transactions of ten thousand.

Nothing is imitated: spool.sqlite.path.accepting writes each message with its content, checksums and event, and
moves.settle ends it where a history is wanted. Only the disk is not waited for, and groups are larger than a
service's. The cases that deliver a made queue read every checksum again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw

from relay365.clock import SystemClock
from relay365.mail import headers
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.outcome import Kind, Outcome
from relay365.spool.api import Fate, NewMessage, Settlement, State
from relay365.spool.ids import spool_id_of
from relay365.spool.intake import StoredContent
from relay365.spool.segment import SegmentFolder
from relay365.spool.sqlite import moves, reads
from relay365.spool.sqlite.migrate import connect, migrate
from relay365.spool.sqlite.path import accepting
from relay365.trial.bench import Load

DATA = "data"
LANE = "smarthost"  # what the route of bench.peers.RELAY365 is called where it has no name of its own
SIZE_OCTETS = 2048
LIFE_S = 432_000.0  # [queue] give_up, as it is shipped
KEEP_S = 7_776_000.0  # [queue] keep, as it is shipped
PER_TRANSACTION = 10_000
N_DEVICES, N_READERS = 40, 1000
_CACHE_KIB = 200_000
_LEASE = 1
_TAKEN = Outcome(Kind.DELIVERED, reply_text="250 2.0.0 taken")

Make = Callable[[apsw.Connection, SegmentFolder, int], None]
"""Writes one message by its number."""


def queue(folder: Path, n: int) -> Path:
    """A relay's folder with n due messages of 2 KB, accepted within the last hour; made where it is not there yet."""
    return _made(folder, n, _queued(n))


def history(folder: Path, n: int, *, age_s: float = 3600.0) -> Path:
    """The same with n delivered messages instead, of which the last ended age_s ago."""
    return _made(folder, n, _delivered(n, age_s))


def copied(ground: Path, folder: Path) -> Path:
    """A copy of a ground, for a case that must not find what the one before it has left."""
    shutil.copytree(ground, folder)
    return folder


def n_delivered(folder: Path) -> int:
    """How many recipients of a ground are delivered by now; nothing may be running on it."""
    with closing(connect(folder / DATA / "spool.db")) as connection:
        return dict(reads.counts(connection)).get(State.DELIVERED, 0)


def _made(folder: Path, n: int, make: Make) -> Path:
    data = folder / DATA
    if data.exists():
        return folder
    data.mkdir(parents=True, mode=0o700)
    file = data / "spool.db"
    migrate(file)
    with closing(apsw.Connection(str(file))) as connection:
        for setting in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {setting}")
        segments = SegmentFolder(data / "segments")
        for first in range(1, n + 1, PER_TRANSACTION):
            connection.execute("BEGIN")
            for seq in range(first, min(first + PER_TRANSACTION, n + 1)):
                make(connection, segments, seq)
            connection.execute("COMMIT")
        segments.close()
    connect(file).close()  # from now on it has its log, as a service's has
    return folder


def _queued(n: int) -> Make:
    now, stored = SystemClock().now(), _stored()
    pace_s = 3600.0 / n

    def make(connection: apsw.Connection, segments: SegmentFolder, seq: int) -> None:
        message = _message(seq, now - (n + 1 - seq) * pace_s, 0.0)
        accepting.accept(connection, segments, (seq, message, stored), 0)

    return make


def _delivered(n: int, age_s: float) -> Make:
    last_at, stored = SystemClock().now() - age_s, _stored()

    def make(connection: apsw.Connection, segments: SegmentFolder, seq: int) -> None:
        at = last_at - (n - seq)
        message = _message(seq, at, at + 60.0)
        accepting.accept(connection, segments, (seq, message, stored), _LEASE)
        ended = Settlement(spool_id_of(seq), _LEASE, (Fate(0, State.DELIVERED, _TAKEN),))
        moves.settle(connection, segments, [ended], at, tidy=True)

    return make


def _stored() -> StoredContent:
    octets = Load(1, SIZE_OCTETS, 1).content
    return StoredContent(octets, None, len(octets))


def _message(seq: int, at: float, claim_until_at: float) -> NewMessage:
    device = seq % N_DEVICES
    sender = f"device{device}@relay.example"
    facts = SubmitterFacts(listener="127.0.0.1:25", peer_address=f"10.0.0.{device}", helo=f"device{device}")
    envelope = Envelope(sender, (ForwardPath(reader(seq)),))
    trace = headers.received("relay.example", spool_id_of(seq), envelope, facts, at)
    name = f"<{seq}@relay.example>"
    return NewMessage(
        envelope, facts, LANE, at, at + LIFE_S, trace, name, sender, claim_until_at=claim_until_at
    )


def reader(seq: int) -> str:
    """To whom a made message goes."""
    return f"reader{seq % N_READERS}@relay.example"
