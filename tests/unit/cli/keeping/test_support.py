"""`relay365 support bundle`: listed before it is written, and written only when somebody said yes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.keeping import support_sheets

NAMES = {
    "README.txt", "about.json", "config/set.json", "config/effective.json", "doctor.json", "queue.json", "answers.json",
    "messages.jsonl", "unknown-replies.json", "sessions.jsonl", "alerts.json", "ends.json", "metrics.txt", "files.json",
}  # fmt: skip


def test_a_list_writes_nothing(full_desk: Any) -> None:
    """--list shows each file with its size and with what is cut, in words and as JSON."""
    before = set(Path().iterdir())
    shown = full_desk.run("support", "bundle", "--list")
    (listed,) = full_desk.objects("support", "bundle", "--list")

    assert 0 == shown.exit_code
    assert NAMES == {one["name"] for one in listed["members"]}
    assert NAMES == {line.split("  ")[0] for line in shown.stdout.splitlines()[1:15]}
    assert "secrets are references, hashes hidden" in shown.stdout
    assert listed["file"] is None
    assert before == set(Path().iterdir())


def test_what_was_listed_is_written(full_desk: Any) -> None:
    """With --yes; the file has the listed members with the listed sizes."""
    (listed,) = full_desk.objects("support", "bundle", "--yes", "--out", "b.zip")

    with zipfile.ZipFile("b.zip") as file:
        assert {one["name"]: one["size_octets"] for one in listed["members"]} == {
            one.filename: one.file_size for one in file.infolist()
        }
    assert "b.zip" == listed["file"]
    assert 0o600 == Path("b.zip").stat().st_mode & 0o777


def test_nobody_said_yes(full_desk: Any) -> None:
    """Without a terminal and without --yes it is shown and refused: exit 4; so is a file that is there."""
    refused = full_desk.run("support", "bundle", "--out", "b.zip")
    Path("mine.zip").write_text("mine")
    taken = full_desk.run("support", "bundle", "--yes", "--out", "mine.zip")

    assert (4, 4) == (refused.exit_code, taken.exit_code)
    assert "messages.jsonl" in refused.stdout
    assert "why:  nobody has looked at what would be in it" in refused.stderr
    assert not Path("b.zip").exists()
    assert "mine" == Path("mine.zip").read_text()


def test_the_question_is_answered(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it asks behind the list; no means no."""
    import sys

    monkeypatch.setattr("relay365.cli.keeping.support.sys", type("", (), {"stdin": _Terminal(sys.stdin)}))
    no = full_desk.run("support", "bundle", "--out", "b.zip", stdin="n\n")
    assert not Path("b.zip").exists()
    yes = full_desk.run("support", "bundle", "--out", "b.zip", stdin="y\n")

    assert (0, 0) == (no.exit_code, yes.exit_code)
    assert "Write b.zip? [y/N]" in no.stdout
    assert "written: b.zip" in yes.stdout
    assert Path("b.zip").exists()


class _Terminal:
    def __init__(self, real: Any) -> None:
        self._real = real

    def isatty(self) -> bool:
        return True


def test_the_log_is_added_and_cut(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long log the end, from a whole line on, masked like the rest; a log that is not there is wrong use."""
    monkeypatch.setattr(support_sheets, "MOST_LOG_OCTETS", 60)
    Path("log").write_text("the first line is too far back\nto=<lena@fabrikam.com> 535 5.7.3\nlast\n")
    (listed,) = full_desk.objects("support", "bundle", "--yes", "--out", "b.zip", "--log", "log")
    lacking = full_desk.run("support", "bundle", "--list", "--log", "nowhere")

    with zipfile.ZipFile("b.zip") as file:
        text = file.read("log.txt").decode()
    assert "log.txt" == listed["members"][-1]["name"]
    assert text.endswith("@fabrikam.com> 535 5.7.3\nlast\n")
    assert "first" not in text
    assert "lena" not in text
    assert 2 == lacking.exit_code


def test_people_are_shown_on_request_only(full_desk: Any) -> None:
    """--no-mask shows addresses and says so in capitals; without it they are words of this bundle."""
    full_desk.run("support", "bundle", "--yes", "--out", "masked.zip")
    shown = full_desk.run("support", "bundle", "--yes", "--out", "open.zip", "--no-mask")
    texts = {}
    for name in ("masked", "open"):
        with zipfile.ZipFile(f"{name}.zip") as file:
            texts[name] = file.read("messages.jsonl").decode()

    assert "scan@contoso.com" in texts["open"]
    assert "scan@" not in texts["masked"]
    assert "ADDRESSES AND SUBJECTS ARE SHOWN" in shown.stdout
    assert {"waiting@fabrikam.com", "failed@fabrikam.com"} <= {
        r["address"] for line in texts["open"].splitlines() for r in json.loads(line)["recipients"]
    }
