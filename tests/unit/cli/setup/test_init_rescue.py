"""The two questions of a rescue, and what it refuses; the whole is in tests/e2e/test_init_alerts_story.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from relay365.cli.setup.init_rescue import ask_rescue, one_address, refuse_broken_off
from relay365.setup.answers import judged
from relay365.setup.resume import Progress, save


def _asked(typed: str, known: dict[str, Any] | None = None) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = {}

    @click.command()
    def command() -> None:
        found.update(ask_rescue(known or {}))

    done = CliRunner().invoke(command, input=typed)
    assert done.exit_code == 0, done.output
    return found, done.output


def test_two_answers_are_enough() -> None:
    """They make answers that are whole: a person's sign-in, one device, its mailbox for reports and the first mail."""
    found, _ = _asked("scan@contoso.com\n192.168.10.31\n")
    answers = judged(found, "x")

    assert ("person", True, "contoso.com") == (answers.road.value, answers.rescue, answers.domain)
    assert ["192.168.10.31/32"] == [str(one) for one in answers.networks]
    assert "scan@contoso.com" == answers.reports_to == answers.test_to


def test_what_a_file_of_answers_says_is_not_asked() -> None:
    """Nothing is left to ask then."""
    known = {"mailbox": "scan@contoso.com", "networks": ["10.0.0.7/32"], "test_to": "it@contoso.com"}
    found, shown = _asked("", known)

    assert "1/2" not in shown and "2/2" not in shown
    assert ("it@contoso.com", "scan@contoso.com") == (found["test_to"], found["reports_to"])


@pytest.mark.parametrize(
    ("said", "is_good"),
    [
        ("192.168.10.31", True),
        ("2001:db8::31", True),
        ("192.168.10.0/24", False),
        ("printer", False),
        ("", False),
    ],
)
def test_one_device(said: str, is_good: bool) -> None:
    """A network is not one."""
    assert is_good is (one_address(said) == "")


@pytest.mark.parametrize(
    ("steps", "test_to", "is_refused"),
    [
        (("key", "script"), "a@b.test", True),
        (("key", "checks"), "a@b.test", True),
        (("key", "checks"), "", False),
        (("key", "checks", "mail"), "a@b.test", False),
    ],
)
def test_a_wizard_that_was_broken_off(
    tmp_path: Path, steps: tuple[str, ...], test_to: str, is_refused: bool
) -> None:
    """One that has come to its end is in nobody's way."""
    refuse_broken_off(tmp_path)
    save(tmp_path, Progress({"mailbox": "a@b.test", "test_to": test_to}, steps))
    left = None
    try:
        refuse_broken_off(tmp_path)
    except SystemExit as end:
        left = end.code

    assert (2 if is_refused else None) == left


def test_what_cannot_be_read_refuses_nothing(tmp_path: Path) -> None:
    """Nothing could go on with it."""
    (tmp_path / "setup.json").write_text("{")
    refuse_broken_off(tmp_path)

    assert (tmp_path / "setup.json").exists()
