"""Creating: a backup of a site while its service runs, whole or not at all.

The file begins its life under another name, readable by its owner alone, and gets its own name when it is complete
and synced. Nothing is ever overwritten. Blocks: a command's work, not the service's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from relay365.errors import DataInUseError, Relay365Error
from relay365.keeping.archive import BLOCK_OCTETS, Member, Writer
from relay365.keeping.estate import STAGE, Estate, LeftOut
from relay365.keeping.sealing import Sealer
from relay365.spool.copies.reviving import CopyFacts, look
from relay365.spool.copies.snapshot import Snapshot
from relay365.spool.lock import DirectoryLock
from relay365.spool.segment import sync_folder

Seen = Callable[[str, int, int], None]
"""Told of the progress: what is done, octets so far, of how many."""


class NotAllowed(Relay365Error):
    """A backup that is refused for safety: what, why and what to do stand in it."""

    def __init__(self, what: str, why: str, do: str) -> None:
        self.what, self.why, self.do = what, why, do
        super().__init__(f"{what}: {why}; {do}")


class TooLittleRoom(Relay365Error):
    """A disk has no room for the copy; the text says which and how much."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written: to a new file; about: what is told of the backup; at: epoch seconds.

    passphrase: "" for none. scratch: where the database is copied first, default the data directory.
    """

    to: Path
    about: Mapping[str, Any]
    at: float
    passphrase: str = field(default="", repr=False)
    scratch: Path | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was written. damaged: queue id -> why, of contents that were no longer what was accepted."""

    file: Path
    size_octets: int
    is_sealed: bool
    members: tuple[Member, ...]
    facts: CopyFacts
    damaged: Mapping[str, str]
    left_out: tuple[LeftOut, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it has everything that it should have, undamaged."""
        return not (self.damaged or self.facts.problems or any(one.is_fault for one in self.left_out))


def create(estate: Estate, order: Order, seen: Seen = lambda what, done, whole: None) -> Made:
    """Back a site up into a new file.

    Raises NotAllowed, TooLittleRoom, DataInUseError (another backup is under way), SpoolError and OSError; then no file
    is left.
    """
    to, passphrase, scratch = order.to, order.passphrase, order.scratch
    _require_place(estate, to, is_sealed=bool(passphrase))
    with ExitStack() as stack:
        stage = stack.enter_context(_stage(scratch or estate.data))
        snapshot = stack.enter_context(Snapshot(estate.data))
        database = stage / "spool.db"
        _require_room(stage, snapshot.size_octets, estate.config.queue.disk_floor if scratch is None else 0)
        snapshot.write_database(database, lambda done, whole: seen("queue", done, whole))
        facts = look(database)
        part = stack.enter_context(_part_of(to, is_sealed=bool(passphrase)))
        sink: Any = stack.enter_context(Sealer(part, passphrase)) if passphrase else part
        told = {**order.about, "schema": facts.schema}
        writer = Writer(cast(BinaryIO, sink), told, order.at)
        owner = (estate.data / "spool.db").stat()
        writer.add("data/spool.db", database.stat().st_size, _blocks_of(database), owner)
        for n, name in enumerate(snapshot.segments, 1):
            seen("segments", n, len(snapshot.segments))
            size, blocks = snapshot.segment(name)
            writer.add(f"data/segments/{name}", size, blocks)
        left_out = _add_files(writer, estate)
        writer.finish(_told(facts, snapshot.damaged, left_out))
        if passphrase:
            sink.close()
        size = _complete(part, to)
    return Made(to, size, bool(passphrase), tuple(writer.members), facts, snapshot.damaged, tuple(left_out))


def _told(facts: CopyFacts, damaged: Mapping[str, str], left_out: list[LeftOut]) -> dict[str, Any]:
    return {
        "messages": facts.n_messages,
        "waiting": facts.n_waiting,
        "owed_reports": facts.n_owed,
        "recipients": dict(facts.counts),
        "damaged": dict(damaged),
        "problems": list(facts.problems),
        "left_out": [{"what": one.what, "why": one.why} for one in left_out],
    }


def _add_files(writer: Writer, estate: Estate) -> list[LeftOut]:
    """Configuration, secrets, keys and memory; gives what is left out. A file that goes meanwhile was none of those."""
    named, left_out = estate.files()
    for one in sorted(named, key=lambda one: one.name):
        try:
            octets, facts = one.path.read_bytes(), one.path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            left_out.append(LeftOut(str(one.path), error.strerror or "it cannot be read", is_fault=True))
            continue
        writer.add(one.name, len(octets), [octets], None if one.name.startswith("data/") else facts)
    return left_out


def _require_place(estate: Estate, to: Path, *, is_sealed: bool) -> None:
    """Where a backup may be written. Raises NotAllowed, and OSError where there is no such folder."""
    if to.exists():
        raise NotAllowed(f"{to} is there already", "a backup never overwrites a file", "give it another name")
    folder = to.resolve().parent
    if folder.is_relative_to(estate.data.resolve()):
        raise NotAllowed(
            "the backup would lie in the data directory",
            f"it would be lost with {estate.data}",
            "give it a place on another disk",
        )
    mode = folder.stat().st_mode
    if not is_sealed and os.name != "nt" and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise NotAllowed(
            f"others could put another file in the place of {to}",
            f"everybody may write to {folder}, and the backup has secrets in it",
            f"chmod o-w {folder}, another folder, or --encrypt",
        )


def _require_room(stage: Path, size_octets: int, floor_octets: int) -> None:
    free = shutil.disk_usage(stage).free
    if free < size_octets + floor_octets:
        raise TooLittleRoom(
            f"copying the queue takes {size_octets} octets in {stage.parent}, "
            f"of {free} that are free {floor_octets} are for devices"
        )


@contextlib.contextmanager
def _stage(scratch: Path) -> Iterator[Path]:
    """A private folder for the copy of the database; one backup at a time. What a killed one left is removed."""
    stage, lock = scratch / STAGE, None
    stage.mkdir(mode=0o700, exist_ok=True)
    lock = DirectoryLock(stage)
    try:
        lock.take()
    except DataInUseError:
        raise DataInUseError(f"another backup is under way: {stage} is in use") from None
    try:
        for left in stage.glob("spool.db*"):
            left.unlink()
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        lock.release()
        if os.name == "nt":  # where the lock, being open, could not be removed
            shutil.rmtree(stage, ignore_errors=True)


@contextlib.contextmanager
def _part_of(to: Path, *, is_sealed: bool) -> Iterator[BinaryIO]:
    """The file under its first name; removed unless it was completed. Raises NotAllowed where others could read it."""
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(part, flags, 0o600)
    try:
        with os.fdopen(handle, "wb", BLOCK_OCTETS) as file:
            if not is_sealed and os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
                raise NotAllowed(
                    f"others could read {to}",
                    "its file system keeps no rights, and the backup has secrets in it",
                    "--encrypt, or another place",
                )
            yield file
    finally:
        part.unlink(missing_ok=True)


def _complete(part: BinaryIO, to: Path) -> int:
    """Sync, and give the file its name; gives its size."""
    part.flush()
    os.fsync(part.fileno())
    size = os.fstat(part.fileno()).st_size
    part.close()  # Windows gives no other name to a file that is open (os.rename)
    Path(f"{to}.part").rename(to)
    sync_folder(to.resolve().parent)
    return size


def _blocks_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(BLOCK_OCTETS):
            yield block
