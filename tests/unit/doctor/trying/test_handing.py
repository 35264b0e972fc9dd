"""A test message handed in at a listener, in front of fake ones."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fakes.mailserver import Authority, MailServer
from relay365.config import Listener
from relay365.doctor.lan.listeners import Gate
from relay365.doctor.trying.handing import Approach, Handed, hand_in
from relay365.doctor.trying.letter import Letter
from relay365.doctor.trying.quirks import QUIRKS
from relay365.errors import TransportError

LETTER = Letter(b"Subject: x\r\n\r\nhello\r\n", "<a@b.test>")
TO = ("lena@fabrikam.com", "ops@contoso.com")


def handed(server: MailServer, tls: str = "optional", **options: Any) -> Handed:
    with server.running() as where:
        gate = Gate(Listener.model_validate({"address": where, "tls": tls}), Path("relay365.toml"))
        return asyncio.run(hand_in(Approach(gate, **options), LETTER, "scan@contoso.com", TO))


def test_a_message_is_taken(authority: Authority) -> None:
    """Encrypted where that is offered; the id of the queue is read from the answer."""
    server = MailServer(authority.context(), replies={"dot": "250 2.6.0 queued as 4TQ921"})
    one = handed(server)

    assert ("", "4TQ921", 0) == (one.stage, one.spool_id, one.n_refused)
    assert [LETTER.content.rstrip(b"\r\n")] == server.contents
    assert any(entry.text.startswith("encrypted: ") for entry in one.entries)
    assert one.took_s > 0


def test_tls_at_once_and_another_address(authority: Authority) -> None:
    """A proxy's line comes before everything else."""
    assert "" == handed(MailServer(authority.context(), at_once=True), "implicit").stage
    server = MailServer()
    handed(server, header=b"PROXY TCP4 192.168.10.31 127.0.0.1 40000 25\r\n")
    assert "PROXY TCP4 192.168.10.31 127.0.0.1 40000 25" == server.heard[0]


@pytest.mark.parametrize(
    ("replies", "stage"),
    [
        ({"MAIL": "550 5.7.1 address not allowed here (R0)"}, "MAIL"),
        ({"RCPT": "550 5.7.1 recipient not allowed here (R3)"}, "RCPT"),
        ({"DATA": "452 4.3.1 no room"}, "DATA"),
        ({"dot": "554 5.6.0 no"}, "final dot"),
        ({"EHLO": "502 5.5.1 no"}, "EHLO"),
    ],
)
def test_where_it_is_refused(replies: dict[str, str], stage: str) -> None:
    """The stage and the words are kept."""
    one = handed(MailServer(replies=replies))

    assert (stage, "") == (one.stage, one.spool_id)
    assert next(iter(replies.values())) == one.reply


def test_a_login_comes_first_and_stays_hidden() -> None:
    """PLAIN where it is offered; refused, nothing is sent."""
    server = MailServer(offers=("AUTH PLAIN LOGIN",), replies={"AUTH": "535 5.7.8 wrong"})
    one = handed(server, login="scan07", password="s3cret-of-the-device")

    assert ("AUTH", "535 5.7.8 wrong") == (one.stage, one.reply)
    assert not any(line.startswith("MAIL") for line in server.heard)
    assert "s3cret" not in repr(one.entries) and "s3cret" not in repr(Approach(None, password="s3cret"))  # type: ignore[arg-type]


def test_quirks_are_on_the_wire() -> None:
    """In commands and in the content."""
    server = MailServer()
    handed(server, quirks=(QUIRKS["no_brackets"], QUIRKS["long_lines"]))

    assert "MAIL FROM:scan@contoso.com SIZE=" in " ".join(server.heard)
    assert b"x" * 1500 in server.contents[0]


def test_nobody_and_no_mail_server() -> None:
    """Nobody is raised, because nothing was begun; another protocol is told."""
    gate = Gate(Listener.model_validate({"address": "127.0.0.1:9"}), Path("f"))
    with pytest.raises(TransportError, match="refused"):
        asyncio.run(hand_in(Approach(gate), LETTER, "a@b.test", TO))
    assert "protocol" == handed(MailServer(greeting="SSH-2.0-OpenSSH_9.2")).stage
