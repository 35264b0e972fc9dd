"""Messages that go together, against the emulator: one transaction for many people, and a digest for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from e2e.house import TODAY, Relay, eventually
from e2e.microsoft import Microsoft, microsoft

N_PEOPLE = 12
RULE = """
[[rule]]
name = "storms"
routes = "submission"
digest = 5
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


def letter(cloud: Microsoft, n: int, more: bytes = b"") -> bytes:
    head = f"From: <{cloud.mailbox}>\r\nTo: list@contoso.com\r\nSubject: alarm {n}\r\nMessage-ID: <{n}@device.test>\r\n"
    return head.encode() + f"Date: {TODAY}\r\n\r\nhello ".encode() + more + b"\r\n"


def let_go(cloud: Microsoft, relay: Relay) -> list[dict[str, Any]]:
    """What waited behind a mailbox that may not sign in goes: give what arrived."""
    eventually(lambda: "held=" in relay.log_file.read_text() or "535" in relay.log_file.read_text())
    cloud.control.change(f"/mailboxes/{cloud.mailbox}", smtp_auth=True)
    relay.command("queue", "retry", "--all")
    eventually(lambda: not relay.queue())
    return cloud.control.messages()


def shown(relay: Relay, reply: str) -> dict[str, Any]:
    return dict(json.loads(relay.command("queue", "show", reply.rsplit(maxsplit=1)[-1], "--json").stdout))


def test_one_letter_to_many_one_by_one_is_one_message(cloud: Microsoft, tmp_path: Path) -> None:
    """All of them get it, by one transaction; each history names the others, and nobody's address is told."""
    people = [f"r{n}@fabrikam.com" for n in range(N_PEOPLE)]
    with cloud.relay(tmp_path / "relay") as relay:
        cloud.control.change(f"/mailboxes/{cloud.mailbox}", smtp_auth=False)
        replies = [relay.send(letter(cloud, 1), sender=cloud.mailbox, to=(one,)) for one in people]
        arrived = let_go(cloud, relay)
        views = [shown(relay, reply) for reply in replies]

    many = max(arrived, key=lambda one: len(one["recipients"]))
    assert len(many["recipients"]) >= N_PEOPLE - 1  # one may have been on its way by itself
    assert sorted(people) == sorted(address for one in arrived for address in one["recipients"])
    content = cloud.control.content(many["number"])
    assert content.endswith(letter(cloud, 1))
    assert not any(one.encode() in content for one in people)
    assert {"delivered"} == {one["recipients"][0]["state"] for one in views}
    together = [one for one in views if "together with " in str(one["events"][-1])]
    assert len(together) == len(many["recipients"])


def test_a_storm_to_one_person_is_a_digest_with_all_of_it(cloud: Microsoft, tmp_path: Path) -> None:
    """Nothing is lost or changed: every original lies in it, octet for octet, 8-bit ones, too."""
    letters = [letter(cloud, n, b"B\xfcro" if n == 3 else b"--x") for n in range(N_PEOPLE)]
    with cloud.relay(tmp_path / "relay", more=RULE) as relay:
        cloud.control.change(f"/mailboxes/{cloud.mailbox}", smtp_auth=False)
        replies = [relay.send(one, sender=cloud.mailbox) for one in letters]
        arrived = let_go(cloud, relay)
        views = [shown(relay, reply) for reply in replies]

    digest = max(arrived, key=lambda one: len(cloud.control.content(one["number"])))
    octets = cloud.control.content(digest["number"])
    message: Any = message_from_bytes(octets)
    n = len(message.get_payload()[1].get_payload())
    assert n >= N_PEOPLE - 1
    assert len(arrived) == 1 + N_PEOPLE - n
    assert f"[{n} messages] alarm 11" == message["Subject"]
    assert ["lena@fabrikam.com"] == digest["recipients"]
    assert letters[-n:] == [one for one in letters if b"\r\n" + one + b"\r\n--" in octets]
    in_it = [one for one in views if f"in digest {message['Message-ID']}" in str(one["events"][-1])]
    assert (n, {"delivered"}) == (len(in_it), {one["recipients"][0]["state"] for one in in_it})
