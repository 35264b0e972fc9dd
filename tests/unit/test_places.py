"""Where a relay lives where nobody says it: on Windows elsewhere, and nowhere by a path of the other system."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

import pytest

from relay365 import places


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module as Windows reads it."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        patch.setenv("PROGRAMDATA", "D:/Programs")
        importlib.reload(places)
        yield
    importlib.reload(places)


def test_on_windows_it_is_below_programdata(windows: None) -> None:
    """Wherever that is on this machine."""
    assert ("D:/Programs/relay365", "D:/Programs/relay365/data") == (str(places.SYSTEM_FOLDER), places.DATA)


def test_elsewhere_it_is_where_the_unit_looks() -> None:
    """StateDirectory and ConfigurationDirectory of the unit."""
    assert ("/etc/relay365", "/var/lib/relay365") == (str(places.SYSTEM_FOLDER), places.DATA)
