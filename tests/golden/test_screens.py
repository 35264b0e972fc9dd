"""Golden screens: figures as `relay365 status --json` gives them, and every line that is made of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from relay365.cli.running.screen.lines import lines_of

CASES = sorted((Path(__file__).parent / "screens").glob("*.txt"))
ROWS, COLUMNS = 24, 160
"""What a screen of a server room shows; longer lines wrap once there."""


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_the_screen_is_exactly_this(file: Path) -> None:
    """Word for word, and one screen high."""
    found = re.fullmatch(r"#[^\n]*\n--- facts\n(.*)--- screen\n(.*)", file.read_text("utf-8"), re.DOTALL)
    assert found is not None
    shown = list(lines_of(json.loads(found[1])))

    assert found[2].splitlines() == shown
    assert sum(1 + len(line) // COLUMNS for line in shown) <= ROWS


def test_all_screens_are_there() -> None:
    """One tenant, many routes, no service, a service that is deaf."""
    assert {"one-tenant", "twenty-routes", "stopped", "no-answer"} == {file.stem for file in CASES}
