"""The figures behind `relay365 status`: each from where it is known, with a service and without one."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from relay365.cli.running.screen import figures as module
from relay365.cli.running.screen.figures import figures, midnight, told_by
from relay365.config import parse
from relay365.engine.blackbox.archive import Archive
from relay365.engine.control import requests
from relay365.engine.control.requests import NotAnswered, ServiceGone
from relay365.spool.api import LaneNote

FILE = """
[server]
name = "relay.test"
data = "data"
[[listener]]
address = "127.0.0.1:2525"
tls = "none"
[[listener]]
address = "192.168.10.5:2526"
ciphers = "legacy"
hosts = ["192.168.10.0/24"]
review_by = 2020-06-30
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "submission"
tenant = "contoso.com"
client = "7a1e0c52-0000-4000-8000-000000000000"
secret = { file = "client.secret" }
mailboxes = ["scan@contoso.com", "fax@contoso.com"]
[[route]]
kind = "smarthost"
host = "127.0.0.1:9"
tls = "none"
[[device]]
name = "ups-2"
match = { address = "192.168.10.90" }
expects = "8d"
[[device]]
name = "copier"
match = { address = "192.168.10.31" }
expects = "1d"
[[device]]
name = "fax"
match = { address = "192.168.10.32" }
"""
TOLD = {
    "version": "9.9", "host": "srv", "began_at": 1_000.0, "sessions": 3, "sessions_limit": 50,
    "listeners": [{"address": "127.0.0.1:40001", "tls": "none", "ciphers": "office", "review_by": None}],
    "lanes": [
        {"lane": "submission/scan@contoso.com", "under_way": 2, "connections": 3, "last_delivery_at": 2e9},
        {"lane": "smarthost", "under_way": 0, "connections": 20, "last_delivery_at": None},
    ],
}  # fmt: skip


@pytest.fixture
def office(full_desk: Any) -> Any:
    """A desk with a file of many kinds."""
    (full_desk.directory / "client.secret").write_text("x")
    (full_desk.directory / "relay365.toml").write_text(FILE, "utf-8")
    return full_desk


def _figures(desk: Any, pid: int | None = None) -> dict[str, Any]:
    file = desk.directory / "relay365.toml"
    found = figures(parse(file.read_text(), "relay365.toml"), file, file, pid)
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def test_without_a_service(office: Any) -> None:
    """The queue, the day and the file are there; what only the service knows is null."""
    found = _figures(office)
    lanes = {one["lane"]: one for one in found["lanes"]}

    assert (False, None, None, None, "relay.test") == tuple(
        found[key] for key in ("running", "answered", "started_at", "up_s", "host")
    )
    assert ["127.0.0.1:2525", "192.168.10.5:2526"] == [one["address"] for one in found["listeners"]]
    assert {"now": None, "limit": 1000} == found["sessions"]
    assert (4, 1, 1, 0) == tuple(
        found["today"][key] for key in ("accepted", "delivered", "failed", "expired")
    )
    assert ["submission/scan@contoso.com", "submission/fax@contoso.com", "smarthost"] == list(lanes)
    assert ("client secret", "scan@contoso.com", None) == tuple(
        lanes["submission/scan@contoso.com"][key] for key in ("signs_in_by", "mailbox", "last_delivery")
    )
    assert lanes["smarthost"]["last_delivery"] is not None
    assert [None, None, None] == [one["connections"]["used"] for one in found["mailboxes"]]


def test_what_the_service_tells(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real ports, sessions, connections in use, the last success, how long it has been up."""
    monkeypatch.setattr(module, "told_by", lambda _: TOLD)
    found = _figures(office, 1)
    lanes = {one["lane"]: one for one in found["lanes"]}

    assert ("9.9", "srv", True, "1970-01-01T00:16:40.000Z") == tuple(
        found[key] for key in ("version", "host", "answered", "started_at")
    )
    assert found["up_s"] > 1e9
    assert ["127.0.0.1:40001"] == [one["address"] for one in found["listeners"]]
    assert {"now": 3, "limit": 50} == found["sessions"]
    assert "2033-05-18T03:33:20.000Z" == lanes["submission/scan@contoso.com"]["last_delivery"]
    assert lanes["smarthost"]["last_delivery"] is not None
    assert [(2, 2), (0, 2), (0, 20)] == [
        (one["connections"]["used"], one["connections"]["limit"]) for one in found["mailboxes"]
    ]


def test_what_is_used_of_microsofts_limits(office: Any) -> None:
    """By mailbox, from the notes of the scheduler and the slices of the day; a smart host has none."""
    (box, _, smarthost) = _figures(office)["mailboxes"]

    assert {"messages": 30, "recipients": 10_000} == {
        one["name"]: one["limit"] for one in box["budgets"] if one["name"] in ("messages", "recipients")
    }
    assert [] == smarthost["budgets"]


def test_a_lane_that_only_a_note_remembers(office: Any) -> None:
    """It stands behind those of the file, as not configured."""
    office.spool(
        lambda spool: spool.note_lane(LaneNote("gone", "535 no", "configuration", "auth-refused", 1.0))
    )
    last = _figures(office)["lanes"][-1]

    assert ("gone", False, "535 no", None) == (last["lane"], last["configured"], last["held"], last["kind"])


def test_devices_that_should_have_spoken(office: Any) -> None:
    """By the file of the alarm; one that was never heard counts from the day that we began to listen."""
    now = time.time()
    alarm = {"marks": {"watching since": now - 9 * 86_400}, "heard": {"copier": now - 60, "fax": now - 1e6}}
    (office.directory / "data" / "alerts.json").write_text(json.dumps(alarm))
    found = _figures(office)["devices"]
    (silent,) = found["silent"]

    assert (3, 2, 1) == (found["known"], found["expected"], found["heard"])
    assert ("ups-2", 8 * 86_400.0, None, "relay365 device show ups-2") == tuple(
        silent[key] for key in ("name", "expects_s", "last_heard_at", "show")
    )
    assert abs(silent["silent_s"] - 9 * 86_400) < 60


def test_nobody_is_silent_before_anybody_listened(office: Any) -> None:
    """Where no alarm has begun yet, nothing is known."""
    assert [] == _figures(office)["devices"]["silent"]


def test_a_gateway_that_everybody_came_by(office: Any) -> None:
    """From the black box, while the service is down, too; None as soon as somebody came from elsewhere."""
    archive = Archive(office.directory / "data")
    assert _figures(office)["gateway"] is None
    for name in ("copier", "nas", "ups"):
        archive.write(f"device-{name}", {"address": "172.17.0.1", "names": [name], "sessions": []})
    found = _figures(office)["gateway"]
    archive.write("address-192.0.2.7", {"address": "192.0.2.7", "names": ["x"], "sessions": []})

    assert ("172.17.0.1", ["copier", "nas", "ups"]) == (found["address"], found["names"])
    assert {"address", "names", "what", "why", "do"} == set(found)
    assert _figures(office)["gateway"] is None


def test_listeners_for_old_tls(office: Any) -> None:
    """How many clients were last heard there, and whether the day of the review has come."""
    sessions = office.directory / "data" / "sessions"
    sessions.mkdir()
    for n, listener in enumerate(("192.168.10.5:2526", "192.168.10.5:2526", "127.0.0.1:2525")):
        (sessions / f"address-{n}.json").write_text(json.dumps({"sessions": [], "listener": listener}))
    old = _figures(office)["legacy"]
    file = office.directory / "relay365.toml"
    file.write_text(re.sub(r"review_by = .*", "review_by = 2999-01-01", file.read_text()))
    later = _figures(office)["legacy"]
    file.write_text(re.sub(r"ciphers = .*\nhosts = .*\nreview_by = .*", "", file.read_text()))

    assert {
        "listeners": ["192.168.10.5:2526"],
        "devices": 2,
        "review_by": "2020-06-30",
        "overdue": True,
    } == old
    assert (False, None) == (later["overdue"], _figures(office)["legacy"])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"listeners": [], "sessions": 1}, {"listeners": [], "sessions": 1}),
        ({"unknown": "standing"}, {}),
        ({"failed": "ValueError"}, {}),
        (ServiceGone(), {}),
        (PermissionError("no"), {}),
        (NotAnswered(), None),
    ],
)
def test_asking_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, told: dict[str, Any] | None
) -> None:
    """An older one, one that ends, or a person who may not ask: nothing is known. Only silence is a trouble."""

    def ask(*_: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(requests, "ask", ask)

    assert told == told_by(tmp_path)


def test_a_service_that_cannot_say_is_not_silent(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """answered: true, false, or null where it knows no such question."""
    found = []
    for told in (TOLD, None, {}):
        monkeypatch.setattr(module, "told_by", lambda _, told=told: told)
        found.append(_figures(office, 1)["answered"])

    assert [True, False, None] == found


def test_the_day_begins_at_midnight_here() -> None:
    """In local time, whatever that is."""
    at = datetime(2026, 11, 25, 13, 5, tzinfo=UTC).timestamp()
    begin = datetime.fromtimestamp(midnight(at)).astimezone()

    assert (0, 0, 0) == (begin.hour, begin.minute, begin.second)
    assert 0 <= at - midnight(at) < 86_400
