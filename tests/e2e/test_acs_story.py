"""Stories of a relay that sends through Azure Communication Services: its logins, and its two small windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.house import TODAY, Relay, eventually, without_trace
from e2e.microsoft import Microsoft, microsoft

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "acs"
endpoint = "{acs}"
client = "{client_id}"
tenant = "{tenant_id}"
ca_file = "{ca_file}"
authority = "{authority}"
{more}
"""
CREDENTIALS = {
    "password": 'resource = "{resource}"\npassword = {{ file = "{secret_file}" }}',
    "token": 'user = "{acs_username}"\nsecret = {{ file = "{secret_file}" }}',
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


def relay(cloud: Microsoft, home: Path, more: str) -> Relay:
    home.mkdir()
    facts = {**cloud.facts, "resource": str(cloud.facts["acs_username"]).partition("|")[0]}
    return Relay(home, CONFIG.format(**facts, more=more.format(**facts)))


def content(n: int) -> bytes:
    return (
        f"From: Shop <donotreply@contoso.com>\r\nTo: lena@fabrikam.example\r\nSubject: {n}\r\n"
        f"Message-ID: <{n}@shop.test>\r\nDate: {TODAY}\r\n\r\nhello\r\n"
    ).encode()


def send(running: Relay, n: int) -> None:
    running.send(content(n), sender="donotreply@contoso.com", to=("lena@fabrikam.example",))


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_mail_goes_outside_with_either_login(credential: str, cloud: Microsoft, tmp_path: Path) -> None:
    """The application's secret as the password of resource|client|tenant, or its token; the octets stay as they are."""
    with relay(cloud, tmp_path / "relay", CREDENTIALS[credential]) as running:
        send(running, 1)
        (message,) = eventually(cloud.control.messages)

        assert ("acs", ["lena@fabrikam.example"]) == (message["service"], message["recipients"])
        assert content(1) == without_trace(cloud.control.content(message["number"]))


def test_the_hour_holds_beside_the_minute(cloud: Microsoft, tmp_path: Path) -> None:
    """Three an hour: three go, the fourth waits in the queue, untried and uncounted, though the minute has room."""
    more = f"{CREDENTIALS['password']}\nper_hour = 3"
    with relay(cloud, tmp_path / "relay", more) as running:
        for n in range(4):
            send(running, n)
        eventually(lambda: len(cloud.control.messages()) == 3)
        (left,) = eventually(lambda: len(running.queue()) == 1 and running.queue())

        assert ("queued", 0, None) == tuple(
            left["recipients"][0][key] for key in ("state", "attempts", "class")
        )
        assert 3 == len(cloud.control.messages())


def test_what_nobody_sends_has_a_mailfrom_address(cloud: Microsoft, tmp_path: Path) -> None:
    """The null reverse-path is none: [sender] rewrite_to stands in its place."""
    more = CREDENTIALS["password"] + '\n[sender]\nrewrite_to = "donotreply@contoso.com"\n'
    with relay(cloud, tmp_path / "relay", more) as running:
        running.send(content(1), sender="", to=("lena@fabrikam.example",))
        (message,) = eventually(cloud.control.messages)

        assert ("acs", "donotreply@contoso.com") == (message["service"], message["reverse_path"])
