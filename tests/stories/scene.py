"""What all stories share: the relay and its mail, what an operator reads, what arrived, and where results are kept."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from e2e.house import Relay
from e2e.microsoft import Microsoft
from relay365.mail.outcome import Class
from relay365.routes.catalogue.rows import catalogue
from stories.faults import FAULTS
from stories.thousands import THOUSANDS

RESULTS = Path(__file__).with_name("results.json")
BASE = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[queue]
retry = ["1s"]
{queue}
"""
PROGRAM = re.compile(
    r"Traceback|JSONDecodeError|Expecting value|IncompleteRead|HTTPSConnectionPool|object at 0x"
)
"""Words of a program that no operator should have to read."""
NOTHING = "(nothing to act on)"
UNKNOWN = "(a text that no row knows)"
GOES_S = 60.0
HEAD = "From: <{sender}>\r\nTo: <lena@fabrikam.com>\r\nSubject: {n}\r\nMessage-ID: <{n}@story.test>\r\n\r\nhello\r\n"
TOLD = {fault.name: fault.told or NOTHING for fault in FAULTS}
TOLD |= {story.name: story.told or (UNKNOWN if story.unknown else NOTHING) for story in THOUSANDS}
"""Every story, in the order of the table, and the row that it asks for."""


def write(name: str, saw: dict[str, object]) -> None:
    """If that is wished, remember what a story saw, in the order of the stories."""
    if os.environ.get("STORIES_WRITE"):
        whole = {**results(), name: saw}
        kept = {story: whole[story] for story in TOLD if story in whole}
        RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=False) + "\n", "utf-8")


def results() -> dict[str, dict[str, object]]:
    """What the stories saw when that was last wished."""
    return dict(json.loads(RESULTS.read_text("utf-8"))) if RESULTS.exists() else {}


def arrived(cloud: Microsoft, before: int) -> Counter[str]:
    """How often each message of this story was taken by Microsoft."""
    return Counter(one["message_id"] for one in cloud.control.messages()[before:])


def moods(cloud: Microsoft) -> list[dict[str, object]]:
    """The moods that are set, each with how often it has struck."""
    return cloud.control.moods()


def rows(relay: Relay) -> set[str]:
    """Every row of the catalogue that the log names."""
    return set(re.findall(r" row=([a-z0-9-]+)", relay.log_file.read_text()))


def lane_of(relay: Relay, row: str) -> dict[str, Any]:
    """The lane whose note has this row, as `status` shows it; {} for none."""
    lanes = json.loads(relay.command("status", "--json").stdout)["lanes"]
    return dict(next((lane for lane in lanes if lane["row"] == row), {}))


def assert_that_the_lane_fits(relay: Relay, row_id: str, lane: dict[str, Any]) -> None:
    """Its class is that of the row; a person is called where only a person can heal it, and told the next command."""
    row = next(row for row in catalogue() if row.id == row_id)
    is_hold = row.klass is Class.CONFIGURATION and not row.until_s
    assert (Class.TRANSIENT if row.until_s else row.klass).value == lane["class"]
    assert lane["closed_until"] and lane["since"]
    screen = relay.command("status")
    assert (1 if is_hold else 0, is_hold) == (screen.returncode, bool(lane["held"]))
    if is_hold:
        assert f"relay365 explain {row_id}" in screen.stdout


def explained(relay: Relay, row: str) -> dict[str, object]:
    """What `explain` says of a row: it must say what, why and what to do."""
    said = json.loads(relay.command("explain", "--json", row).stdout)
    assert row == said["row"]
    assert said["title"] and said["why"] and said["do"]
    return {"told": row, "class": said["class"], "cure": said["do"][0]}


def every_message(relay: Relay, limit: int = 1000) -> list[dict[str, Any]]:
    """All mail, finished or not, as `queue list` shows it."""
    listed = relay.command("queue", "list", "--all", "--json", "--limit", str(limit))
    return [json.loads(line) for line in listed.stdout.splitlines()]


def restart(relay: Relay) -> None:
    """Stop the relay in order, and start it again."""
    relay.stop()
    relay.close_pipes()
    relay.start()
