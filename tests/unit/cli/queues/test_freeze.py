"""`relay365 queue freeze` and `thaw`, and the banner in other commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relay365.clock import SystemClock
from relay365.spool.waiting.freeze import read_freeze


def order_of(desk: Any) -> Any:
    """The freeze that holds now."""
    return read_freeze(desk.directory / "data", SystemClock().now())


def test_a_freeze_has_an_end_a_reason_and_a_person(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour unless said; the banner stands in status and in the list."""
    monkeypatch.setenv("SUDO_USER", "alice")
    said = full_desk.run("queue", "freeze", "--reason", "change\nwindow")
    order, status = order_of(full_desk), full_desk.run("status")

    assert (
        0 == said.exit_code
        and "mail is taken, nothing is delivered\nsooner: relay365 queue thaw" in said.stdout
    )
    assert (3600.0, "a person (alice)") == (order.until_at - order.began_at, order.by)
    banner = "by a person (alice) (change?window): mail is taken, nothing is delivered. relay365 queue thaw\n"
    assert banner in status.stdout and banner in full_desk.run("queue", "list").stdout
    assert "a person (alice)" == json.loads(full_desk.run("status", "--json").stdout)["frozen"]["by"]


def test_thawing_says_whether_there_was_something(full_desk: Any) -> None:
    """Exit 0 and how long it was; exit 1 where nothing was frozen."""
    (frozen,) = full_desk.objects("queue", "freeze", "--for", "10m")
    thawed, again = full_desk.run("queue", "thaw"), full_desk.run("queue", "thaw")

    assert {"since", "until", "by", "reason"} == set(frozen["frozen"])
    assert (0, "thawed after 0 s: what waits goes out now\n") == (thawed.exit_code, thawed.stdout)
    assert (1, "nothing was frozen\n") == (again.exit_code, again.stdout)
    assert None is order_of(full_desk)
    assert None is json.loads(full_desk.run("status", "--json").stdout)["frozen"]
    assert "FROZEN" not in full_desk.run("queue", "list").stdout


def test_a_second_freeze_sets_a_new_end(full_desk: Any) -> None:
    """A window that takes longer."""
    full_desk.run("queue", "freeze", "--for", "1m")
    full_desk.run("queue", "freeze", "--for", "2h")

    assert 7200.0 == order_of(full_desk).until_at - order_of(full_desk).began_at


@pytest.mark.parametrize("span", ["8d", "0s", "soon"])
def test_a_freeze_that_would_be_forgotten_is_wrong_use(full_desk: Any, span: str) -> None:
    """And nothing is frozen."""
    assert 2 == full_desk.run("queue", "freeze", "--for", span).exit_code
    assert None is order_of(full_desk)


def test_a_data_directory_that_cannot_be_written(desk: Any) -> None:
    """Exit 3 and three lines."""
    said = desk.run("queue", "freeze")

    assert (3, True) == (said.exit_code, said.stderr.startswith("what: nothing is frozen\nwhy:  "))


def test_a_frozen_relay_that_runs_is_not_fine(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does what it was told, but mail waits: exit 1, and the word."""
    from relay365.cli.running.screen import figures
    from relay365.spool.lock import DirectoryLock

    monkeypatch.setattr(DirectoryLock, "holder", lambda lock: 4711)
    monkeypatch.setattr(figures, "told_by", lambda _: {})
    full_desk.run("queue", "release", "--all")
    fine = full_desk.run("status")
    full_desk.run("queue", "freeze")
    frozen = full_desk.run("status")

    assert (0, 1) == (fine.exit_code, frozen.exit_code)
    assert " FROZEN\n  FROZEN until" in frozen.stdout
