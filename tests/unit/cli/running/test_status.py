"""`relay365 status`: one screen, one verdict."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from relay365.engine.accounts import users_in
from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.ledger import Ledger
from relay365.engine.doors.locks import LOCKS_FILE, Lock, subject_of
from relay365.net.tls import own_certificate
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


def _lock(desk: Any, *locks: tuple[str, str], until_s: float = 300.0) -> None:
    """As the service writes down what wrong passwords have locked; each login with the password that it has now."""
    stored = users_in(desk.directory / "data" / "users")
    lines = [
        Lock(name, address, time.time() + until_s, subject_of(name, stored.get(name, "")).partition("\0")[2])
        for name, address in locks
    ]
    (desk.directory / "data" / LOCKS_FILE).write_text(json.dumps({"locked": lines}))


def test_what_wrong_passwords_have_locked_is_shown_with_what_lifts_it(running: Any) -> None:
    """The login that a command can free stands in the line, and the command frees it; the others end by themselves."""
    running.run("user", "add", "scan")
    _lock(running, ("nobody", "192.0.2.1"), ("scan", "any"), ("any", "192.0.2.1"))
    said = running.run("status").stdout
    found = running.objects("status")[0]["locked_logins"]

    assert "  logins      3 locked by wrong passwords, scan from anywhere until 20" in said
    assert "Z: relay365 user password scan\n" in said
    assert [
        ("nobody", "192.0.2.1", None),
        ("scan", None, "relay365 user password scan"),
        (None, "192.0.2.1", None),
    ] == [(one["name"], one["address"], one["lift"]) for one in found]

    assert 0 == running.run("user", "password", "scan").exit_code
    said = running.run("status").stdout
    assert "  logins      2 locked by wrong passwords, nobody from 192.0.2.1 until 20" in said
    assert "Z: relay365 device list\n" in said


def test_locks_that_have_ended_or_were_of_a_service_that_is_gone_are_not_shown(full_desk: Any) -> None:
    """A lock lives in the memory of the service: without it there is none, whatever the file says."""
    lock = DirectoryLock(full_desk.directory / "data")
    _lock(full_desk, ("scan", "any"))
    stopped = full_desk.objects("status")[0]["locked_logins"]
    lock.take()
    _lock(full_desk, ("scan", "any"), until_s=-1.0)
    ended = full_desk.objects("status")[0]["locked_logins"]
    said = full_desk.run("status").stdout
    lock.release()

    assert [] == stopped == ended
    assert "logins" not in said


def test_everything_that_ends_soon_is_on_the_calendar(full_desk: Any) -> None:
    """The certificate of a listener beside what routes sign in with; what ends late is not shown, but for the first."""
    data = full_desk.directory / "data"
    own_certificate(data / "tls", ["relay.test"], time.time())
    facts = full_desk.objects("status")[0]
    (end,) = facts["ends"]

    assert ("listener 127.0.0.1:2525", "certificate CN=relay.test") == (end["of"], end["what"])
    assert (
        f"  expiring    certificate CN=relay.test of listener 127.0.0.1:2525: {end['at'][:10]}, in {end['days']} d"
        in (full_desk.run("status").stdout)
    )


def test_open_alerts_are_counted(full_desk: Any) -> None:
    """With the command that shows them; healed ones do not count."""
    ledger = Ledger(full_desk.directory / "data", 86_400.0)
    ledger.see([Cause("a", "warning", "x", "y", "z"), Cause("b", "warning", "x", "y", "z")], 1.0)
    ledger.see([Cause("a", "warning", "x", "y", "z")], 2.0)
    ledger.save()

    assert 1 == full_desk.objects("status")[0]["alerts"]
    assert "  alerts      1 open: relay365 alerts list" in full_desk.run("status").stdout
