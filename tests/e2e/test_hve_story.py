"""Stories of a relay that sends through High Volume Email: as its account, inside the tenant, and with fresh tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest

from e2e.house import TODAY, Relay, Sink, eventually
from e2e.microsoft import Microsoft, microsoft

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "hve"
endpoint = "{hve}"
mailbox = "{account}"
domains = "contoso.com"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "{secret_file}" }}
authority = "{authority}"
ca_file = "{ca_file}"
"""
SECOND = """
[[route]]
kind = "smarthost"
host = "{host}"
tls = "none"
"""
INSIDE, OUTSIDE = "scan@contoso.com", "lena@fabrikam.example"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


def account_of(cloud: Microsoft) -> str:
    return str(cast("list[dict[str, str]]", cloud.facts["hve_accounts"])[0]["address"])


def relay(cloud: Microsoft, home: Path, more: str = "") -> Relay:
    """A relay whose first road is High Volume Email."""
    home.mkdir()
    return Relay(home, CONFIG.format(**cloud.facts, account=account_of(cloud)) + more)


def content(n: int | str, head: str = "") -> bytes:
    return (
        f'From: "Bell, Alarm" <alarm@contoso.com>\r\nTo: {INSIDE}\r\nSubject: {n}\r\n{head}'
        f"Message-ID: <{n}@device.test>\r\nDate: {TODAY}\r\n\r\nhello\r\n..dots\r\n"
    ).encode()


def arrived(cloud: Microsoft, n: int = 1) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(cloud.control.content(n), policy=policy.default))


def states(running: Relay, spool_id: str) -> dict[str, tuple[str, str | None]]:
    """Address -> (state, row)."""
    shown = json.loads(running.command("queue", "show", "--json", spool_id).stdout)
    return {one["address"]: (one["state"], one["row"]) for one in shown["recipients"]}


def test_every_message_goes_as_the_account(cloud: Microsoft, tmp_path: Path) -> None:
    """MAIL FROM and From become the account, the old author is in Reply-To, the body keeps its octets."""
    with relay(cloud, tmp_path / "relay") as running:
        running.send(content(1), sender="alarm@contoso.com", to=(INSIDE,))
        (message,) = eventually(cloud.control.messages)

        assert ("hve", account_of(cloud)) == (message["service"], message["reverse_path"])
        mail = arrived(cloud)
        assert f'"Bell, Alarm" <{account_of(cloud)}>' == str(mail["From"])
        assert "alarm@contoso.com" == mail["Reply-To"].addresses[0].addr_spec
        assert "<1@device.test>" == mail["Message-ID"]
        assert cloud.control.content(1).endswith(b"\r\n\r\nhello\r\n..dots\r\n")


def test_whom_the_tenant_does_not_own_goes_by_another_road(cloud: Microsoft, tmp_path: Path) -> None:
    """Of two recipients the inner one goes by High Volume Email, the outer one by the next road, and nobody fails."""
    with Sink() as sink, relay(cloud, tmp_path / "relay", SECOND.format(host=sink.address)) as running:
        running.send(content(1), sender="alarm@contoso.com", to=(INSIDE, OUTSIDE))
        (message,) = eventually(cloud.control.messages)
        (other,) = eventually(lambda: list(sink.delivered))

        assert ([INSIDE], [OUTSIDE]) == (message["recipients"], other.recipients)
        assert "alarm@contoso.com" == other.reverse_path
        eventually(lambda: running.queue() == [])


def test_without_another_road_the_outer_recipient_is_told_of(cloud: Microsoft, tmp_path: Path) -> None:
    """Nothing is offered to Microsoft for it: it fails in our own words, and the inner one is delivered."""
    with relay(cloud, tmp_path / "relay") as running:
        spool_id = running.send(content(1), sender="alarm@contoso.com", to=(OUTSIDE, INSIDE)).rpartition(" ")[
            2
        ]
        eventually(lambda: states(running, spool_id)[INSIDE][0] == "delivered")

        assert {INSIDE: ("delivered", None), OUTSIDE: ("failed", "hve-external")} == states(running, spool_id)
        assert [INSIDE] == cloud.control.messages()[0]["recipients"]


def test_a_sealed_message_keeps_its_author_and_takes_another_road(cloud: Microsoft, tmp_path: Path) -> None:
    """A DKIM signature over From would break: the message goes as it is by the next road."""
    seal = "DKIM-Signature: v=1; a=rsa-sha256; d=contoso.com; s=x; h=From:To:Subject; bh=YQ==; b=YQ==\r\n"
    with Sink() as sink, relay(cloud, tmp_path / "relay", SECOND.format(host=sink.address)) as running:
        for n in range(3):  # the third time, too: no sender is stopped for it
            running.send(content(n, seal), sender="alarm@contoso.com", to=(INSIDE,))
        eventually(lambda: len(sink.delivered) == 3)

        assert all(b'From: "Bell, Alarm" <alarm@contoso.com>\r\n' in one.content for one in sink.delivered)
        assert [] == cloud.control.messages()


@pytest.mark.parametrize(
    "reply", ["535 5.7.142 Token will expire soon", "501 5.5.127 Invalid XOAUTH2 auth data"]
)
def test_a_token_that_is_too_old_is_replaced_at_once(reply: str, cloud: Microsoft, tmp_path: Path) -> None:
    """One refresh and one more try, within the same attempt: nobody waits and nothing is counted."""
    cloud.control.set_mood(name="reply", at="auth", text=reply, count=1)
    with relay(cloud, tmp_path / "relay") as running:
        running.send(content(1), sender="alarm@contoso.com", to=(INSIDE,))
        eventually(cloud.control.messages)

        assert "recipient.deferred" not in running.log_file.read_text()


def test_a_token_that_stays_too_old_is_no_storm(cloud: Microsoft, tmp_path: Path) -> None:
    """Two tries of an attempt, then the lane waits; the mail stays and goes when the clock is right again."""
    cloud.control.set_mood(name="reply", at="auth", text="535 5.7.142 Token will expire soon", count=2)
    with relay(cloud, tmp_path / "relay") as running:
        running.send(content(1), sender="alarm@contoso.com", to=(INSIDE,))
        eventually(cloud.control.messages)

        assert 1 == running.log_file.read_text().count("recipient.deferred")
        assert "row=token-ends-soon" in running.log_file.read_text()
