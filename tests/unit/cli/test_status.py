"""`relay365 status`: one screen, one verdict."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.spool.api import LaneNote
from relay365.spool.lock import DirectoryLock


@pytest.fixture
def running(full_desk: Any) -> Any:
    """A desk whose data directory is locked, as by a service."""
    lock = DirectoryLock(full_desk.directory / "data")
    lock.take()
    yield full_desk
    lock.release()


def test_a_stopped_relay_is_said_and_its_queue_shown(full_desk: Any) -> None:
    """Exit 3; the queue can be looked at all the same."""
    found = full_desk.objects("status")[0]

    assert 3 == full_desk.run("status").exit_code
    assert (False, "stopped") == (found["running"], found["verdict"])
    assert {"queued": 1, "failed": 1, "held": 1, "delivered": 1} == {
        s: n for s, n in found["recipients"].items() if n
    }


def test_held_mail_needs_a_person(running: Any) -> None:
    """Exit 1 while the service runs and something is held."""
    said = running.run("status")

    assert 1 == said.exit_code
    assert "NEEDS YOU" in said.stdout
    assert "1 waiting" in said.stdout
    assert "1 held, 1 failed, 0 expired, 1 delivered" in said.stdout
    assert "smarthost waits until" in said.stdout


def test_all_is_well(running: Any) -> None:
    """Exit 0 when the service runs, nothing is held and no lane waits for a person."""
    running.run("queue", "release", "--all")

    assert 0 == running.run("status").exit_code
    assert "fine" == running.objects("status")[0]["verdict"]


def test_a_held_lane_names_its_row(full_desk: Any) -> None:
    """The command that says what to do stands below the lane."""
    note = LaneNote(
        "smarthost", "535 5.7.3 Authentication unsuccessful", "configuration", "auth-refused", 1.0
    )
    full_desk.spool(lambda spool: spool.note_lane(note))
    said = full_desk.run("status").stdout

    assert "smarthost is HELD since 1970-01-01T00:00:01.000Z: 535 5.7.3" in said
    assert "relay365 explain auth-refused" in said


def test_what_ends_next_is_shown(running: Any) -> None:
    """With its route and the days that are left, in text and JSON."""
    from fakes.desk import SECRET

    file = running.directory / "relay365.toml"
    (running.directory / "client.secret").write_text("x")
    route = (
        '[[route]]\nkind = "submission"\nmailbox = "scan@contoso.com"\ntenant = "contoso.com"\nclient = "c"\n'
    )
    file.write_text(f"{file.read_text()}{route}{SECRET}\nsecret_expires = 2098-01-01\n")
    ends = running.objects("status")[0]["expiring"]

    assert ("submission", "client secret", "2098-01-01") == (ends["route"], ends["what"], ends["at"][:10])
    assert "expiring    client secret of submission: 2098-01-01, in " in running.run("status").stdout
