"""`relay365 status`: one screen, one verdict."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.running.screen import figures
from relay365.cli.running.status import verdict_of
from relay365.engine.accounts import users_in
from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.ledger import Ledger
from relay365.engine.doors.locks import LOCKS_FILE, Lock, subject_of
from relay365.net.tls import own_certificate
from relay365.spool.api import LaneNote
from relay365.spool.lock import DirectoryLock

GOLDEN = Path(__file__).parents[3] / "golden" / "screens" / "one-tenant.txt"
PAGE = Path(__file__).parents[4] / "docs" / "status.md"


@pytest.fixture
def running(full_desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk whose data directory is locked, as by a service, which says nothing of itself."""
    monkeypatch.setattr(figures, "told_by", lambda _: {})
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
    assert "1 held   1 failed today   relay365 queue list --state held" in said.stdout
    assert "  delivering  smarthost waits " in said.stdout


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

    assert " d: smarthost: 535 5.7.3 Authentication unsuccessful\n" in said.partition("HELD for ")[2]
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
    assert [{"key": "a", "severity": "warning", "what": "x"}] == full_desk.objects("status")[0]["alerts_open"]
    assert "  alerts      1 open, the first: x   relay365 alerts list\n" in full_desk.run("status").stdout


def test_a_service_that_does_not_answer_is_not_called_fine(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1, and what to look at."""
    running.run("queue", "release", "--all")
    monkeypatch.setattr(figures, "told_by", lambda _: None)
    said = running.run("status")

    assert 1 == said.exit_code
    assert "NEEDS YOU" in said.stdout
    assert "  service     it has not answered: relay365 doctor local" in said.stdout


def test_plain_words_for_a_screen_reader(running: Any) -> None:
    """The verdict stands behind a colon, without a gap."""
    running.run("queue", "release", "--all")

    assert running.run("status", "--plain").stdout.splitlines()[0].endswith(", running: FINE")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "fine"),
        ({"running": False, "answered": None}, "stopped"),
        ({"lanes": [{"held": "535"}]}, "needs you"),
        ({"recipients": {"held": 1}}, "needs you"),
        ({"answered": False}, "needs you"),
        ({"answered": None}, "fine"),
        ({"frozen": {}, "draining": {"by": "x"}}, "draining"),
        ({"frozen": {"by": "x"}}, "frozen"),
        ({"frozen": {"by": "x"}, "recipients": {"held": 1}}, "needs you"),
    ],
)
def test_the_verdict(change: dict[str, Any], verdict: str) -> None:
    """What needs a person goes before what one has ordered; a service that cannot say is no trouble."""
    well = {
        "running": True, "answered": True, "lanes": [], "recipients": {}, "frozen": None, "draining": None,
    }  # fmt: skip

    assert verdict == verdict_of({**well, **change})


def _documented() -> tuple[set[str], set[str]]:
    """Keys of the table in docs/status.md: those of the object, and all that are named below them."""
    rows = re.findall(
        r"^\| (`[^|]+) \| ([^|]*) \|$", PAGE.read_text("utf-8").partition("## As JSON")[2], re.MULTILINE
    )
    words = [(set(re.findall(r"`(\w+)`", keys)), set(re.findall(r"`(\w+)`", text))) for keys, text in rows]
    return set().union(*(one for one, _ in words)), set().union(*(one for _, one in words))


def _keys_below(value: Any) -> set[str]:
    """Keys of all objects in a value; what is counted by state has no fixed ones."""
    if isinstance(value, list):
        return set().union(*map(_keys_below, value))
    if isinstance(value, dict):
        return set(value).union(*map(_keys_below, value.values()))
    return set()


def test_every_key_of_the_json_is_documented(full_desk: Any) -> None:
    """docs/status.md has each key of the object, no other, and all below it that this relay and a golden one show."""
    top, below = _documented()
    found = full_desk.objects("status")[0]
    golden = json.loads(GOLDEN.read_text("utf-8").partition("--- facts\n")[2].partition("--- screen\n")[0])
    shown = set().union(*(_keys_below(one[key]) for one in (found, golden) for key in top - {"recipients"}))

    assert top == set(found) == set(golden)
    assert set() == shown - below - top


def test_the_page_shows_the_golden_screen() -> None:
    """Word for word."""
    screen = GOLDEN.read_text("utf-8").partition("--- screen\n")[2]

    assert f"```\n$ relay365 status\n{screen}```" in PAGE.read_text("utf-8")
