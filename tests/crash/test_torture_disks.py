"""Disks that are cut off, full, read-only or damaged: tests/torture has the long forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture import damage, disk, powercut
from torture.report import table

SEED = 1
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A directory where disk images can be mounted."""
    if why := powercut.missing(tmp_path):
        pytest.skip(why)
    return tmp_path


def test_power_cuts_lose_nothing(image: Path) -> None:
    """Three times only what the disk holds is left: it has all that was answered 250."""
    row = powercut.run(image, 3, SEED)

    assert [] == row.broken, table([row])
    assert row.n_accepted > 100


def test_without_syncs_a_power_cut_loses_mail(image: Path) -> None:
    """The same cut while every sync does nothing takes nearly everything: so the cuts above prove something."""
    row = powercut.run(image, 1, SEED, is_control=True)

    assert row.n_lost > row.n_accepted // 2, table([row])


@pytest.mark.parametrize("name", list(disk.PASSING))
def test_a_trouble_that_passes_is_survived(image: Path, name: str) -> None:
    """Told in two seconds, well again in five, in one life of the relay; nothing lost, nothing twice."""
    row = disk.passing(image / "scene", name, 2)

    assert [] == row.broken, table([row])


def test_a_file_system_gone_read_only_loses_nothing(image: Path) -> None:
    """The relay lives on, refuses, can be stopped, and has everything on the next mount."""
    row = disk.lasting(image / "scene", 1)

    assert [] == row.broken, table([row])


def test_damaged_spools_start_or_refuse_in_plain_words(tmp_path: Path) -> None:
    """Fifty states by lot: nothing altered is sent, good mail is delivered, exit codes and words as documented."""
    row = damage.run(tmp_path, damage.by_lot(50, SEED), SEED)

    assert [] == row.broken, table([row])
    assert 50 == row.n_cycles


def test_an_altered_row_is_set_aside(tmp_path: Path) -> None:
    """One octet of an address or of our trace: that message is held, no other waits, nothing goes to a stranger."""
    row = damage.run(tmp_path, lambda _: list(damage.altered_rows()), SEED)

    assert [] == row.broken, table([row])
