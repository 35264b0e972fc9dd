"""Golden dialogues with the command line: a file, a command, its exit code and every word that it says.

The form of a case is in docs/testing.md.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from relay365.cli.main import main

CASES = sorted(Path(__file__).parent.glob("*.txt"))


@dataclass(frozen=True)
class Case:
    """One dialogue: the files that lie in the directory, the command, and what it answers."""

    command: list[str]
    code: int
    files: dict[str, str]
    stdout: str
    stderr: str
    stdin: str


def _read(text: str) -> Case:
    head, *parts = re.split(r"^--- (\S+)\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    found = re.search(r"^\$ relay365 (.*?) +=> exit (\d)$", head, re.MULTILINE)
    assert found is not None, "a case has a line `$ relay365 ... => exit N`"
    streams = {name: sections.pop(name, "") for name in ("stdout", "stderr", "stdin")}
    return Case(shlex.split(found[1]), int(found[2]), sections, **streams)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_the_command_says_exactly_this(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code, standard output and standard error are the golden ones, word for word."""
    case = _read(file.read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY365_CONFIG", raising=False)
    for name, content in case.files.items():
        (tmp_path / name).write_text(content, "utf-8")
        (tmp_path / name).chmod(0o600)
    done = CliRunner().invoke(main, case.command, input=case.stdin, prog_name="relay365")

    assert case.stdout == done.stdout.replace(str(tmp_path), "DIR")
    assert case.stderr == done.stderr.replace(str(tmp_path), "DIR")
    assert case.code == done.exit_code
