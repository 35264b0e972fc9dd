"""Archives: whole or told, opened by any tar, and never a way out of the folder that they are taken out into."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay365.keeping.archive import BadArchive, Reader, Writer, owner_of

ABOUT = {"program": "0.1.0", "created_at": "2026-11-30T02:00:00Z"}
MEMBERS = {"data/spool.db": b"queue" * 100_000, "config/relay365.toml": b"[server]\n", "data/empty": b""}


def _written(members: dict[str, bytes] = MEMBERS) -> bytes:
    to = io.BytesIO()
    writer = Writer(to, ABOUT, 1_000_000.0)
    for name, octets in members.items():
        writer.add(name, len(octets), [octets[:7], octets[7:]])
    writer.finish({"waiting": 3})
    return to.getvalue()


def _read(octets: bytes) -> tuple[dict[str, bytes], Reader]:
    reader = Reader(io.BytesIO(octets))
    return {entry.name: b"".join(blocks) for entry, blocks in reader.members()}, reader


def test_what_was_written_is_read() -> None:
    """Members with their octets, what is told before them, and the manifest behind."""
    members, reader = _read(_written())

    assert MEMBERS == members
    assert ABOUT | {"format": 1} == reader.about
    assert 3 == reader.manifest["waiting"]
    assert list(MEMBERS) == [one["name"] for one in reader.manifest["members"]]


def test_members_that_nobody_reads_are_proved_as_well() -> None:
    """Whoever wants one member still hears that another one is not what was written."""
    octets = gzip.decompress(_written()).replace(b"[server]", b"[sarver]", 1)
    reader = Reader(io.BytesIO(gzip.compress(octets)))

    with pytest.raises(BadArchive, match=r"config/relay365.toml: not what was written"):
        for _ in reader.members():
            pass


def test_any_tar_opens_it(tmp_path: Path) -> None:
    """Debian's tar takes it out with no help of ours, each file for its owner alone."""
    (tmp_path / "b.tar.gz").write_bytes(_written())
    subprocess.run(["tar", "xzf", "b.tar.gz"], cwd=tmp_path, check=True)

    assert MEMBERS == {name: (tmp_path / name).read_bytes() for name in MEMBERS}
    assert 0o600 == (tmp_path / "data/spool.db").stat().st_mode & 0o777
    assert 3 == json.loads((tmp_path / "manifest.json").read_text())["waiting"]


def test_every_cut_is_seen() -> None:
    """A file that ends early, wherever, is not whole."""
    octets = _written()
    for end in range(0, len(octets), 7):
        with pytest.raises(BadArchive):
            _read(octets[:end])


def test_every_damage_is_seen() -> None:
    """One bit in the compressed stream is found by gzip's sum, by tar or by SHA-256, or has changed no octet at all."""
    octets, n_found = _written(), 0
    for place in range(11, len(octets), 7):
        changed = bytearray(octets)
        changed[place] ^= 4
        try:
            _read(bytes(changed))
        except BadArchive:
            n_found += 1
        else:
            assert gzip.decompress(octets) == gzip.decompress(changed)
    assert n_found > 300


def _with(name: str, **facts: object) -> bytes:
    octets = io.BytesIO()
    with tarfile.open(fileobj=octets, mode="w:gz") as tar:
        about = json.dumps({"format": 1, **ABOUT}).encode()
        first = tarfile.TarInfo("about.json")
        first.size = len(about)
        tar.addfile(first, io.BytesIO(about))
        bad = tarfile.TarInfo(name)
        for key, value in facts.items():
            setattr(bad, key, value)
        tar.addfile(bad, io.BytesIO(b"x" * bad.size))
    return octets.getvalue()


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("../data/users", {}),
        ("data/../../x", {}),
        ("/etc/passwd", {}),
        ("data", {}),
        ("other/x", {}),
        ("data\\..\\x/y", {}),
        ("data/link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("data/hard", {"type": tarfile.LNKTYPE, "linkname": "about.json"}),
        ("data/pipe", {"type": tarfile.FIFOTYPE}),
    ],
)
def test_no_member_leads_out(name: str, facts: dict[str, object]) -> None:
    """A path out of the folder, a link, a pipe, a member of no area: refused by name, nothing of it is given."""
    with pytest.raises(BadArchive, match="is no member of a backup"):
        _read(_with(name, **facts))


def test_a_member_that_stands_twice_is_refused() -> None:
    """The second one could be another one than was proved."""
    to = io.BytesIO()
    writer = Writer(to, ABOUT, 0.0)
    for _ in range(2):
        writer.add("data/x", 1, [b"x"])
    writer.finish({})

    with pytest.raises(BadArchive, match="twice"):
        _read(to.getvalue())


def test_what_is_no_backup_is_told() -> None:
    """Text, nothing, another tar, and a format of a later time: each in its own words."""
    other = io.BytesIO()
    with tarfile.open(fileobj=other, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("README"))
    for octets, words in (
        (b"no backup", "no backup"),
        (b"", "no backup"),
        (other.getvalue(), "does not begin with about.json"),
        (gzip.compress(b""), "no backup"),
    ):
        with pytest.raises(BadArchive, match=words):
            _read(octets)
    newer = gzip.decompress(_written()).replace(b'"format": 1', b'"format": 2')
    with pytest.raises(
        BadArchive, match=r"has format 2, this relay365 reads format 1: it was made by relay365 0.1.0"
    ):
        _read(gzip.compress(newer))


def test_other_octets_than_promised_are_an_error() -> None:
    """A member that ends early while it is written does not become a backup with zeros in it, nor is a long one cut."""
    writer = Writer(io.BytesIO(), ABOUT, 0.0)
    with pytest.raises(OSError, match="unexpected end of data"):
        writer.add("data/x", 10, [b"123"])
    with pytest.raises(OSError, match="more than 2 octets of data/y"):
        writer.add("data/y", 2, [b"123"])


def test_the_blocks_come_to_their_end() -> None:
    """Whoever gives blocks may judge them behind the last one."""
    seen: list[str] = []

    def blocks() -> Iterator[bytes]:
        yield b"123"
        seen.append("the end")

    Writer(io.BytesIO(), ABOUT, 0.0).add("data/x", 3, blocks())
    assert ["the end"] == seen


def test_rights_and_owners_are_kept_and_never_widened(tmp_path: Path) -> None:
    """A configuration that others may read stays so; what runs, is written by others, or changes identity does not."""
    file = tmp_path / "x"
    file.write_text("x")
    to = io.BytesIO()
    writer = Writer(to, ABOUT, 0.0)
    for name, mode in (("a", 0o644), ("b", 0o640), ("c", 0o6777), ("d", 0o400)):
        file.chmod(mode)
        writer.add(f"config/{name}", 1, [b"x"], file.stat())
    writer.add("data/e", 1, [b"x"])
    writer.finish({})
    entries = [entry for entry, _ in Reader(io.BytesIO(to.getvalue())).members()]

    assert [0o644, 0o640, 0o644, 0o600, 0o600] == [one.mode for one in entries]
    assert {owner_of(file.stat())} == {(one.owner, one.group) for one in entries[:4]}
    assert ("", "") == (entries[4].owner, entries[4].group)


def test_an_owner_without_a_name_has_none() -> None:
    """A number that no user has, in a container for instance: no name, and no failure."""
    assert ("", "") == owner_of(os.stat_result((0o100644, 0, 0, 1, 4_000_000_001, 4_000_000_001, 0, 0, 0, 0)))
