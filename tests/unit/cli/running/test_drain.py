"""`relay365 drain`: its words and exit codes; the real thing is in tests/e2e/test_drain.py."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from relay365.cli.running import drain as module
from relay365.cli.running.screen import figures
from relay365.engine.control import requests
from relay365.engine.control.drain import Drain, write_drain
from relay365.spool.lock import DirectoryLock
from relay365.spool.waiting.freeze import Freeze, write_freeze

if TYPE_CHECKING:
    from cli.conftest import Desk
else:
    Desk = Any

LANE = {"lane": "way", "waiting": 2, "held": 1, "next_at": None, "why": "432 4.3.2 busy\x07"}
SEEN = {
    "draining": True, "until_at": 4e9, "stops": False, "by": "mina", "state": "draining", "sessions": 1,
    "frozen": False, "trouble": "", "waiting": 2, "under_way": 1, "held": 1, "reports": True, "lanes": [LANE],
}  # fmt: skip
NONE = {"sessions": 0, "waiting": 0, "under_way": 0, "held": 0, "reports": False, "lanes": []}
EMPTY = {**SEEN, **NONE, "state": "empty"}
STUCK = {**SEEN, **NONE, "state": "stuck", "held": 1, "lanes": [{**LANE, "waiting": 0}]}
OVER = {"draining": False}


@pytest.fixture
def service(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """A service that gives these answers one after the other; it ends with the last one where that is None."""
    (desk.directory / "data").mkdir(exist_ok=True)
    lock = DirectoryLock(desk.directory / "data")
    lock.take()
    answers: list[Any] = []

    def answer(*_: object) -> Any:
        found = answers.pop(0)
        if isinstance(found, BaseException):
            raise found
        if answers == [None]:
            answers.clear()
            lock.release()
        return found

    for name in ("asked", "answered"):
        monkeypatch.setattr(module, name, answer)
    monkeypatch.setattr(requests, "ask", answer)
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    yield answers
    lock.release()


def test_empty(desk: Desk, service: list[Any]) -> None:
    """Exit 0, and what holds now; the lines before it say what is left."""
    service += [SEEN, SEEN, EMPTY]
    result = desk.run("drain")

    assert 0 == result.exit_code
    first, second, third, fourth = result.stdout.splitlines()
    assert first.startswith("no mail is taken until 2096-")
    assert (
        "draining: 1 session open, 2 recipients wait, 1 under way, 1 held, reports to senders are owed"
        == second
    )
    assert "the service may be stopped: systemctl stop relay365" in third
    assert fourth.endswith("or by: relay365 drain --undo")


def test_as_json(desk: Desk, service: list[Any]) -> None:
    """An object for each look, the last one says what became of it."""
    service += [SEEN, EMPTY]
    first, last = desk.objects("drain")

    assert ("draining", "empty") == (first["event"], last["event"])
    assert "2096-10-02T07:06:40.000Z" == first["until_at"]
    assert {**LANE, "next_at": None} == first["lanes"][0]


@pytest.mark.parametrize(
    ("last", "what", "why", "do"),
    [
        (STUCK, "not empty: 1 held", "way: 1 held for a person", "relay365 queue list --state held: release"),
        (OVER, "not empty: 1 session open, 2 recipients wait", "way: 2 wait (432 4.3.2 busy?), 1 held for a person",
         "mail is taken again; relay365 queue list"),
    ],
)  # fmt: skip
def test_something_is_left(
    desk: Desk, service: list[Any], last: dict[str, Any], what: str, why: str, do: str
) -> None:
    """Exit 1 in three lines: at its end, or where only a person can go on; no reply of a remote moves the cursor."""
    service += [SEEN, last]
    result = desk.run("drain", "--stop")

    assert 1 == result.exit_code
    assert [f"what: {what}", f"why:  {why}", f"do:   {do}"] == [
        line[: len(wanted)]
        for line, wanted in zip(
            result.stderr.splitlines(), (f"what: {what}", f"why:  {why}", f"do:   {do}"), strict=True
        )
    ]


def test_when_the_next_try_is(desk: Desk, service: list[Any]) -> None:
    """Whether to wait for it is for the person to decide."""
    later = {**SEEN, "lanes": [{**LANE, "next_at": 4e9}]}
    service += [later, OVER]

    assert "2 wait, the next try at 2096-" in desk.run("drain").stderr


def test_ctrl_c_takes_mail_again(desk: Desk, service: list[Any]) -> None:
    """Exit 1; the service is told, wherever the command was."""
    service += [SEEN, KeyboardInterrupt(), {"draining": False, "was": True}]
    result = desk.run("drain")

    assert (1, []) == (result.exit_code, service)
    assert "interrupted: mail is taken again" in result.stderr


@pytest.mark.parametrize(("was", "code"), [(True, 0), (False, 1)])
def test_undo(desk: Desk, service: list[Any], was: bool, code: int) -> None:
    """Exit 1 where nothing was drained."""
    service += [{"draining": False, "was": was}] * 2
    found = desk.run("drain", "--undo")

    assert (code, {"event": "undone", "was": was}) == (
        found.exit_code, json.loads(desk.run("drain", "--undo", "--json").stdout),
    )  # fmt: skip


def test_the_service_has_ended_empty(full_desk: Desk, service: list[Any]) -> None:
    """With --stop that is the good end: the queue itself is asked, which is not empty here."""
    service += [{**SEEN, "stops": True}, {**EMPTY, "stops": True}, None]
    result = full_desk.run("drain", "--stop")

    assert 1 == result.exit_code
    assert "what: the service has ended before it was empty\nwhy:  2 recipients left" in result.stderr


def test_a_service_that_ends_before_its_first_answer(full_desk: Desk, service: list[Any]) -> None:
    """Killed while it is asked: what is left in the queue is said, as for one that ends later."""
    service += [requests.ServiceGone()]
    result = full_desk.run("drain")

    assert 1 == result.exit_code
    assert result.stderr.startswith("what: the service has ended before it was empty")
    assert "until" not in result.stdout


def test_a_service_that_is_silent(desk: Desk, service: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3 after a minute; one silence may be a busy second."""
    monkeypatch.setattr(module, "WITHIN_S", 0.2)
    answers = iter([requests.NotAnswered(), EMPTY])

    def once(*_: object) -> Any:
        time.sleep(0.01)
        found = next(answers, requests.NotAnswered())
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(requests, "ask", once)
    service += [SEEN, SEEN]

    assert (0, 3) == (desk.run("drain").exit_code, desk.run("drain").exit_code)


def test_a_frozen_queue_is_not_drained(desk: Desk, service: list[Any]) -> None:
    """Exit 4, before anything is asked: nothing would go out."""
    now = time.time()
    write_freeze(desk.directory / "data", Freeze(now, now + 60, "window", "mina"))
    result = desk.run("drain")

    assert (4, []) == (result.exit_code, service)
    assert "do:   relay365 queue thaw, then: relay365 drain" in result.stderr


def test_a_time_that_is_too_long(desk: Desk) -> None:
    """Exit 2."""
    assert 2 == desk.run("drain", "--for", "2d").exit_code


def test_status_says_it(full_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """DRAINING with its end, until when and by whom; it needs the process that obeys it."""
    monkeypatch.setattr(figures, "told_by", lambda _: {})
    data = full_desk.directory / "data"
    full_desk.run("queue", "release", "--all")
    lock = DirectoryLock(data)
    lock.take()
    try:
        pid = DirectoryLock(data).holder()
        assert pid is not None
        write_drain(data, Drain(pid, 1000.0, 4e9, stops=True, by="mina\x07"))
        said, found = full_desk.run("status"), full_desk.objects("status")[0]
        write_drain(data, Drain(pid + 1, 1000.0, 4e9))
        other = full_desk.objects("status")[0]
    finally:
        lock.release()

    assert (1, "draining", "2096-10-02T07:06:40.000Z") == (
        said.exit_code, found["verdict"], found["draining"]["until"],
    )  # fmt: skip
    assert "DRAINING until 2096-10-02T07:06:40.000Z by mina?: no mail is taken" in said.stdout
    assert ("fine", None) == (other["verdict"], other["draining"])
