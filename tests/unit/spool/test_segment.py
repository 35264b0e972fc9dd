"""Segment files by themselves: what is written is read, and what is not whole is not given."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from relay365.errors import SpoolCorrupt
from relay365.spool.segment import HEADER, MAGIC, READ_OCTETS, SegmentFolder

OCTETS = b"0123456789" * 100_000
CRC = zlib.crc32(OCTETS)


@pytest.fixture
def folder(tmp_path: Path) -> SegmentFolder:
    return SegmentFolder(tmp_path / "segments")


def _file(folder: SegmentFolder, name: str) -> Path:
    return folder._folder / name


def test_a_record_can_be_found_without_the_database(folder: SegmentFolder) -> None:
    """Magic, number, length and checksum stand in front of each content, in both kinds of segment."""
    name, offset = folder.append(7, OCTETS, CRC)
    own = folder.own(8)
    own.write(OCTETS[:1000])
    own.write(OCTETS[1000:])
    own.seal()
    folder.sync()
    folder.close()

    for file, seq in ((_file(folder, name), 7), (_file(folder, own.name), 8)):
        octets = file.read_bytes()
        assert (MAGIC, seq, len(OCTETS), CRC) == HEADER.unpack(octets[: HEADER.size])
        assert OCTETS == octets[HEADER.size :]
    assert HEADER.size == offset
    assert CRC == own.crc


def test_a_content_is_read_in_blocks(folder: SegmentFolder) -> None:
    """No block is larger than the limit; together they are the content."""
    name, offset = folder.append(7, OCTETS, CRC)
    blocks = list(folder.read(name, offset, len(OCTETS), CRC))
    folder.close()

    assert b"".join(blocks) == OCTETS
    assert max(len(block) for block in blocks) <= READ_OCTETS


@pytest.mark.parametrize("left", [0, 10, HEADER.size, HEADER.size + 1, HEADER.size + len(OCTETS) - 1])
def test_a_short_file_is_damage_at_any_length(folder: SegmentFolder, left: int) -> None:
    """check() sees it without reading, read() sees it, too."""
    name, offset = folder.append(7, OCTETS, CRC)
    folder.close()
    folder.check(name, offset + len(OCTETS))
    _file(folder, name).write_bytes(_file(folder, name).read_bytes()[:left])

    with pytest.raises(SpoolCorrupt, match="early"):
        folder.check(name, offset + len(OCTETS))
    with pytest.raises(SpoolCorrupt, match="early"):
        folder.verify(name, offset, len(OCTETS), CRC)


@pytest.mark.parametrize("at", [0, 1, len(OCTETS) // 2, len(OCTETS) - 1])
def test_one_flipped_bit_is_damage(folder: SegmentFolder, at: int) -> None:
    """Wherever it is in the content."""
    name, offset = folder.append(7, OCTETS, CRC)
    folder.close()
    octets = bytearray(_file(folder, name).read_bytes())
    octets[offset + at] ^= 1
    _file(folder, name).write_bytes(octets)

    with pytest.raises(SpoolCorrupt, match="wrong checksum"):
        folder.verify(name, offset, len(OCTETS), CRC)


def test_a_missing_file_is_damage(folder: SegmentFolder) -> None:
    """It is named, and removing what is not there is harmless."""
    folder.remove("0000000001-0.seg")

    for ask in (
        lambda: folder.check("0000000001-0.seg", 1),
        lambda: folder.verify("0000000001-0.seg", 0, 1, 0),
    ):
        with pytest.raises(SpoolCorrupt, match=r"segment 0000000001-0\.seg is missing"):
            ask()


def test_names_never_collide(folder: SegmentFolder) -> None:
    """Two files of one number, as after a crash that gave the number again, are two files."""
    first, second = folder.own(1), folder.own(1)

    assert first.name != second.name
    assert {first.name, second.name} == set(folder.names())
    first.remove()
    second.remove()
    second.remove()
    assert [] == folder.names()
