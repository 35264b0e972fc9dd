"""A digest holds every original whole, whatever is in it, and says in plain words what it is."""

from __future__ import annotations

import io
from email import message_from_bytes, policy
from email.generator import BytesGenerator
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.mail.together.digest import Digest, Original, build, subject_of

AT = 1_800_000_000.0
OCTETS = policy.compat32.clone(linesep="\r\n", max_line_length=0, cte_type="8bit")


def an_original(n: int, subject: bytes = b"", more: bytes = b"") -> Original:
    title = subject or b"page %d" % n
    head = b"From: Copier <scan@contoso.com>\r\nTo: it@contoso.com\r\nSubject: " + title + b"\r\n" + more
    return Original(head + b"\r\nbody %d\r\n" % n, AT + n)


def a_digest(*originals: Original, message_id: str = "<digest.1@relay.test>") -> Digest:
    return Digest(originals, "scan@contoso.com", "it@contoso.com", 5, "relay.test", AT + 600, message_id)


def read(octets: bytes) -> Message:
    return message_from_bytes(octets, policy=OCTETS)


def originals_in(octets: bytes) -> list[bytes]:
    """The originals as Python's own reader and writer have them."""
    found = []
    for part in parts_of(octets):
        payload: Any = part.get_payload()
        out = io.BytesIO()
        BytesGenerator(out, mangle_from_=False, maxheaderlen=0, policy=OCTETS).flatten(payload[0])
        found.append(out.getvalue())
    return found


def parts_of(octets: bytes) -> list[Message]:
    message: Any = read(octets)
    _, digest = message.get_payload()
    assert "multipart/digest" == digest.get_content_type()
    parts: list[Message] = digest.get_payload()
    assert {"message/rfc822"} == {part.get_content_type() for part in parts}
    return parts


def cut_out(octets: bytes) -> list[bytes]:
    """The originals as RFC 2046 5.1.1 cuts them: from the empty line to the CRLF in front of the next boundary."""
    digest: Any = read(octets).get_payload()[1]  # type: ignore[index]
    boundary = str(digest.get_boundary())
    pieces = octets.split(b"\r\n--" + boundary.encode())[1:-1]
    return [piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")[2] for piece in pieces]


def test_it_bears_the_newest_ones_names_and_its_own_title() -> None:
    """From, To and Sender of the newest, how many there are, a date and a Message-ID of its own."""
    newest = an_original(
        2, b"paper jam", b"Sender: <device@contoso.com>\r\nMessage-ID: <2@copier>\r\nX-Own: 1\r\n"
    )
    message = read(build(a_digest(an_original(1), newest)))

    assert "[2 messages] paper jam" == message["Subject"]
    assert ["Copier <scan@contoso.com>", "it@contoso.com", "<device@contoso.com>"] == [
        message[name] for name in ("From", "To", "Sender")
    ]
    assert ("<digest.1@relay.test>", None) == (message["Message-ID"], message["X-Own"])
    assert "Fri, 15 Jan 2027 08:10:00 +0000" == message["Date"]
    assert "auto-generated" == message["Auto-Submitted"]


def test_the_summary_says_what_came_when_and_why() -> None:
    """A line for each with its instant and subject, the relay's name, and the rule's number."""
    message: Any = read(
        build(a_digest(an_original(1), an_original(2, b"=?utf-8?B?QsO8cm8=?="), an_original(3)))
    )
    summary = message.get_payload()[0].get_payload(decode=True).decode("utf-8")

    assert "3 messages to you, sent as one by the mail relay relay.test." in summary
    assert "5 or more of them" in " ".join(summary.split())
    lines = summary.split("\r\n")
    assert [
        "Fri, 15 Jan 2027 08:00:01 +0000  page 1",
        "Fri, 15 Jan 2027 08:00:02 +0000  Büro",
        "Fri, 15 Jan 2027 08:00:03 +0000  page 3",
    ] == [line for line in lines if line.startswith("Fri")]


def test_names_that_are_missing_come_from_the_envelope() -> None:
    """A message without From and To is none that may go out."""
    message = read(build(a_digest(Original(b"Subject: x\r\n\r\n", AT), Original(b"\r\nonly a body\r\n", AT))))

    assert ["<scan@contoso.com>", "<it@contoso.com>", "[2 messages]"] == [
        message[name] for name in ("From", "To", "Subject")
    ]


def test_a_subject_cannot_write_a_header() -> None:
    """What is hidden in encoded words stays text."""
    evil = an_original(1, b"=?utf-8?B?eA0KQmNjOiBldmlsQHgNCg==?=")
    message: Any = read(build(a_digest(an_original(0), evil)))

    assert "x Bcc: evil@x" == subject_of(evil.octets)
    assert None is message["Bcc"]
    assert "[2 messages] x Bcc: evil@x" == message["Subject"]


def test_eight_bit_originals_are_said_to_be_so() -> None:
    """Nothing is encoded anew; a digest of plain ones is plain."""
    plain, eight = an_original(1), an_original(2, more=b"X-Place: B\xfcro\r\n")

    assert [["7bit"] * 4, ["8bit", "8bit", "7bit", "8bit"]] == [
        [str(message["Content-Transfer-Encoding"])]
        + [str(part["Content-Transfer-Encoding"]) for part in [digest, *digest.get_payload()]]
        for message in (read(build(a_digest(plain, plain))), read(build(a_digest(plain, eight))))
        for digest in [message.get_payload()[1]]  # type: ignore[index]
    ]


def test_a_boundary_that_stands_in_an_original_is_not_used() -> None:
    """A digest in a digest, with the same Message-ID, which would have the same boundary."""
    first = a_digest(an_original(1), an_original(2))
    inner = Original(build(first), AT)
    octets = build(a_digest(inner, an_original(3)))

    assert [inner.octets, an_original(3).octets] == cut_out(octets) == originals_in(octets)


words = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12
)
lines = st.binary(max_size=60).map(
    lambda octets: octets.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
)
bodies = st.lists(lines | st.sampled_from([b"--", b"--=", b".", b"", b"From x", b"--x--"]), max_size=8)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A whole message: fields with values that need no trimming, then any lines."""
    names = draw(
        st.lists(words.filter(lambda one: not one.lower().startswith(("content-", "from"))), max_size=4)
    )
    fields = [f"{name}: {draw(words)} {draw(words)}\r\n".encode() for name in names]
    return b"".join(fields) + b"\r\n" + b"".join(line + b"\r\n" for line in draw(bodies))


@given(st.lists(messages(), min_size=2, max_size=5))
def test_every_original_comes_out_as_it_went_in(contents: list[bytes]) -> None:
    """By Python's email package, and by cutting at the boundaries."""
    octets = build(a_digest(*(Original(one, AT) for one in contents)))

    assert contents == cut_out(octets)
    assert contents == originals_in(octets)


@given(st.lists(st.binary(max_size=200), min_size=2, max_size=4))
def test_octets_that_are_no_message_come_out_as_they_went_in(contents: list[bytes]) -> None:
    """Whatever a device has sent: only where it is cut matters."""
    assert contents == cut_out(build(a_digest(*(Original(one, AT) for one in contents))))


@pytest.mark.parametrize("size", [998, 5000])
def test_long_titles_are_cut_and_folded(size: int) -> None:
    """No line of ours is longer than a line may be (RFC 5322 2.1.1)."""
    octets = build(a_digest(an_original(1, b"x" * size), an_original(2, "ü".encode() * size)))
    ours = octets.partition(b"\r\n\r\n")[0]

    assert all(len(line) <= 998 for line in ours.split(b"\r\n"))
