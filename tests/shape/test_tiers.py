"""No test is left out: `make test` runs every folder that has tests, and the page says what each of them proves."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STRANGE = {"node_modules", ".venv"}


def _folders() -> set[str]:
    """The folders below tests that have tests of ours."""
    files = (file.relative_to(ROOT) for file in (ROOT / "tests").rglob("test_*.py"))
    return {"/".join(file.parts[:2]) for file in files if not STRANGE & set(file.parts)}


def _tier(name: str) -> set[str]:
    found = re.search(rf"^{name} = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return set(found[1].split())


def test_every_folder_of_tests_is_run_once() -> None:
    """In the quick tier or in the slow one."""
    quick, slow = _tier("QUICK"), _tier("SLOW")

    assert len(_folders()) >= 13
    assert _folders() == quick | slow
    assert set() == quick & slow


def test_the_page_names_every_tier() -> None:
    """docs/testing.md has a row for each folder."""
    rows = set(
        re.findall(r"^\| `(tests/\w+)` \|", (ROOT / "docs" / "testing.md").read_text("utf-8"), re.MULTILINE)
    )

    assert set() == _folders() - rows
