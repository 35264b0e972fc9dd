"""`relay365 simulate outage`: what it refuses, what it shows, and the page that is signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.trying.outage import as_object, result_of, span, text_of
from relay365.clock import SystemClock
from relay365.engine.blackbox.archive import Archive
from relay365.errors import SpoolUnavailable
from relay365.spool.history.search import History
from relay365.spool.lock import DirectoryLock
from relay365.spool.waiting.freeze import read_freeze
from relay365.trial.outage import Moment, Report

REPORT = Report(
    1_764_064_800.0, 1800.0, "a person (alice)", "yearly\ndrill", 1_764_066_600.0, 1_764_067_152.0, "", 3, 412,
    1_300_000_000, {"delivered": 414, "failed": 1}, 0, 0, 0, (), 415, 1799.0,
    [Moment("frozen", 1_764_064_801.0, 0, 3, 5.0), Moment("draining", 1_764_067_152.0, 412, 0, 0.0)],
)  # fmt: skip


@pytest.fixture
def running(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk in front of a relay that seems to run, whose queue is empty."""
    full_desk.run("queue", "delete", "--all", "--yes")
    monkeypatch.setattr(DirectoryLock, "holder", lambda lock: 4711)
    return full_desk


def drill(desk: Any, *words: str) -> Any:
    """The command, with a report in the desk's directory."""
    return desk.run("simulate", "outage", "--report", "drill.txt", *words)


def test_no_relay_no_drill(full_desk: Any) -> None:
    """Exit 3; nothing is frozen, no file is left."""
    said = drill(full_desk, "--yes")

    assert (3, True) == (said.exit_code, said.stderr.startswith("what: there is no relay to drill\n"))
    assert not (full_desk.directory / "drill.txt").exists()


@pytest.mark.parametrize(("words", "code", "what"), [
    (("--for", "5h", "--yes"), 2, "what: that is too long for a drill"),
    (("--for", "x", "--yes"), 2, "a time such as"),
    (("--report", "no/such/dir.txt", "--yes"), 2, "cannot be made"), ((), 4, "what: no drill was held"),
])  # fmt: skip
def test_what_is_refused_before_anything_is_stopped(
    running: Any, words: tuple[str, ...], code: int, what: str
) -> None:
    """Wrong use, a report that could not be written, nobody who agrees."""
    said = running.run("simulate", "outage", *words)

    assert (code, True) == (said.exit_code, what in said.stderr)
    assert None is read_freeze(running.directory / "data", 0.0)
    assert not list(running.directory.glob("*.txt"))


def test_a_drill_that_cannot_go_on_is_thawed_and_leaves_no_page(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue does not answer any more: exit 3, three lines."""

    async def unwell(history: Any, number: int) -> Any:
        raise SpoolUnavailable("the disk is gone")

    monkeypatch.setattr(History, "taken_since", unwell)
    said = drill(running, "--for", "1m", "--yes")

    assert (3, True) == (
        said.exit_code,
        said.stderr.startswith("what: the drill was given up, and the relay is thawed"),
    )
    assert None is read_freeze(running.directory / "data", SystemClock().now())
    assert not (running.directory / "drill.txt").exists()


def test_a_report_is_never_overwritten(running: Any) -> None:
    """Somebody may have signed it."""
    (running.directory / "drill.txt").write_text("signed", "utf-8")

    assert 2 == drill(running, "--yes").exit_code
    assert "signed" == (running.directory / "drill.txt").read_text("utf-8")


def test_a_frozen_relay_is_not_drilled(running: Any) -> None:
    """Whoever froze it does not expect a thaw: exit 4."""
    running.run("queue", "freeze", "--reason", "change window")
    said = drill(running, "--yes")

    assert 4 == said.exit_code
    assert "change window" in said.stderr
    assert not (running.directory / "drill.txt").exists()


def test_a_drill_of_a_quiet_relay(running: Any) -> None:
    """Objects while it goes on, the report as the last one and as a file; exit 0."""
    said = drill(running, "--for", "1s", "--yes", "--json")
    *moments, report = [json.loads(line) for line in said.stdout.splitlines()]

    assert 0 == said.exit_code
    assert {"frozen", "draining"} == {one["event"] for one in moments}
    assert ("report", "drill.txt", True, 0, []) == tuple(
        report[key] for key in ("event", "file", "good", "messages", "lost")
    )
    assert "RESULT  0 mails taken, 0 lost, drained in 0 s.\n" in (running.directory / "drill.txt").read_text(
        "utf-8"
    )


def test_what_a_device_was_told_of_and_is_not_there_is_lost(running: Any) -> None:
    """The black box is the second witness: exit 1."""
    client = {
        "device": "c",
        "address": "a",
        "sessions": [{"began_at": 9e9, "ids": ["ZZZZZZ", "no id"], "lines": []}],
    }
    Archive(running.directory / "data").write("device-c", client)
    said = drill(running, "--for", "1s", "--yes")

    assert (1, True) == (said.exit_code, "0 mails taken, 1 lost, drained in" in said.stdout)
    assert "lost        ZZZZZZ\n" in (running.directory / "drill.txt").read_text("utf-8")


def test_the_page_says_it_all_and_can_be_signed() -> None:
    """In words of people; nothing from outside forges a line."""
    page = text_of(REPORT, Path("/var/lib/relay365"))
    lines = page.splitlines()

    assert "RESULT  412 mails taken, 0 lost, drained in 9 min 12 s." == lines[2]
    assert "recipients  414 delivered, 1 failed" in lines
    assert "by a person (alice): yearly?drill" in page
    assert "most        415 recipients waited at once, the oldest mail for 29 min 59 s" in lines
    assert 2 == sum(line.startswith("2025-11-25 ") for line in lines)
    assert lines[-1].startswith("Signed off by ____")


@pytest.mark.parametrize(("change", "sentence"), [
    ({"lost": (5,)}, "412 mails taken, 1 lost, drained in 9 min 12 s."),
    ({"ended_at": None, "recipients": {"queued": 7, "claimed": 1}}, "412 mails taken, 0 lost, 8 still wait."),
    ({"disobeyed": 4}, "NO DRILL: the relay went on delivering (4 recipients); restart it and try again."),
])  # fmt: skip
def test_what_is_not_good_is_said(change: dict[str, Any], sentence: str) -> None:
    """In the sentence that is read first, and for programs."""
    report = Report(**{**vars(REPORT), **change})

    assert sentence == result_of(report)
    assert not as_object(report)["good"]


@pytest.mark.parametrize(("seconds", "words"), [
    (0.4, "0 s"), (59.0, "59 s"), (552.0, "9 min 12 s"), (3600.0, "1 h 0 min"), (7384.0, "2 h 3 min"),
])  # fmt: skip
def test_spans_for_people(seconds: float, words: str) -> None:
    """Two units at most."""
    assert words == span(seconds)
