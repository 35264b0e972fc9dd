"""Man pages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from relay365.cli.main import COMMANDS, main
from relay365.handbook.commandline import Command, Entry, describe
from relay365.handbook.manual import manual

ODD = Command(
    "relay365 odd",
    "relay365 odd [OPTIONS] 'A'",
    ("Odd \\ things - and `more`.", ".SH is no heading here\n'nor a request"),
    (Entry("--x-y [a|b]", "One ~ two ^ three.", "Needed."),),
    ("relay365 odd --x-y a 'b c' \\ .",),
)
ROOT = Command("relay365", "relay365 COMMAND", ("The root.",), (), (), (ODD,))


def _shown(text: str, tmp_path: Path) -> str:
    """The page as man shows it, in plain ASCII."""
    file = tmp_path / "page.1"
    file.write_text(text, "utf-8")
    done = subprocess.run(["mandoc", "-T", "ascii", str(file)], capture_output=True, text=True, timeout=30)
    return subprocess.run(
        ["col", "-bx"], input=done.stdout, capture_output=True, text=True, timeout=30
    ).stdout


def test_a_page_for_each_command() -> None:
    """The overview, and one for each command of the first level, with every option and example of what is below."""
    root = describe(main, "relay365")
    pages = manual(root, "1.0", 1_764_500_000)

    assert {"relay365.1", *(f"relay365-{name}.1" for name in COMMANDS)} == set(pages)
    assert '.TH "RELAY365-STATUS" 1 "2025-11-30" "relay365 1.0" "relay365"' in pages["relay365-status.1"]
    for section in (
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "COMMANDS",
        '"EXIT STATUS"',
        "ENVIRONMENT",
        "FILES",
        "EXAMPLES",
    ):
        assert f".SH {section}\n" in pages["relay365.1"].replace(f'"{section}"', section)
    for one in root.below:
        text = pages[f"{one.path.replace(' ', '-')}.1"]

        assert '.SH "EXAMPLES"' in text, one.path


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_no_page_has_a_fault_of_form(tmp_path: Path) -> None:
    """mandoc, which is strict, has no warning for any of them."""
    pages = manual(describe(main, "relay365"), "1.0", 0)
    for name, text in pages.items():
        (tmp_path / name).write_text(text, "utf-8")
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *(str(tmp_path / name) for name in pages)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ("", 0) == (done.stdout + done.stderr, done.returncode)


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_signs_print_as_they_are(tmp_path: Path) -> None:
    """Backslashes, hyphens, quotes and dots at the start of a line can be copied from the page."""
    said = _shown(manual(ROOT, "1.0", 0)["relay365-odd.1"], tmp_path)

    assert "Odd \\ things - and `more`." in said
    assert ".SH is no heading here" in said
    assert "'nor a request" in said
    assert "relay365 odd --x-y a 'b c' \\ ." in said
    assert "One ~ two ^ three. Needed." in said
