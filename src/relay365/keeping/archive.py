"""Archive: a backup as a file: a gzipped tar whose first member says what it is and whose last one proves the rest.

`about.json` comes first, so that a program that cannot read the rest says so at once; then the members, streamed and
hashed as they pass; `manifest.json` comes last, with the SHA-256 of each. A file without it was never finished.
Whether the stream is sealed (relay365.keeping.sealing) is not the archive's business. Every tar opens it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

FORMAT = 1
ABOUT, MANIFEST = "about.json", "manifest.json"
AREAS = ("data", "config", "elsewhere")
"""Where members may stand: the data directory, beside the configuration file, and paths from the root of the disk."""
LEVEL = 1  # of gzip: mail is mostly base64, which gains a quarter at any level
MOST_NOTE_OCTETS = 64 * 1024 * 1024  # of about.json and manifest.json
BLOCK_OCTETS = 256 * 1024
_MOST_RIGHTS = 0o644  # of a member: nothing that runs, and nothing that others may write
_FAULTS = (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile)


class BadArchive(Exception):
    """A file that is no backup, not a whole one, or not one for this program; the text says which."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup. name: AREA/path, with slashes."""

    name: str
    size_octets: int
    sha256: str


class Entry(NamedTuple):
    """What the tar says of a member. mode: at most readable for others; owner and group: by name, "" where unknown."""

    name: str
    size_octets: int
    mode: int
    owner: str
    group: str


class Reading(io.RawIOBase):
    """Blocks as a file to read from, hashed as they pass."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._rest = iter(blocks), b""
        self.digest, self.n_octets = hashlib.sha256(), 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: object) -> int:
        """See io.RawIOBase."""
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        view = memoryview(room)  # type: ignore[arg-type]
        n = min(len(view), len(self._rest))
        view[:n], self._rest = self._rest[:n], self._rest[n:]
        self.digest.update(view[:n])
        self.n_octets += n
        return n


class Writer:
    """Writes an archive into a stream; finish() makes it whole. at: the time stamp of its members, epoch seconds."""

    def __init__(self, to: BinaryIO, about: Mapping[str, Any], at: float) -> None:
        self._at, self._about = int(at), dict(about)
        self._gzip = gzip.GzipFile("", "wb", LEVEL, to, self._at)
        self._tar = tarfile.open(  # noqa: SIM115 - closed by finish()
            fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK_OCTETS
        )
        self.members: list[Member] = []
        self._note(ABOUT, {"format": FORMAT, **self._about})

    def add(
        self, name: str, size_octets: int, blocks: Iterable[bytes], like: os.stat_result | None = None
    ) -> None:
        """One member. like: the file whose rights and owner it keeps; default: for its owner alone.

        Raises OSError where the blocks are not as many octets as promised, and what writing raises.
        """
        reading, facts = Reading(blocks), self._facts(name, size_octets)
        if like is not None:
            facts.mode = like.st_mode & _MOST_RIGHTS | 0o600
            facts.uname, facts.gname = owner_of(like)
        file = io.BufferedReader(reading, BLOCK_OCTETS)
        self._tar.addfile(facts, file)
        if file.read(1):  # also lets the blocks come to their end, where they judge themselves
            raise OSError(f"more than {size_octets} octets of {name}")
        self.members.append(Member(name, reading.n_octets, reading.digest.hexdigest()))

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the manifest and the end."""
        members = [
            {"name": one.name, "size_octets": one.size_octets, "sha256": one.sha256} for one in self.members
        ]
        self._note(MANIFEST, {"format": FORMAT, **self._about, **facts, "members": members})
        self._tar.close()
        self._gzip.close()

    def _note(self, name: str, value: Mapping[str, Any]) -> None:
        octets = json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
        self._tar.addfile(self._facts(name, len(octets)), io.BytesIO(octets))

    def _facts(self, name: str, size_octets: int) -> tarfile.TarInfo:
        facts = tarfile.TarInfo(name)
        facts.size, facts.mode, facts.mtime = size_octets, 0o600, self._at
        return facts


class Reader:
    """An archive that is read from its beginning to its end, once. Raises BadArchive throughout."""

    def __init__(self, of: BinaryIO) -> None:
        self.about: dict[str, Any] = {}
        self.manifest: dict[str, Any] = {}
        self._seen: list[Member] = []
        with _plain_words():
            self._gzip = gzip.GzipFile(fileobj=of, mode="rb")
            self._tar = tarfile.open(fileobj=self._gzip, mode="r|", bufsize=BLOCK_OCTETS)  # noqa: SIM115
            first = self._tar.next()
            if first is None or first.name != ABOUT:
                raise BadArchive("it is no backup of relay365: it does not begin with about.json")
            self.about = self._read_note(first)
        if self.about.get("format") != FORMAT:
            raise BadArchive(
                f"it has format {self.about.get('format')}, this relay365 reads format {FORMAT}: "
                f"it was made by relay365 {self.about.get('program')}"
            )

    def members(self) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """(entry, blocks) of each member in order; what is not read of one is read and thrown away.

        When it has ended, the manifest was compared: everything was there as it was written, or BadArchive was raised.
        """
        while True:
            with _plain_words():
                facts = self._tar.next()
            if facts is None:
                raise BadArchive("it ends before its manifest: it was never finished, or was cut off")
            if facts.name == MANIFEST:
                with _plain_words():
                    self.manifest = self._read_note(facts)
                    self._read_to_the_end()
                return self._compare()
            reading = Reading(self._blocks(facts))
            rights = facts.mode & _MOST_RIGHTS | 0o600
            entry = Entry(checked_name(facts), facts.size, rights, facts.uname, facts.gname)
            yield entry, _blocks_of(reading)
            while reading.read(BLOCK_OCTETS):
                pass
            self._seen.append(Member(facts.name, reading.n_octets, reading.digest.hexdigest()))

    def _read_to_the_end(self) -> None:
        """Behind the manifest nothing may come, and the sums of the stream must be right."""
        if self._tar.next() is not None:
            raise BadArchive("something stands behind its manifest")
        while self._gzip.read(BLOCK_OCTETS):
            pass

    def _blocks(self, facts: tarfile.TarInfo) -> Iterator[bytes]:
        with _plain_words():
            file = self._tar.extractfile(facts)
            while file is not None and (block := file.read(BLOCK_OCTETS)):
                yield block

    def _read_note(self, facts: tarfile.TarInfo) -> dict[str, Any]:
        file = self._tar.extractfile(facts) if facts.size <= MOST_NOTE_OCTETS else None
        try:
            found = json.loads(file.read()) if file is not None else None
        except ValueError as error:
            raise BadArchive(f"{facts.name} cannot be read") from error
        if not isinstance(found, dict):
            raise BadArchive(f"{facts.name} cannot be read")
        return found

    def _compare(self) -> None:
        try:
            told = {Member(**one) for one in self.manifest["members"]}
        except (KeyError, TypeError) as error:
            raise BadArchive("its manifest cannot be read") from error
        seen = set(self._seen)
        if len(seen) != len(self._seen):
            raise BadArchive("a member stands in it twice")
        other = sorted({one.name for one in told ^ seen})
        if other:
            named = ", ".join(other[:3]) + (f" and {len(other) - 3} more" if len(other) > 3 else "")
            raise BadArchive(f"{named}: not what was written (SHA-256)")


def _blocks_of(reading: Reading) -> Iterator[bytes]:
    while block := reading.read(BLOCK_OCTETS):
        yield block


def owner_of(facts: os.stat_result) -> tuple[str, str]:
    """Names of owner and group, "" where the system has none."""
    if os.name == "nt":
        return "", ""
    import grp
    import pwd

    owner = group = ""
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(facts.st_uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(facts.st_gid).gr_name
    return owner, group


def checked_name(facts: tarfile.TarInfo) -> str:
    """The name of a member that may be written below a directory; raises BadArchive for any other."""
    path = PurePosixPath(facts.name)
    parts = path.parts
    is_tame = facts.isreg() and not path.is_absolute() and ".." not in parts and "\\" not in facts.name
    if not is_tame or len(parts) < 2 or parts[0] not in AREAS or (os.name == "nt" and ":" in facts.name):
        raise BadArchive(f"{facts.name!r} is no member of a backup: nothing of it was used")
    return facts.name


@contextmanager
def _plain_words() -> Iterator[None]:
    try:
        yield
    except gzip.BadGzipFile as error:
        is_other = str(error).startswith("Not a gzipped")
        why = "neither a gzipped tar nor sealed by age" if is_other else f"damaged: {error}"
        raise BadArchive(f"it is no backup: {why}") from error
    except _FAULTS as error:
        raise BadArchive(f"it is no backup, or it is damaged: {error}") from error
