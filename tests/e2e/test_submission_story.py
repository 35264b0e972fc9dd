"""Stories of client submission beyond one mailbox: a pool of them, and a shared one that a person sends from."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import Relay, eventually
from e2e.microsoft import Microsoft, microsoft
from e2e.test_tokens import PERSON, Browser

POOL = ("scan@contoso.com", "alerts@contoso.com", "erp@contoso.com")
SHARED = "alerts@contoso.com"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


def mail(sender: str, n: int = 1) -> bytes:
    return f"From: <{sender}>\r\nSubject: {n}\r\nMessage-ID: <{n}@device.test>\r\n\r\nhello\r\n".encode()


def test_a_pool_shares_the_work(cloud: Microsoft, tmp_path: Path) -> None:
    """More than a mailbox may send in a minute leaves by all of the pool, each signed in as itself, each once."""
    for address in POOL:
        cloud.control.change(f"/mailboxes/{address}", send_as=list(POOL))
    names = ", ".join(f'"{address}"' for address in POOL)
    config = cloud.config().replace(f'mailbox = "{cloud.mailbox}"', f"mailboxes = [{names}]")
    (tmp_path / "relay").mkdir()
    with Relay(tmp_path / "relay", config) as running:
        for n in range(70):
            running.send(mail(POOL[0], n), sender=POOL[0])
        eventually(lambda: len(cloud.control.messages()) == 70)
        arrived = cloud.control.messages()

    assert sorted(f"<{n}@device.test>" for n in range(70)) == sorted(one["message_id"] for one in arrived)
    assert set(POOL) == {one["mailbox"] for one in arrived}


def test_a_person_sends_from_a_shared_mailbox(cloud: Microsoft, tmp_path: Path) -> None:
    """The token is the person's, user= is the shared mailbox; without being a member of it nothing is sent."""
    config = cloud.config(route=PERSON).replace(f'mailbox = "{cloud.mailbox}"', f'mailbox = "{SHARED}"')
    (tmp_path / "relay").mkdir()
    with Relay(tmp_path / "relay", config) as running:
        running.send(mail(SHARED), sender=SHARED)
        sign_in(cloud, running)
        running.command("queue", "retry", "--all")
        eventually(lambda: "535 5.7.3" in running.log_file.read_text())
        assert [] == cloud.control.messages()
        cloud.control.change(f"/mailboxes/{SHARED}", members=[cloud.mailbox])
        running.command("queue", "retry", "--all")
        (message,) = eventually(cloud.control.messages)

    assert (SHARED, SHARED) == (message["mailbox"], message["reverse_path"])


def sign_in(cloud: Microsoft, running: Relay) -> None:
    """The person signs in at the terminal, by pasting the address to which the browser was sent."""
    arguments = ["token", "login", "--paste", "--config", str(running.config_file)]
    command = subprocess.Popen(
        [sys.executable, "-m", "relay365", *arguments], env=running.environ, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert command.stderr is not None
    page = Browser(cloud).accept(command.stderr.readline().split()[-1])
    command.communicate(f"{page}\n", timeout=30.0)
    assert 0 == command.returncode


def test_a_report_arrives_although_nobody_may_send(tmp_path: Path) -> None:
    """Exchange refuses the null reverse-path here: a report, and what a device sends as nobody, are the mailbox's."""
    scenario = '[tenant]\nunknown_recipients = ["gone@fabrikam.com"]\n'
    with microsoft(tmp_path, scenario) as cloud, cloud.relay(tmp_path / "relay") as running:
        running.send(mail(cloud.mailbox, 1), sender=cloud.mailbox, to=("gone@fabrikam.com",))
        running.send(mail(cloud.mailbox, 2), sender="", to=("lena@fabrikam.com",))
        eventually(lambda: len(cloud.control.messages()) == 2)
        told, nobodys = sorted(cloud.control.messages(), key=lambda one: one["recipients"] != [cloud.mailbox])
        eventually(lambda: not running.queue())

    assert [cloud.mailbox] == told["recipients"]
    assert ["lena@fabrikam.com"] == nobodys["recipients"]
    assert [cloud.mailbox] * 2 == [told["reverse_path"], nobodys["reverse_path"]]
