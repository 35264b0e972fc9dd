"""One story per fault of Microsoft's side: nothing is lost, nothing bounces that should wait, and somebody is told.

Each: the fault begins, six messages are accepted, the operator is told of the row, the fault ends, all six arrive.
Times are written to results.json by `STORIES_WRITE=1 pytest tests/stories`; docs/outcomes.md shows that file.
(RFC 5321 4.2.1 and 4.5.4.1; the list of faults is that of docs/testing.md)
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from stories.faults import FAULTS, Fault

MESSAGES = 6
SOON_S = 10.0
RESULTS = Path(__file__).with_name("results.json")
QUEUE = '[queue]\nretry = ["1s"]\n'
HEAD = "From: <{sender}>\r\nTo: <lena@fabrikam.com>\r\nSubject: {n}\r\nMessage-ID: <{n}@story.test>\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    """One emulator for all stories; each takes its moods back."""
    with microsoft(tmp_path_factory.mktemp("stories")) as running:
        yield running


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, dict[str, object]]]:
    """What the stories saw, written down at the end if that is wished and all of them were told."""
    found: dict[str, dict[str, object]] = {}
    yield found
    if os.environ.get("STORIES_WRITE") and len(found) == len(FAULTS):
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def _arrived(cloud: Microsoft, before: int) -> Counter[str]:
    """How often each message of this story was taken by Microsoft."""
    return Counter(one["message_id"] for one in cloud.control.messages()[before:])


def _rows(relay: Relay) -> set[str]:
    """Every row of the catalogue that the log names."""
    return set(re.findall(r" row=([a-z0-9-]+)", relay.log_file.read_text()))


def _is_told(relay: Relay, fault: Fault) -> bool:
    log = relay.log_file.read_text()
    return fault.told in _rows(relay) if fault.told else "recipient.deferred" in log


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_costs_nothing(
    fault: Fault, cloud: Microsoft, tmp_path: Path, seen: dict[str, dict[str, object]]
) -> None:
    """0 lost, 0 bounced, duplicates at most as many as the fault struck; the row that was told is the right one."""
    before, began_s = len(cloud.control.messages()), time.monotonic()
    wanted = {f"<{n}@story.test>" for n in range(MESSAGES)}
    cloud.control.set_mood(**fault.mood)
    try:
        with cloud.relay(tmp_path / "relay", more=QUEUE) as relay:
            for n in range(MESSAGES):
                relay.send(HEAD.format(n=n, sender=cloud.mailbox).encode(), sender=cloud.mailbox)
            eventually(lambda: _is_told(relay, fault), SOON_S)
            n_struck = sum(int(mood["struck"]) for mood in _moods(cloud))
            if fault.healed != "by itself":
                _heal(cloud, relay, fault)
            eventually(lambda: set(_arrived(cloud, before)) == wanted and not relay.queue(), 3 * SOON_S)
            n_struck = max(n_struck, int(str(fault.mood.get("count", 0))))
            states = Counter(view["state"] for view in _all(relay))
            rows = _rows(relay)
    finally:
        cloud.control._call("DELETE", "/moods")
    arrived = _arrived(cloud, before)

    assert wanted == set(arrived)
    assert {"delivered": MESSAGES} == states
    assert sum(arrived.values()) - MESSAGES <= n_struck
    seen[fault.name] = {
        "told": fault.told or "(its own words)", "also": sorted(rows - {fault.told}), "lost": 0, "bounced": 0,
        "duplicates": sum(arrived.values()) - MESSAGES, "healed": fault.healed,
        "seconds": round(time.monotonic() - began_s, 1),
    }  # fmt: skip


def _heal(cloud: Microsoft, relay: Relay, fault: Fault) -> None:
    """The fault ends; then what a person does who does not want to wait."""
    assert MESSAGES - 1 <= len(relay.queue()), "what should wait has gone or bounced"
    cloud.control._call("DELETE", "/moods")
    if fault.healed == "restart":
        relay.stop()
        relay.close_pipes()
        relay.start()
    else:
        relay.command("queue", "retry", "--all")


def _moods(cloud: Microsoft) -> list[dict[str, object]]:
    found = json.loads(cloud.control._call("GET", "/moods"))
    return list(found["moods"] if isinstance(found, dict) else found)


def _all(relay: Relay) -> list[dict[str, object]]:
    listed = relay.command("queue", "list", "--all", "--json")
    return [json.loads(line) for line in listed.stdout.splitlines()]
