"""Verifying: a backup is read to its end, its hashes compared, and its queue opened, before anybody needs it.

Restoring takes members out by the same hand, so that what verifies can be restored.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from relay365.keeping.archive import BLOCK_OCTETS, BadArchive, Entry, Reader
from relay365.keeping.sealing import INTRO, Opener, Unopened, is_sealed
from relay365.spool.copies.reviving import CopyFacts, look

DATABASE, SEGMENTS = "data/spool.db", "data/segments/"

Place = Callable[[str], Path | None]
"""Where a member is written, by its name; None: it is only read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a backup holds. about, manifest: as they stand in it; problems: why it is not good, [] when it is."""

    is_sealed: bool
    about: dict[str, Any]
    manifest: dict[str, Any]
    facts: CopyFacts
    problems: tuple[str, ...]


@contextmanager
def opened(file: Path, passphrase: Callable[[], str]) -> Iterator[tuple[Reader, bool]]:
    """(a reader, whether the file is sealed). passphrase is called where it is. Raises BadArchive and OSError."""
    with file.open("rb") as stream:
        sealed = is_sealed(stream.peek(len(INTRO))[: len(INTRO)])
        try:
            of: Any = BufferedReader(Opener(stream, passphrase()), BLOCK_OCTETS) if sealed else stream
            yield Reader(cast(BinaryIO, of)), sealed
        except Unopened as error:
            raise BadArchive(f"it does not open: {error}") from error


def verify(file: Path, passphrase: Callable[[], str], scratch: Path | None = None) -> Verdict:
    """Read a backup to its end. scratch: where its database is written meanwhile, default the system's folder for that.

    Raises BadArchive where it is not whole or not for us, SpoolCorrupt where its database is none, and OSError.
    """
    with tempfile.TemporaryDirectory(prefix="relay365-verify-", dir=scratch) as folder:
        database = Path(folder) / "spool.db"
        with opened(file, passphrase) as (reader, sealed):
            entries = take_out(reader, lambda name: database if name == DATABASE else None)
        if DATABASE not in entries:
            raise BadArchive("it has no queue: data/spool.db is missing")
        facts = look(database)
    problems = [*facts.problems, *short_segments(facts, entries)]
    problems += [f"message {name}: {why}" for name, why in reader.manifest.get("damaged", {}).items()]
    if not facts.is_for_us:
        problems.append(
            f"its queue has schema {facts.schema}, this relay365 knows schemas up to {facts.newest}: "
            f"restore it with relay365 {reader.about.get('program')} or newer"
        )
    return Verdict(sealed, reader.about, reader.manifest, facts, tuple(dict.fromkeys(problems)))


def take_out(reader: Reader, place: Place) -> dict[str, Entry]:
    """Read all members and write those that have a place, synced; gives them by name. Raises BadArchive and OSError."""
    entries = {}
    for entry, blocks in reader.members():
        entries[entry.name] = entry
        to = place(entry.name)
        if to is not None:
            _write(to, blocks, entry)
    return entries


def short_segments(facts: CopyFacts, entries: Mapping[str, Entry]) -> list[str]:
    """What the queue needs of its segments and the backup has not got, in words."""
    sizes = {name: one.size_octets for name, one in entries.items()}
    return [
        f"segment {name} has {sizes.get(SEGMENTS + name, 0)} octets, the queue needs {end}"
        for name, end in sorted(facts.ends.items())
        if sizes.get(SEGMENTS + name, 0) < end
    ]


def _write(to: Path, blocks: Iterator[bytes], entry: Entry) -> None:
    """What lies in the data directory is for its owner alone; elsewhere a file has the rights that it had."""
    is_ours = entry.name.startswith("data/")
    to.parent.mkdir(mode=0o700 if is_ours else 0o755, parents=True, exist_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(to, flags, 0o600), "wb") as file:
        for block in blocks:
            file.write(block)
        if not is_ours and os.name != "nt":
            os.fchmod(file.fileno(), entry.mode)
        file.flush()
        os.fsync(file.fileno())
