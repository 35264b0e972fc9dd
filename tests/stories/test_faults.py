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
SOON_S = 20.0
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
# Six messages a story and several stories a minute: what one of them sends must not use up the next one's minute.
SCENARIO = """
[application]
requests_per_minute = 1000
[[mailbox]]
address = "scan@contoso.com"
basic_auth = true
aliases = ["scanner@contoso.com"]
send_as = ["alerts@contoso.com", "noreply@contoso.com"]
limits = { per_minute = 1000 }
[[mailbox]]
address = "alerts@contoso.com"
basic_auth = true
"""
NOTHING = "(nothing to act on)"
PROBED_S = 150.0  # a held lane is probed once a minute, on a machine that has other work
HEAD = "From: <{sender}>\r\nTo: <lena@fabrikam.com>\r\nSubject: {n}\r\nMessage-ID: <{n}@story.test>\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Microsoft]:
    """One emulator for all stories; each takes its moods back."""
    with microsoft(tmp_path_factory.mktemp("stories"), SCENARIO) as running:
        yield running


def _write(name: str, saw: dict[str, object]) -> None:
    """If that is wished, remember what a story saw, in the order of the stories."""
    if os.environ.get("STORIES_WRITE"):
        whole = {**_results(), name: saw}
        kept = {fault.name: whole[fault.name] for fault in FAULTS if fault.name in whole}
        RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=False) + "\n", "utf-8")


def _results() -> dict[str, dict[str, object]]:
    return dict(json.loads(RESULTS.read_text("utf-8"))) if RESULTS.exists() else {}


def _arrived(cloud: Microsoft, before: int) -> Counter[str]:
    """How often each message of this story was taken by Microsoft."""
    return Counter(one["message_id"] for one in cloud.control.messages()[before:])


def _rows(relay: Relay) -> set[str]:
    """Every row of the catalogue that the log names."""
    return set(re.findall(r" row=([a-z0-9-]+)", relay.log_file.read_text()))


def _notes(relay: Relay) -> set[str]:
    """The rows of the lanes' notes, as the operator sees them."""
    said = relay.command("status", "--json")
    return {lane["row"] for lane in json.loads(said.stdout)["lanes"]}


def _is_told(relay: Relay, fault: Fault) -> bool:
    if fault.of_lane:
        return fault.told in _notes(relay)
    return not fault.told or fault.told in _rows(relay)


def _relay(cloud: Microsoft, directory: Path, fault: Fault) -> Relay:
    """A relay with the story's roads and patience."""
    directory.mkdir()
    accounts = {"mailbox": cloud.mailbox, "account": cloud.facts["hve_accounts"][0]["address"]}  # type: ignore[index]
    road = fault.road.format(**cloud.facts, **accounts)
    return Relay(directory, BASE.format(queue=fault.queue) + road)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_costs_nothing(fault: Fault, cloud: Microsoft, tmp_path: Path) -> None:
    """0 lost, 0 bounced, duplicates at most as many as the fault struck; the row that was told is the right one."""
    before, began_s = len(cloud.control.messages()), time.monotonic()
    wanted = {f"<{n}@story.test>" for n in range(MESSAGES)}
    if fault.mood:
        cloud.control.set_mood(**fault.mood)
    try:
        with _relay(cloud, tmp_path / "relay", fault) as relay:
            for n in range(MESSAGES):
                relay.send(HEAD.format(n=n, sender=cloud.mailbox).encode(), sender=cloud.mailbox)
            eventually(lambda: _is_told(relay, fault), SOON_S)
            n_struck = sum(int(mood["struck"]) for mood in _moods(cloud))
            if fault.healed != "by itself":
                eventually(lambda: all(one["age_s"] >= fault.lasts_s for one in relay.queue()), 3 * SOON_S)
                _heal(cloud, relay, fault)
            patience_s = PROBED_S if fault.healed == "waiting" else 3 * SOON_S
            eventually(lambda: set(_arrived(cloud, before)) == wanted and not relay.queue(), patience_s)
            n_struck = max(n_struck, int(str(fault.mood.get("count", 0))))
            states = Counter(view["state"] for view in _all(relay))
            rows = _rows(relay)
    finally:
        cloud.control._call("DELETE", "/moods")
    arrived = _arrived(cloud, before)

    assert wanted == set(arrived)
    assert {"delivered": MESSAGES} == states
    assert sum(arrived.values()) - MESSAGES <= n_struck
    saw: dict[str, object] = {
        "told": fault.told or NOTHING, "also": sorted(rows - {fault.told}), "lost": 0, "bounced": 0,
        "duplicates": sum(arrived.values()) - MESSAGES, "healed": fault.healed,
        "seconds": round(time.monotonic() - began_s, 1),
    }  # fmt: skip
    _write(fault.name, saw)


def _heal(cloud: Microsoft, relay: Relay, fault: Fault) -> None:
    """The fault ends; then what a person does who does not want to wait."""
    assert MESSAGES - 1 <= len(relay.queue()), "what should wait has gone or bounced"
    cloud.control._call("DELETE", "/moods")
    if fault.healed == "restart":
        relay.stop()
        relay.close_pipes()
        relay.start()
    elif fault.healed == "queue retry":
        relay.command("queue", "retry", "--all")


def test_a_sender_that_is_refused_does_not_endanger_the_others(cloud: Microsoft, tmp_path: Path) -> None:
    """Two refusals, then its mail is held without a try, before the penalty box opens; other senders go on."""
    fault = Fault("a sender without the right", "send-as-denied-current", {})
    before, refused_before = len(cloud.control.messages()), _n_refused(cloud)
    with _relay(cloud, tmp_path / "relay", fault) as relay:
        for n in range(2 * MESSAGES):
            sender = "erp@contoso.com" if n % 2 else cloud.mailbox
            relay.send(HEAD.format(n=n, sender=sender).encode(), sender=sender)
        eventually(lambda: len(_arrived(cloud, before)) == MESSAGES)
        eventually(lambda: {"held"} == {one["state"] for one in relay.queue()})
        held = [recipient for one in relay.queue() for recipient in one["recipients"]]
        rows, log = _rows(relay), relay.log_file.read_text()

    assert MESSAGES == len(held)
    assert {"sender"} == {recipient["class"] for recipient in held}
    assert {fault.told, "sender-stopped"} == rows
    assert _n_refused(cloud) - refused_before <= 2
    assert "report.queued" not in log


def _n_refused(cloud: Microsoft) -> int:
    """How often the mailbox was refused a message: what its penalty box counts."""
    return int(cloud.control.stats()["mailboxes"][cloud.mailbox]["refused"])


def _moods(cloud: Microsoft) -> list[dict[str, object]]:
    found = json.loads(cloud.control._call("GET", "/moods"))
    return list(found["moods"] if isinstance(found, dict) else found)


def _all(relay: Relay) -> list[dict[str, object]]:
    listed = relay.command("queue", "list", "--all", "--json")
    return [json.loads(line) for line in listed.stdout.splitlines()]


def test_the_table_shows_these_stories() -> None:
    """What docs/outcomes.md shows was seen in stories that are still told, with the rows that they ask for."""
    told = {fault.name: fault.told or NOTHING for fault in FAULTS}
    results = _results()

    assert {name: told.get(name) for name in results} == {name: one["told"] for name, one in results.items()}
    assert {(0, 0)} >= {(one["lost"], one["bounced"]) for one in results.values()}
