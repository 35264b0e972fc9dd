"""`relay365 status` beside a relay that delivers to a Microsoft 365: each figure is the true one."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path
from typing import Any

from e2e.house import eventually
from e2e.microsoft import microsoft

MAIL = b"Subject: scan\r\n\r\nhello\r\n"
MORE = """
[[device]]
name = "ups-2"
match = { address = "192.0.2.90" }
expects = "8d"
"""
KEYS = frozenset((
    "at", "running", "pid", "answered", "version", "host", "started_at", "up_s", "verdict", "listeners", "sessions",
    "today", "recipients", "oldest_age_s", "lanes", "mailboxes", "tenants", "expiring", "ends", "devices", "legacy",
    "gateway", "alerts", "alerts_open", "unknown_replies", "frozen", "draining", "locked_logins",
))  # fmt: skip


def test_one_screen_of_a_relay_that_works(tmp_path: Path) -> None:
    """Addresses, sessions, mails, the mailbox, the last success and what is used; less of it while it is down."""
    with microsoft(tmp_path) as cloud, cloud.relay(tmp_path / "relay", more=MORE) as relay:
        for _ in range(2):
            relay.send(MAIL, sender=cloud.mailbox)
        eventually(lambda: len(cloud.control.messages()) == 2)
        eventually(lambda: not relay.queue())
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as client:
            client.ehlo("device.test")
            found = eventually(lambda: _counted(json.loads(relay.command("status", "--json").stdout)))
            screen = relay.command("status")
        code = relay.stop()
        down = relay.command("status")
        less = json.loads(relay.command("status", "--json").stdout)

    assert KEYS == set(found) == set(less)
    assert ("fine", True, 0, 0) == (found["verdict"], found["answered"], screen.returncode, code)
    assert relay.ready["listeners"] == [one["address"] for one in found["listeners"]]
    assert (1, 2, 2, 0) == (
        found["sessions"]["now"], found["today"]["accepted"], found["today"]["delivered"], found["today"]["failed"],
    )  # fmt: skip
    (lane,), (box,) = found["lanes"], found["mailboxes"]
    assert ("submission", "client secret", cloud.mailbox) == (
        lane["kind"],
        lane["signs_in_by"],
        lane["mailbox"],
    )
    assert {"messages": 30, "recipients": 10_000}.items() <= {
        one["name"]: one["limit"] for one in box["budgets"]
    }.items()
    assert "1 session now, 2 mails today\n" in screen.stdout
    assert f"submission by client secret, {cloud.mailbox}   last success " in screen.stdout
    assert (
        "  Microsoft   2 of 30 per minute   5,002 of 10,000 recipients/24 h (5,000 assumed)   0 of "
        in screen.stdout
    )
    assert "  devices     1 known, 1 heard in their time\n" in screen.stdout

    assert (3, "stopped", None, None) == (
        down.returncode,
        less["verdict"],
        less["sessions"]["now"],
        less["up_s"],
    )
    assert (2, 2) == (less["today"]["accepted"], less["today"]["delivered"])
    assert "NOTHING: the service is down   2 mails today" in down.stdout
    assert f"submission by client secret, {cloud.mailbox}   last success " in down.stdout


def _counted(found: dict[str, Any]) -> dict[str, Any]:
    """What is used is written down every few seconds: {} until it is."""
    return found if _used(found)["messages"] == _used(found)["recipients"] == 2 else {}


def _used(found: dict[str, Any]) -> dict[str, int]:
    """By budget, without what a relay assumes of a mailbox that it has just met."""
    return {one["name"]: one["used"] - one["assumed"] for one in found["mailboxes"][0]["budgets"]}
