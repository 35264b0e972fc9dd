"""A thousand messages meet a fault: each recipient gets its own outcome, and what need not wait does not.

Each: the fault begins, a thousand messages are accepted, the operator is told of the row, its causes and its cure; the
fault ends, by itself or by hand. Then every recipient has the message, or the remote's final no to exactly it, of which
the sender is told; what arrives twice was marked as a possible duplicate.
(RFC 5321 3.3, 4.2.1, 4.5.3.1.10, 4.5.4.1; results as in test_faults.py)
"""

from __future__ import annotations

import smtplib
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.house import DEADLINE_S, Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from stories.scene import (
    BASE,
    HEAD,
    PROGRAM,
    UNKNOWN,
    assert_that_the_lane_fits,
    every_message,
    explained,
    lane_of,
    restart,
    rows,
    write,
)
from stories.thousands import GRAPH_FAST, THOUSANDS, Thousand

MESSAGES = 1000
LINES = 4  # devices that send at once
LONGEST_S = 580.0
GOES_S = 300.0
# No limit of Microsoft's may come into a story of something else.
SCENARIO = """
[application]
requests_per_minute = 1000
graph_roles = ["Mail.Send", "Mail.ReadWrite", "ExchangeMessageTrace.Read.All"]
[tenant]
delivery_s = 0
penalty_after = 100000
external_per_day = 1000000
[graph]
requests_per_10_min = 1000000
[[mailbox]]
address = "scan@contoso.com"
limits = { per_minute = 1000000, recipients_per_day = 1000000 }
"""


TENANT = """
[[tenant]]
name = "{tenant}"
recipients_per_day = 1000000
"""


class Impatient(Relay):
    """A relay that does not wait ten minutes after a final dot."""

    module = "stories.impatient"


Arrived = Counter[tuple[str, str]]
"""How often each recipient of each message was served."""


def _arrived(cloud: Microsoft) -> Arrived:
    """Without the reports that the relay itself sends."""
    return Counter(
        (message["message_id"], recipient)
        for message in cloud.control.messages()
        for recipient in message["recipients"]
        if message["message_id"].endswith("@story.test>")
    )


def _people(n: int, story: Thousand) -> tuple[str, ...]:
    return tuple(f"r{n}-{place}@fabrikam.com" for place in range(story.n_to))


def _send_all(relay: Relay, sender: str, story: Thousand) -> None:
    """All messages over a few connections, as devices would."""

    def send(numbers: range) -> None:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=DEADLINE_S) as client:
            for n in numbers:
                content = HEAD.format(n=n, sender=sender).encode()
                assert {} == client.sendmail(sender, _people(n, story), content)

    with ThreadPoolExecutor(LINES) as devices:
        list(devices.map(send, (range(line, MESSAGES, LINES) for line in range(LINES))))


@contextmanager
def _silence() -> Iterator[str]:
    """Something that accepts connections and never says a word; gives host:port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"localhost:{listener.getsockname()[1]}"


def _n_reports(relay: Relay) -> int:
    return relay.log_file.read_text().count("report.queued")


def _told(relay: Relay, story: Thousand) -> dict[str, object]:
    """What the operator reads, in `status` or in the history of a message that the fault has met, and of the row."""
    if story.unknown:
        eventually(lambda: story.unknown in relay.command("explain", "--unknown").stdout, story.told_s)
        return {"told": UNKNOWN, "class": "", "cure": "relay365 explain --unknown"}
    if story.of_lane:
        lane = eventually(lambda: lane_of(relay, story.told), story.told_s)
        assert_that_the_lane_fits(relay, story.told, lane)
    else:
        eventually(lambda: story.told in rows(relay), story.told_s)
        line = next(one for one in relay.log_file.read_text().splitlines() if f" row={story.told}" in one)
        spool_id = next(word for word in line.split() if word.startswith("id=")).removeprefix("id=")
        assert story.told in relay.command("trace", spool_id).stdout
    return explained(relay, story.told)


def _heal(cloud: Microsoft, relay: Relay, story: Thousand, silent: str) -> None:
    """The fault ends, before which nothing has gone or bounced; then what a person does."""
    assert not _arrived(cloud)
    assert MESSAGES == len(relay.queue())
    cloud.control.end_moods()
    if story.healed == "host named":
        relay.config_file.write_text(_config(cloud, GRAPH_FAST, silent))
    restart(relay)


def _config(cloud: Microsoft, road: str, silent: str) -> str:
    facts: dict[str, Any] = {**cloud.facts, "mailbox": cloud.mailbox, "silent": silent}
    return BASE.format(queue="") + (road + TENANT).format(**facts)


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("story", THOUSANDS, ids=lambda story: story.name)
def test_each_of_a_thousand_gets_its_own(story: Thousand, tmp_path: Path) -> None:
    """0 lost; what fails is what the remote refused for good, and is reported; duplicates as many as the fault made."""
    began_s, kind = time.monotonic(), Impatient if story.patience_s else Relay
    environ = {"STORIES_PATIENCE_S": str(story.patience_s), "PYTHONPATH": str(Path(__file__).parents[1])}
    (tmp_path / "relay").mkdir()
    with microsoft(tmp_path, SCENARIO) as cloud, _silence() as silent:
        for mood in story.moods:
            cloud.control.set_mood(**mood)
        with kind(tmp_path / "relay", _config(cloud, story.road, silent), environ) as relay:
            _send_all(relay, cloud.mailbox, story)
            told = _told(relay, story)
            if story.healed != "by itself":
                _heal(cloud, relay, story, silent)
            eventually(lambda: not relay.queue() and _n_reports(relay) >= story.reports, GOES_S)
            views = [
                one
                for one in every_message(relay, 5 * MESSAGES)
                if one["message_id"].endswith("@story.test>")
            ]
            n_reports = _n_reports(relay)
            log, also = relay.log_file.read_text(), sorted(rows(relay) - {story.told})
        came, asked = _arrived(cloud), cloud.control.stats()["graph"]

    _assert_that_each_has_its_own(story, came, views)
    assert story.reports == n_reports
    assert not story.also or story.also in also
    assert not story.asked or asked.get(story.asked)
    assert not PROGRAM.search(log)
    saw: dict[str, object] = {
        **told, "messages": MESSAGES, "also": also, "lost": 0, "bounced": 0, "refused": story.fails,
        "duplicates": came.total() - len(came), "healed": story.healed,
        "seconds": round(time.monotonic() - began_s, 1),
    }  # fmt: skip
    write(story.name, saw)


def _assert_that_each_has_its_own(story: Thousand, came: Arrived, views: list[dict[str, Any]]) -> None:
    """Delivered or refused for good, never both and never neither."""
    wanted = {(f"<{n}@story.test>", to) for n in range(MESSAGES) for to in _people(n, story)}
    by_state: dict[str, set[tuple[str, str]]] = {"delivered": set(), "failed": set()}
    for view in views:
        for one in view["recipients"]:
            by_state[one["state"]].add((view["message_id"], one["address"]))
            assert one["state"] != "failed" or one["last_reply"].startswith(story.final)
    assert MESSAGES == len(views)
    assert wanted == by_state["delivered"] | by_state["failed"]
    assert set(came) == by_state["delivered"]
    assert story.fails == len(by_state["failed"])
    assert came.total() - len(came) <= story.twice
    marked = {view["message_id"] for view in views if view["possible_duplicate"]}
    assert marked >= {message_id for (message_id, _), n in came.items() if n > 1}
