"""What the tests of the doctor share: an authority, and mail servers that it vouches for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fakes.mailserver import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One authority for all tests of this folder: a key takes its time."""
    return Authority(Path(tmp_path_factory.mktemp("authority")), time.time())
