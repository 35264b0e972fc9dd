"""One story for one fault of Microsoft's side: nothing is lost, nothing bounces that should wait, and somebody is told.

The fault begins, six messages are accepted, the operator is told of the row, its causes and its cure, the fault ends,
and all six arrive; what arrives twice was marked as a possible duplicate. Told by test_faults*.py, a file for each
family, so that several are told at once.
Times are written to results.json by `STORIES_WRITE=1 pytest tests/stories`; docs/outcomes.md shows that file.
(RFC 5321 4.2.1 and 4.5.4.1; the list of faults is that of docs/testing.md)
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import apsw
import dns.rcode

from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft
from fakes.names import names
from relay365.mail.outcome import Class
from stories.faults import CONNECTOR, Dns, Fault
from stories.scene import (
    BASE,
    GOES_S,
    HEAD,
    NOTHING,
    PROGRAM,
    arrived,
    assert_that_the_lane_fits,
    every_message,
    explained,
    lane_of,
    moods,
    restart,
    rows,
    write,
)

MESSAGES = 6
LONGEST_S = 420.0  # a whole story: DATA has two minutes to be answered (RFC 5321 4.5.3.2.4)
PAUSE_S = 3.0  # a try that comes too early comes within a second of the start
PROBED_S = 150.0  # a held lane is probed once a minute, on a machine that has other work


def _is_traced(relay: Relay, row: str) -> bool:
    """Whether the history of any message has the row."""
    traced = (relay.command("trace", view["id"]).stdout for view in every_message(relay))
    return any(re.search(rf"\b{row}\b", text) for text in traced)


def _told(relay: Relay, fault: Fault) -> dict[str, object]:
    """What the operator reads: that it is so, and what `explain` says of the row. It must say why and what to do."""
    if not fault.told:
        return {"told": NOTHING, "class": "", "cure": ""}
    if fault.of_lane:
        lane = eventually(lambda: lane_of(relay, fault.told), fault.told_s)
        assert_that_the_lane_fits(relay, fault.told, lane)
    else:
        eventually(lambda: fault.told in rows(relay), fault.told_s)
        eventually(lambda: _is_traced(relay, fault.told))
    return explained(relay, fault.told)


def relay_of(cloud: Microsoft, directory: Path, fault: Fault, name_server: str) -> Relay:
    """A relay with the story's roads and patience."""
    directory.mkdir()
    return Relay(directory, _config(cloud, fault.queue, fault.road, name_server))


def _config(cloud: Microsoft, queue: str, road: str, name_server: str = "") -> str:
    accounts = {"mailbox": cloud.mailbox, "account": cloud.facts["hve_accounts"][0]["address"]}  # type: ignore[index]
    return BASE.format(queue=queue) + road.format(**cloud.facts, **accounts, name_server=name_server)


@contextmanager
def _name_server(dns_does: Dns) -> Iterator[str]:
    """A name server in a thread of its own that does not help; gives its address, "" where the story has none."""
    if not dns_does:
        yield ""
        return
    address: Queue[str] = Queue()
    stopped = threading.Event()

    async def serve() -> None:
        async with names() as server:
            server.is_silent = dns_does == "silent"
            server.rcode = None if server.is_silent else dns.rcode.from_text(dns_does)
            address.put(f"127.0.0.1:{server.port}")
            await asyncio.to_thread(stopped.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield address.get(timeout=10.0)
    finally:
        stopped.set()
        thread.join()


def assert_that_it_costs_nothing(fault: Fault, cloud: Microsoft, directory: Path) -> None:
    """0 lost, 0 bounced, duplicates at most as many as the fault struck; the row that was told is the right one."""
    before, began_s = len(cloud.control.messages()), time.monotonic()
    wanted = {f"<{n}@story.test>" for n in range(MESSAGES)}
    if fault.mood:
        cloud.control.set_mood(**fault.mood)
    try:
        with (
            _name_server(fault.dns) as name_server,
            relay_of(cloud, directory / "relay", fault, name_server) as relay,
        ):
            for n in range(MESSAGES):
                content = HEAD.format(n=n, sender=cloud.mailbox).encode()
                relay.send(content, sender=cloud.mailbox, to=(fault.to,))
            told = _told(relay, fault)
            n_struck = sum(int(mood["struck"]) for mood in moods(cloud))
            if fault.healed != "by itself":
                eventually(lambda: all(one["age_s"] >= fault.lasts_s for one in relay.queue()), GOES_S)
                _heal(cloud, relay, fault)
            patience_s = PROBED_S if fault.healed == "waiting" else GOES_S
            eventually(lambda: set(arrived(cloud, before)) == wanted and not relay.queue(), patience_s)
            n_struck = max(n_struck, int(str(fault.mood.get("count", 0))))
            views = every_message(relay)
            seen, log = rows(relay), relay.log_file.read_text()
    finally:
        cloud.control.end_moods()
    came = arrived(cloud, before)

    assert not PROGRAM.search(log)
    assert wanted == set(came)
    assert ["delivered"] * MESSAGES == [view["state"] for view in views]
    assert sum(came.values()) - MESSAGES <= n_struck
    marked = {view["message_id"] for view in views if view["possible_duplicate"]}
    assert marked >= {message_id for message_id, n in came.items() if n > 1}
    saw: dict[str, object] = {
        **told, "messages": MESSAGES, "also": sorted(seen - {fault.told}), "lost": 0, "bounced": 0,
        "duplicates": sum(came.values()) - MESSAGES, "healed": fault.healed,
        "seconds": round(time.monotonic() - began_s, 1),
    }  # fmt: skip
    write(fault.name, saw)


def _heal(cloud: Microsoft, relay: Relay, fault: Fault) -> None:
    """The fault ends; then what a person does who does not want to wait."""
    assert MESSAGES - 1 <= len(relay.queue()), "what should wait has gone or bounced"
    cloud.control.end_moods()
    match fault.healed:
        case "restart":
            restart(relay)
        case "queue retry":
            relay.command("queue", "retry", "--all")
        case "end of the pause":
            _outwait(cloud, relay, fault)
        case "host named":
            relay.config_file.write_text(_config(cloud, fault.queue, CONNECTOR))
            restart(relay)


def _outwait(cloud: Microsoft, relay: Relay, fault: Fault) -> None:
    """Neither a restart nor an impatient person shortens a pause that the remote asked for; then it is over.

    That is played: an hour is longer than a story, so that the end of the pause is set back while the relay is stopped.
    """
    n_tried = cloud.control.stats()["connections"]
    restart(relay)
    relay.command("queue", "retry", "--all")
    time.sleep(PAUSE_S)
    lane = lane_of(relay, fault.told)
    assert (Class.RATE_LIMIT.value, n_tried) == (lane["class"], cloud.control.stats()["connections"])
    assert len(relay.queue()) >= MESSAGES - 1
    relay.stop()
    relay.close_pipes()
    connection = apsw.Connection(str(relay.directory / "data" / "spool.db"))
    connection.execute("UPDATE lane SET gate_until_at = unixepoch() - 1 WHERE gate_until_at > unixepoch()")
    connection.close()
    relay.start()
