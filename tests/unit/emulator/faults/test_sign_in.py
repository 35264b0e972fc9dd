"""The rows of the moods of this service."""

from __future__ import annotations

from relay365.emulator.faults.sign_in import SIGN_IN_KINDS
from relay365.emulator.moods import KINDS


def test_every_row_is_known_and_whole() -> None:
    """Each row is in the one table under its own name, and every default is a value that its parameter takes."""
    for kind in SIGN_IN_KINDS:
        assert KINDS[kind.name] is kind
        assert [one.default for one in kind.parameters] == [one.check(one.default) for one in kind.parameters]
