"""The soak in its short form, and leaks that it must see; `make soak` has the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture import soak
from torture.planted import Fault, plant

SEED = 1
SHORT = 0.25  # minutes
WARMING_UP = 0.25  # what caches, arenas and threads may still take after so short a first quarter

pytestmark = pytest.mark.timeout(300)


def test_a_short_soak_keeps_every_promise(tmp_path: Path) -> None:
    """Mixed load before a moody next hop: nothing is lost, altered or doubled, every failure is reported, and at rest
    nothing is left open.
    """
    found = soak.run(tmp_path, SHORT, SEED, growth=WARMING_UP)

    assert [] == found.row.broken, soak.table(found)
    assert found.row.n_accepted > 50
    assert found.n_reports > 0


LEAK = Fault(
    "spool/segment.py",
    "    def own(self, seq: int) -> OwnSegment:\n",
    "    def own(self, seq: int) -> OwnSegment:\n        os.open(self._folder, os.O_RDONLY)\n"
    "        globals().setdefault('_KEPT', []).append(b'x' * 8_000_000)\n",
    lambda directory, n_cycles, env: soak.run(directory, SHORT, SEED, env, growth=WARMING_UP).row,
    "memory grew by",
)


def test_planted_leaks_are_seen(tmp_path: Path) -> None:
    """A copy of the package that forgets memory and a descriptor for each very large message."""
    row = LEAK.look(tmp_path, 1, plant(LEAK, tmp_path))

    assert any(LEAK.words in words for words in row.broken), row.broken
    assert any("descriptors were left open" in words for words in row.broken), row.broken
