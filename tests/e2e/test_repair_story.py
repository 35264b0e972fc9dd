"""What devices send broken arrives in order, and its history says what was changed."""

from __future__ import annotations

import json
import smtplib
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, Sink, eventually

MORE = """
[sender]
domains = ["contoso.com"]
foreign = "rewrite"
rewrite_to = "relay@contoso.com"
[oversize]
limit = "2M"
action = "hold"
[duplicates]
window = "5m"
"""


def test_a_poor_message_arrives_in_order_and_says_so(tmp_path: Path) -> None:
    """Raw subject, no date, no recipient, a foreign author; the diff stands in `queue show`."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + MORE) as relay:
        said = relay.send(
            b"From: p@x.test <p@x.test>\r\nSubject: B\xfcro\r\n\r\n\xfcber\r\n", sender="p@x.test"
        )
        (mail,) = eventually(lambda: sink.delivered)
        shown = relay.command("queue", "show", said.rpartition(" ")[2], "--json")
    (event,) = [one for one in json.loads(shown.stdout)["events"] if one["name"] == "message.repaired"]
    head, _, body = mail.content.partition(b"\r\n\r\n")

    assert ("relay@contoso.com", b"\xfcber\r\n") == (mail.reverse_path, body)
    assert head.endswith(b'\r\nFrom: "p@x.test" <relay@contoso.com>\r\nSubject: =?utf-8?B?QsO8cm8=?=')
    assert all(
        one in head for one in (b"\r\nReply-To: <p@x.test>", b"\r\nDate: ", b"\r\nTo: undisclosed-rec")
    )
    assert "- Subject: B\\xfcro\n+ Subject: =?utf-8?B?QsO8cm8=?=" in event["detail"]


def test_a_message_sent_again_is_sent_once(tmp_path: Path) -> None:
    """The second 250 names the first message, and the next hop sees one."""
    content = b"From: scan@contoso.com\r\nSubject: again\r\n\r\nhi\r\n"
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + MORE) as relay:
        first, second = relay.send(content), relay.send(content)
        third = relay.send(content.replace(b"hi", b"ho"))
        eventually(lambda: len(sink.delivered) >= 2)
        queue = relay.command("queue", "list", "--all", "--json").stdout.splitlines()

    assert first == second != third
    assert (2, 2) == (len(sink.delivered), len(queue))


def test_a_message_sent_again_behind_a_crash_is_sent_once(tmp_path: Path) -> None:
    """kill -9 between the two: the second run answers with the first one's id."""
    content = b"From: scan@contoso.com\r\nSubject: again\r\n\r\nhi\r\n"
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + MORE) as relay:
        first = relay.send(content)
        relay.kill()
        assert relay.process is not None
        assert relay.process.stdout is not None
        relay.process.stdout.close()
        relay.start()
        second, third = relay.send(content), relay.send(content.replace(b"hi", b"ho"))
        queue = relay.command("queue", "list", "--all", "--json").stdout.splitlines()

    assert first == second != third
    assert 2 == len(queue)


CAMERA = """
[[device]]
name = "cam"
match = { address = "127.0.0.1" }
recipients = "@contoso.com"
max_message = "1K"
accept_then_report = true
bounces_to = "owner@contoso.com"
"""


def test_a_device_that_shows_nothing_is_answered_250_and_a_person_sees_why(tmp_path: Path) -> None:
    """A recipient that its rule does not have, and more than its rule allows: both wait, its owner hears of each."""
    small, large = b"Subject: x\r\n\r\nx\r\n", b"Subject: x\r\n\r\n" + b"x" * 70 * 20 + b"\r\n"
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + CAMERA) as relay:
        relay.send(small, to=("lena@else.test",))
        relay.send(large, to=("lena@contoso.com",))
        relay.send(small, to=("lena@contoso.com",))
        eventually(lambda: len(sink.delivered) >= 3)
        held = [one for one in relay.queue() if one["state"] == "held"]

    (mail,) = [one for one in sink.delivered if one.recipients != ["owner@contoso.com"]]
    told = [one for one in sink.delivered if one.recipients == ["owner@contoso.com"]]
    assert ["lena@contoso.com"] == list(mail.recipients)
    assert ["<>", "<>"] == [one.reverse_path for one in told]
    assert [1, 1] == [sum(one["id"].encode() in report.content for report in told) for one in held]
    assert all(b"Subject: Held mail: a message of your device waits for you" in one.content for one in told)
    assert any(b"recipient not allowed here (R1)" in one.content for one in told)
    assert [
        "1.4 KB is more than the 1.0 KB that may go out, by device cam",
        "<lena@else.test>: 550 5.7.1 recipient not allowed here (R1)",
    ] == sorted(one["recipients"][0]["last_reply"] for one in held)


def test_a_message_that_is_too_large_waits_for_a_person(tmp_path: Path) -> None:
    """Accepted and held; released, it goes as it is."""
    content = b"From: scan@contoso.com\r\nSubject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 40_000
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + MORE) as relay:
        spool_id = relay.send(content).rpartition(" ")[2]
        (waiting,) = relay.queue()
        assert ("held", "oversize") == (waiting["state"], waiting["recipients"][0]["row"])
        assert [] == sink.delivered
        assert 0 == relay.command("queue", "release", spool_id).returncode
        (mail,) = eventually(lambda: sink.delivered)

    assert mail.content.endswith(content.partition(b"\r\n\r\n")[2])


def test_what_is_refused_is_said_in_a_few_words(tmp_path: Path) -> None:
    """A foreign author, and more than may go out, in words for a panel."""
    more = MORE.replace('"rewrite"', '"reject"').replace('"hold"', '"reject"')
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address) + more) as relay:
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as client:
            with pytest.raises(smtplib.SMTPDataError) as no:
                client.sendmail("scan@contoso.com", ["l@x.test"], b"From: p@x.test\r\n\r\nhi\r\n")
            client.rset()
            at_mail = client.mail("p@x.test")
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as client:
            client.ehlo()
            assert str(2 << 20) == client.esmtp_features["size"]
        assert [] == relay.queue()

    assert (550, b"5.7.1 From domain not allowed here (R2)") == (no.value.smtp_code, no.value.smtp_error)
    assert (550, b"5.7.1 sender domain not allowed here (R2)") == at_mail
