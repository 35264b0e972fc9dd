"""The machines in their simplest life; the golden transcripts say the rest."""

from __future__ import annotations

import pytest

from relay365.mail.status import Reply
from relay365.smtp.events import ContentBlock, ContentEnded, DataAsked, MailGiven, RcptGiven, Signal
from relay365.smtp.framing import ContentDecoder, ContentEncoder
from relay365.smtp.server import Limits, Offers, ServerSession

DIALOGUE = (
    b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n..stuffed\r\n\n.\r\nlone\r\n.\r\nQUIT\r\n"
)


def _live(pieces: list[bytes]) -> tuple[bytes, bytes]:
    """(replies, content) of a session that accepts everything."""
    session = ServerSession(Offers("relay.test"), Limits(), peer="[127.0.0.1]")
    session.greet()
    content, replies = b"", b""
    for piece in pieces:
        session.receive(piece)
        while not isinstance(event := session.next_event(), Signal):
            if isinstance(event, ContentBlock):
                content += event.octets
            elif isinstance(event, DataAsked):
                session.answer(Reply.of(354, "", "go"))
            elif isinstance(event, MailGiven | RcptGiven | ContentEnded):
                session.answer(Reply.of(250, "2.0.0", "OK"))
        replies += session.octets_to_send()
    return replies, content


def test_cutting_changes_nothing() -> None:
    """Replies and content are the same whole and octet by octet."""
    whole = _live([DIALOGUE])

    assert whole == _live([DIALOGUE[n : n + 1] for n in range(len(DIALOGUE))])
    assert b".stuffed\r\n\r\n.\r\nlone\r\n" == whole[1]


@pytest.mark.parametrize("false_end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n"])
def test_only_crlf_dot_crlf_ends_a_content(false_end: bytes) -> None:
    """Smuggling: what looks like an end to a sloppy server is content to us, and leaves us stuffed."""
    decoder, encoder = ContentDecoder(), ContentEncoder()
    block, rest = decoder.feed(b"a" + false_end + b"MAIL FROM:<x@y>\r\n")
    last, rest_2 = decoder.feed(b".\r\n")
    wire = encoder.feed(block + last) + encoder.finish()

    assert (None, b"") == (rest, rest_2)
    assert 1 == wire.count(b"\r\n.\r\n")
    assert wire.endswith(b"\r\n.\r\n")
    assert wire.count(b"\n") == wire.count(b"\r\n") == wire.count(b"\r")
