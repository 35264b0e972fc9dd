"""Sealed streams: open with the passphrase and whole, or not at all; and age itself opens them, as we open age's."""

from __future__ import annotations

import io
import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from relay365.keeping.sealing import CHUNK_OCTETS, INTRO, Opener, Sealer, Unopened, is_sealed

PASSPHRASE = "correct horse battery"
LOG_N = 10  # as cheap as tests need
SIZES = [0, 1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1, 3 * CHUNK_OCTETS]


def _sealed(octets: bytes, block: int = 10_000) -> bytes:
    to = io.BytesIO()
    with Sealer(to, PASSPHRASE, LOG_N) as sealer:
        for start in range(0, len(octets), block):
            sealer.write(octets[start : start + block])
    return to.getvalue()


def _opened(sealed: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return io.BufferedReader(Opener(io.BytesIO(sealed), passphrase)).read()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens(size: int) -> None:
    """Each size around the border of a chunk comes back to the octet, and is not readable meanwhile."""
    octets = os.urandom(size)
    sealed = _sealed(octets)

    assert octets == _opened(sealed)
    assert is_sealed(sealed)
    assert size < 20 or octets[:20] not in sealed


def test_another_passphrase_does_not_open() -> None:
    """The wrong passphrase is told at the beginning, before a single octet is given."""
    with pytest.raises(Unopened, match="passphrase is another one"):
        Opener(io.BytesIO(_sealed(b"x")), "another one entirely")


@pytest.mark.parametrize("n_chunks", [1, 2])
def test_a_cut_is_seen(n_chunks: int) -> None:
    """A stream that ends early, also at the border of a chunk, does not pass for a whole one."""
    sealed = _sealed(os.urandom(3 * CHUNK_OCTETS - 5))
    header = len(sealed) - (3 * CHUNK_OCTETS - 5 + 3 * 16)

    with pytest.raises(Unopened, match="damaged or cut off"):
        _opened(sealed[: header + n_chunks * (CHUNK_OCTETS + 16)])


def test_every_changed_octet_is_seen() -> None:
    """One bit anywhere, in the header or behind it, and nothing passes as what was sealed."""
    sealed = _sealed(b"mail" * 10)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unopened):
            _opened(bytes(changed))


def test_chunks_cannot_change_places() -> None:
    """Two chunks swapped, or one repeated, are damage."""
    sealed = _sealed(os.urandom(3 * CHUNK_OCTETS))
    size = CHUNK_OCTETS + 16
    header = len(sealed) - 3 * size
    one, two, three = (sealed[header + n * size : header + (n + 1) * size] for n in range(3))

    for chunks in (two + one + three, one + one + three):
        with pytest.raises(Unopened):
            _opened(sealed[:header] + chunks)


def test_a_header_that_would_exhaust_us_is_refused() -> None:
    """A work factor that no honest file has is not paid, a file for keys instead of a passphrase is named."""
    sealed = _sealed(b"x").replace(b" 10\n", b" 40\n", 1)
    with pytest.raises(Unopened, match=r"costs 2\^40"):
        _opened(sealed)
    with pytest.raises(Unopened, match="not sealed by a passphrase alone"):
        _opened(INTRO + b"-> X25519 abc\nabc\n--- abc\n")
    with pytest.raises(Unopened, match="no header"):
        _opened(INTRO)


needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


@needs_age
@pytest.mark.parametrize("size", [1, CHUNK_OCTETS, 2 * CHUNK_OCTETS + 7])
def test_age_opens_what_we_seal(size: int, tmp_path: Path) -> None:
    """The reference program, which is not ours, opens our file with the passphrase alone."""
    octets = os.urandom(size)
    (tmp_path / "sealed").write_bytes(_sealed(octets))
    _with_terminal(["age", "-d", "-o", str(tmp_path / "plain"), str(tmp_path / "sealed")], 1)

    assert octets == (tmp_path / "plain").read_bytes()


@needs_age
def test_we_open_what_age_seals(tmp_path: Path) -> None:
    """And the other way round, so that the format is age's and not our reading of it."""
    octets = os.urandom(CHUNK_OCTETS + 7)
    (tmp_path / "plain").write_bytes(octets)
    _with_terminal(["age", "-p", "-o", str(tmp_path / "sealed"), str(tmp_path / "plain")], 2)

    assert octets == _opened((tmp_path / "sealed").read_bytes())


def _with_terminal(command: list[str], n_asked: int) -> None:
    """Run a program that reads a passphrase from its terminal and nowhere else."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        ["setsid", "-c", "-w", *command], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    said, until = b"", time.monotonic() + 30
    for n in range(1, n_asked + 1):
        while said.count(b"passphrase") < n and time.monotonic() < until:
            if select.select([ours], [], [], 0.1)[0]:
                said += os.read(ours, 1000)
        os.write(ours, f"{PASSPHRASE}\n".encode())
    assert 0 == child.wait(30), said
    os.close(ours)
