"""A scanner in a loop, against the emulator: it does not use up the mailbox's day, and its mail says why it waits."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path

from e2e.house import TODAY, Relay, eventually
from e2e.microsoft import Microsoft, microsoft

LOOPING, UPS = "127.0.0.2", "127.0.0.3"
TENANT = """
[[device]]
name = "copier-1"
match = { address = "127.0.0.2" }
[[tenant]]
name = "%s"
recipients_per_day = 40     # of which half is assumed to be used: the mailbox is new
reserve_per_day = 8
client_share_per_day = 25
"""


def page(cloud: Microsoft, relay: Relay, whose: str, n: int) -> None:
    text = f"From: <{cloud.mailbox}>\r\nTo: it@contoso.com\r\nSubject: page {n}\r\nDate: {TODAY}\r\n\r\nhello {n}\r\n"
    with smtplib.SMTP("127.0.0.1", relay.port, source_address=(whose, 0), timeout=20) as client:
        client.sendmail(cloud.mailbox, ["it@contoso.com"], text.encode())


def test_a_scanner_in_a_loop_leaves_the_day_to_others(tmp_path: Path) -> None:
    """It has its ten, and what nobody is kept for; the UPS goes past it; queue, quota and journal name it."""
    with (
        microsoft(tmp_path) as cloud,
        cloud.relay(tmp_path / "relay", more=TENANT % cloud.facts["tenant"]) as relay,
    ):
        page(cloud, relay, UPS, 0)
        for n in range(15):
            page(cloud, relay, LOOPING, n)
        eventually(lambda: 12 == len(cloud.control.messages()))
        eventually(lambda: "quota.client" in relay.log_file.read_text())
        eventually(lambda: any("has had its share" in str(one) for one in relay.queue()))
        waiting = relay.queue()
        for n in (1, 2):
            page(cloud, relay, UPS, n)
        eventually(lambda: 14 == len(cloud.control.messages()))
        status = relay.command("quota", "status").stdout
        (mailbox,) = json.loads(relay.command("quota", "status", "--json").stdout)["mailboxes"]

    assert 4 == len(waiting)
    assert {"copier-1"} == {one["device"] for one in waiting}
    assert all(
        "copier-1 has had its share of the day, and leaves the rest to others" in str(one) for one in waiting
    )
    assert "copier-1 leaves the rest to others" in status
    assert (None, ["copier-1"]) == (mailbox["waiting_until"], mailbox["waiting_for_share"])
    assert "out by" not in status
    assert ["copier-1"] == next(one for one in mailbox["budgets"] if one["name"] == "recipients")["yields"]
