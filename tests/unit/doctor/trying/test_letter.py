"""The test message: a right one, as large as is asked for, and one from a file."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from relay365.doctor.trying.letter import Letter, Wish, read, write


def written(**changes: object) -> Letter:
    given = {
        "sender": "scan@contoso.com", "recipients": ("a@x.test", "b@x.test"), "name": "abc123", "host": "relay.test",
        "at": 1_796_000_000.0,
    } | changes  # fmt: skip
    return write(Wish(**given))


def test_it_is_a_message() -> None:
    """Fields, a text, a name of its own, and nobody's absence note answers it."""
    letter = written()
    message = message_from_bytes(letter.content, policy=default)

    assert ("<abc123@relay.test>", "auto-generated") == (message["Message-ID"], message["Auto-Submitted"])
    assert ["a@x.test", "b@x.test"] == [one.addr_spec for one in message["To"].addresses]
    assert "relay365 send-test" in message.get_content()
    assert letter.message_id == message["Message-ID"]
    assert b"\n" not in letter.content.replace(b"\r\n", b"")


@pytest.mark.parametrize("n_octets", [1, 2_000, 1_000_000])
def test_it_is_as_large_as_is_asked_for(n_octets: int) -> None:
    """At least, and not much more; lines stay short."""
    content = written(n_octets=n_octets).content

    assert n_octets <= len(content) < max(1_500, n_octets * 1.02 + 1_000)
    assert max(map(len, content.split(b"\r\n"))) < 100


def test_a_file_is_attached() -> None:
    """Whole, under its name; padding comes beside it."""
    letter = written(attachment=('scan "2F".pdf', b"%PDF \x00\xff" * 100), n_octets=10_000)
    parts = list(message_from_bytes(letter.content, policy=default).iter_attachments())

    assert ["scan__2F_.pdf", "padding.bin"] == [part.get_filename() for part in parts]
    assert b"%PDF \x00\xff" * 100 == parts[0].get_content()


def test_a_message_from_a_file_goes_as_it_is() -> None:
    """But for its line ends; its own name is found in its head only."""
    letter = read(b"Subject: x\nMessage-ID: <own@a.test>\n\nMessage-ID: <other@a.test>\rlast")

    assert (
        letter.content
        == b"Subject: x\r\nMessage-ID: <own@a.test>\r\n\r\nMessage-ID: <other@a.test>\r\nlast\r\n"
    )
    assert "<own@a.test>" == letter.message_id
    assert "" == read(b"Subject: x\r\n\r\nMessage-ID: <b@a.test>\r\n").message_id
