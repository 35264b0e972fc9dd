"""Stories of a relay that sends through Microsoft Graph: whom the headers name, large mail, and bad days.

Each one counts what Exchange has in the end: nothing lost, nothing twice.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from e2e.house import Relay, eventually, without_trace
from e2e.microsoft import Microsoft, microsoft

CONFIG = """
[server]
data = "./data"
[[listener]]
address = "127.0.0.1:0"
[[allow]]
network = "127.0.0.0/8"
[[route]]
kind = "graph"
tenant = "{tenant}"
client = "{client_id}"
secret = {{ file = "{secret_file}" }}
mailbox = "{mailbox}"
authority = "{authority}"
graph_endpoint = "{graph}"
ca_file = "{ca_file}"
"""
HEAD = "From: Copier <scan@contoso.com>\r\nTo: {to}\r\nSubject: {n}\r\nMessage-ID: <{n}@device.test>\r\n"
TEXT = "\r\nhello\r\n.\r\n..dots\r\n"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Microsoft]:
    """An emulator of the test's own."""
    with microsoft(tmp_path) as running:
        yield running


@pytest.fixture
def relay(cloud: Microsoft, tmp_path: Path) -> Iterator[Relay]:
    """A relay whose only road is Graph."""
    home = tmp_path / "relay"
    home.mkdir()
    with Relay(home, CONFIG.format(**cloud.facts, mailbox=cloud.mailbox)) as running:
        yield running


def content(n: int | str, to: str = "lena@fabrikam.com", text: str = TEXT) -> bytes:
    return (HEAD.format(n=n, to=to) + text).encode()


def numbers(cloud: Microsoft) -> list[str]:
    """The numbers of the messages that Exchange has, sorted."""
    return sorted(message["message_id"].partition("@")[0][1:] for message in cloud.control.messages())


def asked(cloud: Microsoft, what: str) -> int:
    return int(cloud.control.stats()["graph"].get(what, 0))


def fates(relay: Relay) -> dict[str, dict[str, Any]]:
    """Every recipient that the relay has ever had, by address."""
    found = relay.command("queue", "list", "--all", "--json")
    views = [json.loads(line) for line in found.stdout.splitlines()]
    return {recipient["address"]: recipient for view in views for recipient in view["recipients"]}


def test_small_mail_arrives_octet_for_octet(cloud: Microsoft, relay: Relay) -> None:
    """One request of MIME, 202, one message in Exchange; only our Received stands in front."""
    relay.send(content(1))
    eventually(cloud.control.messages)

    assert content(1) == without_trace(cloud.control.content(1))
    assert (cloud.mailbox, "graph") == tuple(
        cloud.control.messages()[0][key] for key in ("mailbox", "service")
    )
    eventually(lambda: not relay.queue())
    assert 1 == asked(cloud, "POST sendMail")


def test_the_envelope_decides_who_gets_it(cloud: Microsoft, relay: Relay) -> None:
    """Recipients that no header names get it without being shown; people in the headers who are none do not."""
    relay.send(
        content(1, to="lena@fabrikam.com, boss@fabrikam.com"), to=("lena@fabrikam.com", "quiet@fabrikam.com")
    )
    eventually(cloud.control.messages)
    seen = message_from_bytes(cloud.control.content(1), policy=policy.SMTP)

    assert {"lena@fabrikam.com", "quiet@fabrikam.com"} == set(cloud.control.messages()[0]["recipients"])
    assert ("lena@fabrikam.com", None) == (str(seen["To"]), seen["Bcc"])
    eventually(lambda: not relay.queue())
    assert 1 == len(cloud.control.messages())


def scan(n_octets: int) -> tuple[bytes, bytes]:
    """A mail of about so many octets, and the octets of the file in it."""
    file = bytes(range(251)) * (n_octets * 3 // 4 // 251)
    coded = b64encode(file)
    lines = b"\r\n".join(coded[at : at + 76] for at in range(0, len(coded), 76))
    head = HEAD.format(n="big", to="lena@fabrikam.com").encode() + (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nYour scan.\r\n--b\r\n"
        b"Content-Type: application/pdf; name=scan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    return head + lines + b"\r\n--b--\r\n", file


@pytest.mark.parametrize("how", ["", "lost", "reset", "truncated"])
def test_ten_megabytes_go_by_an_upload_session(how: str, cloud: Microsoft, relay: Relay) -> None:
    """A draft, chunks to another host, send; a chunk whose answer breaks is resumed. The file arrives whole, once."""
    mail, file = scan(10_000_000)
    if how:
        cloud.control.set_mood(name="graph-answer", how=how, at="upload", count=1)
    relay.send(mail)
    eventually(cloud.control.messages, 60.0)
    seen = message_from_bytes(cloud.control.content(1), policy=policy.default)
    parts = list(seen.iter_attachments())

    assert ["scan.pdf"] == [part.get_filename() for part in parts]
    assert file == parts[0].get_payload(decode=True)
    assert "Your scan." == seen.get_body().get_content().strip()
    assert ("big", "<big@device.test>") == (seen["Subject"], seen["Message-ID"])
    eventually(lambda: not relay.queue())
    assert ["big"] == numbers(cloud)


@pytest.mark.parametrize(("mood", "n_requests"), [
    ({"name": "graph-outage", "status": 401, "count": 1}, 5),  # the token is replaced, in the same attempt
    ({"name": "graph-outage", "status": 503, "count": 1}, 5),
    ({"name": "graph-outage", "status": 503, "retry_after": "none", "count": 2}, 6),
    ({"name": "graph-answer", "how": "html", "at": "sendMail", "count": 1}, 5),
    ({"name": "graph-answer", "how": "ignored", "at": "sendMail", "count": 1}, 5),
    ({"name": "graph-answer", "how": "reset", "at": "sendMail", "count": 1}, 5),
])  # fmt: skip
def test_a_bad_day_loses_nothing(
    mood: dict[str, Any], n_requests: int, cloud: Microsoft, relay: Relay
) -> None:
    """401, 503, a page or a 200 in place of 202, a connection that breaks: each of four messages arrives once."""
    cloud.control.set_mood(**mood)
    for n in range(4):
        relay.send(content(n))
    eventually(lambda: _hastened(relay) or len(cloud.control.messages()) == 4, 60.0)
    eventually(lambda: not relay.queue())

    assert ["0", "1", "2", "3"] == numbers(cloud)
    assert n_requests <= asked(cloud, "POST sendMail") <= n_requests + 4  # others were under way


def _hastened(relay: Relay) -> bool:
    """A person wants the uncertain ones now: they would wait a minute. Always False."""
    for view in relay.queue():
        if any(recipient["last_reply"] for recipient in view["recipients"]):
            relay.command("queue", "retry", view["id"])
    return False


def test_an_answer_that_was_lost_makes_at_most_one_duplicate(cloud: Microsoft, relay: Relay) -> None:
    """Sent, and the connection broke before the 202: uncertain, tried again, and the history says so."""
    cloud.control.set_mood(name="graph-answer", how="lost", at="sendMail", count=1)
    relay.send(content(1))
    waiting = eventually(lambda: [v for v in relay.queue() if v["recipients"][0]["last_reply"]])
    assert "no answer after the final dot" in waiting[0]["recipients"][0]["last_reply"]
    eventually(lambda: _hastened(relay) or not relay.queue(), 60.0)

    assert ["1", "1"] == numbers(cloud)
    assert "possible duplicate" in relay.command("queue", "show", waiting[0]["id"]).stdout


def test_a_throttle_is_waited_out(cloud: Microsoft, relay: Relay) -> None:
    """429 with Retry-After: 4 shuts the road for four seconds for everybody, costs no attempt, and all arrives once."""
    cloud.control.set_mood(name="graph-outage", status=429, seconds=4, count=1)
    relay.send(content(0))
    eventually(lambda: asked(cloud, "POST sendMail"))
    began = time.monotonic()
    for n in range(1, 4):
        relay.send(content(n))
    eventually(lambda: len(cloud.control.messages()) == 4)

    assert 3.0 < time.monotonic() - began < 15.0
    assert (["0", "1", "2", "3"], 5) == (numbers(cloud), asked(cloud, "POST sendMail"))


def test_a_sender_that_may_not_be_used_stops_alone(cloud: Microsoft, relay: Relay) -> None:
    """ErrorSendAsDenied: that mail is held for a person with Microsoft's words, and the next sender's goes on."""
    relay.send(content(1).replace(b"scan@contoso.com", b"stranger@fabrikam.com"), to=("a@fabrikam.com",))
    held = eventually(lambda: [v for v in relay.queue() if v["recipients"][0]["state"] == "held"])
    relay.send(content(2))
    eventually(cloud.control.messages)

    assert "ErrorSendAsDenied" in held[0]["recipients"][0]["last_reply"]
    assert ["2"] == numbers(cloud)
    assert "held" == fates(relay)["a@fabrikam.com"]["state"]


def test_a_stop_in_mid_upload_ends_at_once_and_loses_nothing(cloud: Microsoft, relay: Relay) -> None:
    """The service ends within ten seconds although a chunk gets no answer; the next start sends the mail, once."""
    cloud.control.set_mood(name="graph-answer", how="silence", at="upload", count=1)
    relay.send(scan(8_000_000)[0])
    eventually(lambda: asked(cloud, "PUT upload"))
    began = time.monotonic()

    assert 0 == relay.stop()
    relay.close_pipes()
    assert time.monotonic() - began < 10.0
    assert [] == cloud.control.messages()
    relay.start()
    eventually(lambda: _hastened(relay) or cloud.control.messages(), 60.0)
    eventually(lambda: not relay.queue())
    assert ["big"] == numbers(cloud)
