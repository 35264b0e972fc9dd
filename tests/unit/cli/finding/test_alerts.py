"""`relay365 alerts` beside a ledger that a service has written."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relay365.engine.alerts.alarm import TEST_FILE, TESTED_FILE
from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.ledger import ALERT, Due, Ledger, mutes_in, read_object, write_object
from relay365.spool.lock import DirectoryLock

if TYPE_CHECKING:
    from cli.conftest import Desk
else:
    Desk = Any

HELD = Cause("lane-held one", "critical", "route one waits", "'535 \x1b[31mno'", "relay365 explain x", "one")
CHANNEL = '[[alerts.channel]]\nkind = "syslog"\naddress = "udp://127.0.0.1:514"\n'


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """A desk whose service has told one alert, and seen another one healed."""
    data = desk.directory / "data"
    data.mkdir()
    ledger = Ledger(data, 86_400.0)
    ledger.see([HELD, HELD._replace(key="old", what="the disk was full")], 1000.0)
    ledger.told(Due("webhook", ALERT, ledger.open[HELD.key]), 1001.0)
    ledger.see([HELD], 2000.0)
    ledger.tidy(3000.0, ["webhook"])
    ledger.save()
    with (desk.directory / "relay365.toml").open("a") as file:
        file.write(CHANNEL)
    return desk


@pytest.fixture
def running(watched: Desk) -> Any:
    """As if the service were running."""
    lock = DirectoryLock(watched.directory / "data")
    lock.take()
    yield watched
    lock.release()


def test_what_is_open_is_listed(running: Desk) -> None:
    """Exit 1; three lines and the command that mutes it; nothing of a remote's reply moves the cursor."""
    result = running.run("alerts", "list")

    assert 1 == result.exit_code
    assert "critical  route one waits  since 1970-01-01T00:16:40.000Z, told: webhook\n" in result.stdout
    assert "do:   relay365 explain x" in result.stdout
    assert "relay365 alerts mute 'lane-held one'" in result.stdout
    assert "\x1b" not in result.stdout
    assert "the disk was full" not in result.stdout
    assert "healed    the disk was full" in running.run("alerts", "list", "--all").stdout


def test_the_list_as_objects(running: Desk) -> None:
    """The documented keys."""
    (row,) = running.objects("alerts", "list")

    assert {"key", "state", "severity", "what", "why", "do", "since", "told", "muted_until"} == set(row)
    assert ("lane-held one", {"webhook": "1970-01-01T00:16:41.000Z"}, None) == (
        row["key"], row["told"], row["muted_until"],
    )  # fmt: skip


def test_without_a_service_the_list_is_old(watched: Desk) -> None:
    """It is shown; exit 3 says that nobody watches."""
    assert 3 == watched.run("alerts", "list").exit_code


def test_a_mute_and_its_end(running: Desk) -> None:
    """One by its key, or all; 0m ends it."""
    data = running.directory / "data"
    assert (
        "lane-held one is muted until "
        in running.run("alerts", "mute", "lane-held one", "--for", "30m").stdout
    )
    assert ["lane-held one"] == list(mutes_in(data, time.time()))
    assert ", muted until " in running.run("alerts", "list").stdout
    assert "all alerts are muted until " in running.run("alerts", "mute").stdout
    assert "all alerts are muted until " in running.run("alerts", "list").stdout
    assert "all alerts are heard again" in running.run("alerts", "mute", "--for", "0m").stdout

    assert ["lane-held one"] == list(mutes_in(data, time.time()))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mute", "nothing"), 1, "there is no alert nothing"),
        (("mute", "--for", "soon"), 2, "found soon"),
    ],
)
def test_a_wrong_mute_says_why(running: Desk, arguments: tuple[str, ...], code: int, words: str) -> None:
    """Three lines."""
    result = running.run("alerts", *arguments)

    assert (code, True) == (result.exit_code, words in result.stderr)


def test_a_test_asks_the_service_and_shows_each_answer(running: Desk) -> None:
    """Exit 1, because one channel has not taken it."""
    data = running.directory / "data"

    def serve() -> None:
        until = time.monotonic() + 20
        while not (order := read_object(data / TEST_FILE)) and time.monotonic() < until:
            time.sleep(0.02)
        write_object(
            data / TESTED_FILE, {"order": order["order"], "answers": {"syslog": "", "mail": "no way"}}
        )

    service = threading.Thread(target=serve)
    service.start()
    result = running.run("alerts", "test", "--json")
    service.join()

    assert 1 == result.exit_code
    assert [
        {"channel": "syslog", "taken": True, "reason": None}, {"channel": "mail", "taken": False, "reason": "no way"},
    ] == [json.loads(line) for line in result.stdout.splitlines()]  # fmt: skip


def test_a_test_needs_a_channel_and_a_service(watched: Desk) -> None:
    """Exit 3 without a service, 2 where nobody would be told."""
    assert 3 == watched.run("alerts", "test").exit_code
    file = watched.directory / "relay365.toml"
    file.write_text(file.read_text().replace(CHANNEL, ""))
    result = watched.run("alerts", "test")

    assert (2, True) == (result.exit_code, "nobody is told of anything" in result.stderr)


def test_where_nothing_ever_ran(desk: Desk) -> None:
    """Exit 3 and three lines."""
    result = desk.run("alerts", "list")

    assert (3, True) == (result.exit_code, result.stderr.startswith("what: there is no data in "))
    assert not Path("data").exists()
