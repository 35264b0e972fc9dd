"""Mail that is handed in again: envelope and wishes as they came, and every no told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from fakes.mailserver import Authority, MailServer
from relay365.cli.queues.handing_back import Door, Letter, Refused, door_of, fresh, hand_back
from relay365.config import parse

TAKEN = {"dot": "250 2.6.0 queued as 4TQ921"}
LETTER = Letter(
    b"Received: x\r\nSubject: y\r\n\r\n.dot\r\nend\r\n", "scan@x.test",
    (("a@x.test", "NEVER", ""), ("b@x.test", "", "rfc822;c@x.test")), "8BITMIME", ret="HDRS", envid="e1",
)  # fmt: skip
FILE = """\
[server]
data = "data"
{listeners}
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "smarthost"
host = "127.0.0.1:2626"
tls = "none"
"""


def config_of(*listeners: str) -> Any:
    """A configuration with these tables."""
    return parse(
        FILE.format(listeners="\n".join(f"[[listener]]\n{one}" for one in listeners)), "relay365.toml"
    )


def door_to(address: str, tls: str = "none", login: tuple[str, str] | None = None) -> Door:
    """The listener at an address."""
    return door_of(config_of(f'address = "{address}"\ntls = "{tls}"'), Path("relay365.toml"), "", login)


def test_the_envelope_goes_as_it_came() -> None:
    """With body, wishes for reports, and the content to the octet; the new id is given."""
    server = MailServer(offers=("SIZE", "8BITMIME", "DSN"), replies=TAKEN)
    with server.running() as address:
        assert "4TQ921" == hand_back(door_to(address), LETTER)

    assert "mail FROM:<scan@x.test> BODY=8BITMIME RET=HDRS ENVID=e1" in server.heard
    assert "rcpt TO:<a@x.test> NOTIFY=NEVER" in server.heard
    assert "rcpt TO:<b@x.test> ORCPT=rfc822;c@x.test" in server.heard
    assert LETTER.content.replace(b"\r\n.dot", b"\r\n..dot") == server.contents[0] + b"\r\n"


def test_wishes_that_nobody_offers_are_left_out() -> None:
    """A server without DSN would refuse the whole message."""
    server = MailServer(replies=TAKEN)
    with server.running() as address:
        hand_back(door_to(address), LETTER)

    assert "mail FROM:<scan@x.test> BODY=8BITMIME" in server.heard
    assert "rcpt TO:<a@x.test>" in server.heard


@pytest.mark.parametrize(("replies", "text"), [
    ({"MAIL": "550 5.7.1 sender not allowed here (R3)"}, "550 5.7.1 sender not allowed here"),
    ({"RCPT": "550 5.1.1 no"}, "550 5.1.1 no"), ({"DATA": "452 4.3.1 disk"}, "452 4.3.1 disk"),
    ({"dot": "552 5.3.4 too large"}, "552 5.3.4 too large"), ({"dot": "250 ok"}, "not by this relay"),
])  # fmt: skip
def test_every_no_is_told_as_it_was_said(replies: dict[str, str], text: str) -> None:
    """At each stage, and a yes without an id of ours."""
    with (
        MailServer(replies=replies).running() as address,
        pytest.raises(Refused, match=text.replace("(", r"\(")),
    ):
        hand_back(door_to(address), LETTER)


@pytest.mark.parametrize("tls", ["optional", "implicit"])
def test_tls_and_login_are_used(tls: str, tmp_path: Path) -> None:
    """As a device would; the certificate is our own."""
    context = Authority(tmp_path / "tls", time.time()).context()
    replies = {**TAKEN, "AUTH": "235 2.7.0 ok"}
    server = MailServer(context, tls == "implicit", offers=("8BITMIME",), replies=replies)
    server.offers_inside = ("8BITMIME", "AUTH PLAIN")
    with server.running() as address:
        assert "4TQ921" == hand_back(door_to(address, tls, ("scan", "secret")), LETTER)

    assert ("STARTTLS" in server.heard) is (tls == "optional")
    assert any(line.startswith("AUTH PLAIN") for line in server.heard)


def test_nobody_there_is_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    """In three lines."""
    with MailServer().running() as address:
        door = door_to(address)
    with pytest.raises(SystemExit) as end:
        hand_back(door, LETTER)

    assert 3 == end.value.code
    assert f"what: {address} does not answer\nwhy:  " in capsys.readouterr().err


def test_the_door_is_one_that_this_machine_can_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Not one behind a proxy, not one for other hosts, not one without a port; the one that is named."""
    shut = (
        'address = "127.0.0.1:2501"\nproxy_from = ["127.0.0.0/8"]',
        'address = "127.0.0.1:2502"\nhosts = ["10.0.0.0/8"]',
        'address = "127.0.0.1:0"',
    )
    open_ = ('address = "127.0.0.1:2503"', 'address = "0.0.0.0:2504"')

    def found(*listeners: str, name: str = "") -> tuple[str, int]:
        door = door_of(config_of(*listeners), Path("relay365.toml"), name, None)
        return door.host, door.port

    assert ("127.0.0.1", 2503) == found(*shut, *open_)
    assert ("127.0.0.1", 2504) == found(*open_, name="0.0.0.0:2504")
    for listeners, name in ((shut, ""), (open_, "127.0.0.1:99")):
        with pytest.raises(SystemExit) as end:
            found(*listeners, name=name)
        assert 2 == end.value.code
    assert "what: no listener can be used from this machine" in capsys.readouterr().err


def test_a_second_copy_is_no_new_message(full_desk: Any, tmp_path: Path) -> None:
    """[duplicates] answers 250 with the id of the first: nothing new waits, so that the old one must stay."""
    file = tmp_path / "relay365.toml"
    name = full_desk.ids["delivered"]

    assert name == fresh(file, name, time.time() - 60.0)
    with pytest.raises(Refused, match=f"second copy of {name}"):
        fresh(file, name, time.time() + 60.0)
