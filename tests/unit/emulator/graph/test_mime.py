"""MIME and JSON, both ways."""

from __future__ import annotations

import base64
import io
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.emulator.graph import mime
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.graph.mime import Part

SCRAPS = [
    b"From:", b"To:", b"Bcc:", b"Subject:", b"Date:", b"Message-ID:", b"Content-Type:", b" ", b"\r\n", b"\r\n ",
    b"\r\n\r\n", b"a@b.example", b"<", b">", b'"', b",", b";", b":", b"(", b")", b"[", b"]", b"=?utf-8?q?=C3?=",
    b"=?utf-8?b?!!?=", b"multipart/mixed; boundary=x", b"--x", b"--x--", b"text/html; charset=",
    b"charset*=utf-8''%FF", b"\xff", b"\x00", b"@", b"Tue, 99 Foo 2020 99:99:99 +9999", b"filename*0*=utf-8''a", b"=",
    b"\\", b".",
]  # fmt: skip
AT = 1_700_000_000.0


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"To: a@x\r\nCc: B <b@x>, c@x\r\nBcc: d@x\r\n", ("a@x", "b@x", "c@x", "d@x")),
        (b"To: a@x, A@X\r\nTo: b@x\r\n", ("A@X", "b@x")),
        (b'To: "Doe, J" <j@x>,\r\n\tk@x\r\n', ("j@x", "k@x")),
        (b"To: team: a@x, b@x;\r\n", ("a@x", "b@x")),
        (b"To: undisclosed-recipients:;\r\nX-To: z@x\r\n", ()),
        ("To: jörg@exämple.de\r\n".encode(), ("jörg@exämple.de",)),
        (b"Subject: To: a@x\r\n", ()),
    ],
)
def test_recipients(head: bytes, expected: tuple[str, ...]) -> None:
    """Every mailbox of To, Cc and Bcc counts once, in groups and folded lines too; the body never does."""
    assert expected == mime.recipients_of(head + b"\r\nTo: body@x\r\n")


def test_delivery_changes_nothing_but_bcc() -> None:
    """Bcc goes with its folded lines, what is missing is added in front, all else stays octet for octet."""
    octets = b"Subject: s\r\nBcc: a@x,\r\n b@x\r\nTo: c@x\r\n\r\nBcc: body\r\n\xff"

    assert (
        b"From: <me@x>\r\nMessage-ID: <1@x>\r\nSubject: s\r\nTo: c@x\r\n\r\nBcc: body\r\n\xff"
        == mime.as_delivered(octets, "<1@x>", "me@x")
    )
    whole = b"FROM: a@x\r\nmessage-id: <2@x>\r\n\r\nx"
    assert whole == mime.as_delivered(whole, "<1@x>", "me@x")


@pytest.mark.parametrize("body", [b"", b"%%%", b"abc", b"aGk=!"])
def test_bad_base64(body: bytes) -> None:
    """What is no base64, or nothing, is refused; line ends inside are allowed."""
    with pytest.raises(GraphError, match="bad-base64"):
        mime.decoded(body)
    assert b"hello" == mime.decoded(base64.encodebytes(b"hello"))


def test_json_is_written_as_mime() -> None:
    """Addresses, names, body, own headers and attachments of a resource stand in the message."""
    fields: dict[str, Any] = {
        "subject": "Größe", "body": {"contentType": "HTML", "content": "<b>hi</b>"}, "internetMessageId": "<9@x>",
        "from": {"emailAddress": {"name": "Scan, Ner", "address": "scan@x"}},
        "toRecipients": [{"emailAddress": {"address": "a@x"}}], "bccRecipients": [{"emailAddress": {"address": "b@x"}}],
        "internetMessageHeaders": [{"name": "X-One", "value": "1\r\nInjected: 2"}],
    }  # fmt: skip
    parts = [Part({"name": "Größe.pdf", "contentType": "application/pdf"}, io.BytesIO(b"%PDF" * 40_000))]

    blocks = list(mime.written(fields, parts, AT, "<else@x>"))
    message = message_from_bytes(b"".join(blocks), policy=policy.default)

    assert ("Größe", "<9@x>", "1 Injected: 2", None) == tuple(
        message[name] for name in ("subject", "message-id", "x-one", "injected")
    )
    assert ("Scan, Ner", "scan@x") == (
        message["from"].addresses[0].display_name,
        message["from"].addresses[0].addr_spec,
    )
    assert ("a@x", "b@x") == mime.recipients_of(blocks[0])
    body = message.get_body(("html",))
    (part,) = message.iter_attachments()
    assert ("<b>hi</b>\r\n", "Größe.pdf", b"%PDF" * 40_000) == (
        body.get_content(), part.get_filename(), part.get_content(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ({"toRecipients": ["a@x"]}, "bad-json"),
        ({"toRecipients": [{"emailAddress": {"address": "a b@x\r\nBcc: c@x"}}]}, "no-recipients"),
        ({"internetMessageHeaders": [{"name": "Subject", "value": "x"}]}, "bad-header"),
        ({"internetMessageHeaders": [{"name": "X-A\r\nBcc", "value": "x"}]}, "bad-header"),
    ],
)
def test_what_json_cannot_say(fields: dict[str, Any], row: str) -> None:
    """No address, a broken one, a header that is not x-, a header that hides another: each is refused."""
    with pytest.raises(GraphError, match=row):
        next(mime.written(fields, [], AT, "<1@x>"))


def test_attachments_join_a_message() -> None:
    """A message of MIME keeps its parts as the first part when attachments are added, and its fields outside."""
    octets = b'Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\nhello\r\n'
    joined = b"".join(mime.with_parts(octets, [Part({"name": "a"}, io.BytesIO(b"1"))]))

    message = message_from_bytes(joined, policy=policy.default)

    assert ["multipart/mixed", "text/plain", "application/octet-stream"] == [
        one.get_content_type() for one in message.walk()
    ]
    assert ("s", ["1.0"]) == (message["subject"], message.get_all("mime-version"))
    assert octets == b"".join(mime.with_parts(octets, []))


def test_mime_is_read_as_a_resource() -> None:
    """Subject, people, body, time and attachments of a MIME message become properties."""
    octets = (
        b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\nFrom: Scan <scan@x>\r\nTo: a@x\r\nMessage-ID: <1@x>\r\n"
        b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    )
    found = mime.resource_of(octets)

    assert ("Größe", "<1@x>", "2023-11-14T22:13:20Z", False, "text") == (
        found["subject"], found["internetMessageId"], found["sentDateTime"], found["hasAttachments"],
        found["body"]["contentType"],
    )  # fmt: skip
    assert ({"emailAddress": {"name": "Scan", "address": "scan@x"}}, "hello") == (
        found["from"], found["body"]["content"].strip(),
    )  # fmt: skip
    assert {"name": "To", "value": "a@x"} in mime.headers_of(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"\r\n\r\n", b"\xff\xfe\x00", b"Content-Type: text/plain; charset=nosuch\r\n\r\n\xff",
        b"Cc:q Cc:\\;[\x00multipart/mixed@,", b"Bcc:a;MIME:filename=(>@:\xff(\r\n=?x?q?a?=[:\r\n", b"Message-ID:<>(@",
        b"Content-Type: text/plain; charset*=utf-8''%FF\r\n\r\nx", b"Bcc:\r\n .multipart/mixed; boundary=x",
        b"Bcc:\\@[--x?=;", b'Content-Type: text/html; charset="a\x00b"\r\n\r\nx',
    ],
)  # fmt: skip
def test_any_octets_are_read(octets: bytes) -> None:
    """Whatever the octets are, also what the standard library's parser stumbles over, reading them gives a resource."""
    assert "subject" in mime.resource_of(octets)
    assert () == mime.recipients_of(octets)


@given(st.lists(st.sampled_from(SCRAPS), max_size=30).map(b"".join))
def test_octets_of_header_scraps_are_read(octets: bytes) -> None:
    """Header fields put together by chance are read, rewritten and joined without an exception."""
    found = mime.resource_of(octets)
    rewritten = mime.as_delivered(octets, "<1@x>", "me@x")

    assert isinstance(found["subject"], str)
    assert b"".join(mime.with_parts(octets, [])) == octets
    assert set(mime.recipients_of(rewritten)) <= set(mime.recipients_of(octets))
