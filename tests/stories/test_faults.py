"""A story for each fault of replies to commands, sign-ins and contents (stories.story)."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.house import eventually
from e2e.microsoft import Microsoft
from stories.faults import FAULTS, Fault, family
from stories.scene import HEAD, TOLD, arrived, results, rows
from stories.story import LONGEST_S, MESSAGES, assert_that_it_costs_nothing, relay_of


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if family(one) == "reply"], ids=lambda fault: fault.name
)
def test_a_fault_costs_nothing(fault: Fault, cloud: Microsoft, tmp_path: Path) -> None:
    """0 lost, 0 bounced, duplicates at most as many as the fault struck; the row that was told is the right one."""
    assert_that_it_costs_nothing(fault, cloud, tmp_path)


def test_a_sender_that_is_refused_does_not_endanger_the_others(cloud: Microsoft, tmp_path: Path) -> None:
    """Two refusals, then its mail is held without a try, before the penalty box opens; other senders go on."""
    fault = Fault("a sender without the right", "send-as-denied-current", {})
    before, refused_before = len(cloud.control.messages()), _n_refused(cloud)
    with relay_of(cloud, tmp_path / "relay", fault, "") as relay:
        for n in range(2 * MESSAGES):
            sender = "erp@contoso.com" if n % 2 else cloud.mailbox
            relay.send(HEAD.format(n=n, sender=sender).encode(), sender=sender)
        eventually(lambda: len(arrived(cloud, before)) == MESSAGES)
        eventually(lambda: {"held"} == {one["state"] for one in relay.queue()})
        held = [recipient for one in relay.queue() for recipient in one["recipients"]]
        seen, log = rows(relay), relay.log_file.read_text()

    assert MESSAGES == len(held)
    assert {"sender"} == {recipient["class"] for recipient in held}
    assert {fault.told, "sender-stopped"} == seen
    assert _n_refused(cloud) - refused_before <= 2
    assert "report.queued" not in log


def _n_refused(cloud: Microsoft) -> int:
    """How often the mailbox was refused a message: what its penalty box counts."""
    return int(cloud.control.stats()["mailboxes"][cloud.mailbox]["refused"])


def test_the_table_shows_these_stories() -> None:
    """docs/outcomes.md shows what was seen in every story that is told, with the row that it asks for, and no other."""
    found = results()

    assert TOLD == {name: one["told"] for name, one in found.items()}
    assert {(0, 0)} >= {(one["lost"], one["bounced"]) for one in found.values()}
