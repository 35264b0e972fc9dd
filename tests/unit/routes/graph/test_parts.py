"""Leaves come out whole, however the blocks are cut, and as Python's own parser reads them."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest

from relay365.routes.graph.parts import MOST_DEPTH, MOST_PARTS, Leaf, Leaves, TooComplex

MAIL = (
    b"Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\npre\r\n--o\r\n"
    b"Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\nContent-Type: text/plain\r\n\r\nplain\r\n--x\r\n"
    b"\r\n--i\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<b>=C3=BC=\r\nx</b>\r\n"
    b'--i--\r\nepilogue\r\n--o\r\nContent-Type: application/pdf; name="a b.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nQUJD\r\nREU=\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\n\r\nhello\r\n--o--\r\n"
)  # fmt: skip


def leaves_of(octets: bytes, block: int) -> list[tuple[str, str, int, bytes]]:
    """Type, name, alternative and decoded octets of each leaf."""
    leaves, found = Leaves(), {}
    for at in range(0, len(octets), block):
        for leaf, piece in leaves.feed(octets[at : at + block]):
            found.setdefault(leaf.number, (leaf, bytearray()))[1].extend(piece)
    for leaf, piece in leaves.feed(b""):
        found.setdefault(leaf.number, (leaf, bytearray()))[1].extend(piece)
    return [(leaf.media_type, leaf.name, leaf.alternative, bytes(octets)) for leaf, octets in found.values()]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 17, 100, 10_000])
def test_leaves_come_out_whole_however_the_blocks_are_cut(block: int) -> None:
    """Nested parts, all encodings, a boundary look-alike, an embedded message."""
    assert [
        ("text/plain", "", 2, b"plain\r\n--x\r\n"),
        ("text/html", "", 2, "<b>üx</b>".encode()),
        ("application/pdf", "a b.pdf", 0, b"ABCDE"),
        ("message/rfc822", "", 0, b"Subject: inner\r\n\r\nhello"),
    ] == leaves_of(MAIL, block)


@pytest.mark.parametrize("octets", [
    b"Subject: x\r\n\r\nbody\r\n", b"\r\nbody\r\n", b"Subject: x\r\n", b"Content-Transfer-Encoding: base64\r\n\r\nQQ",
])  # fmt: skip
def test_a_message_without_parts_is_one_leaf(octets: bytes) -> None:
    """Its text as Python's own parser decodes it."""
    expected = message_from_bytes(octets, policy=policy.SMTP).get_payload(decode=True)
    assert [expected] == [leaf[3] for leaf in leaves_of(octets, 4)]


@pytest.mark.parametrize(("fields", "expected"), [
    (b'Content-Type: image/png; name="B\xc3\xbcro.png"', Leaf(1, 0, "image/png", "B\u00fcro.png")),
    (b"Content-Type: image/png; name*=utf-8''B%C3%BCro.png", Leaf(1, 0, "image/png", "B\u00fcro.png")),
    (b'Content-Type: image/png; name="=?utf-8?B?QsO8cm8=?="', Leaf(1, 0, "image/png", "B\u00fcro")),
    (b"content-type: IMAGE/PNG\nContent-ID: <a@b>", Leaf(1, 0, "image/png", content_id="a@b")),
    (b"Content-Type: text/plain;\n charset=KOI8-R", Leaf(1, 0, "text/plain", charset="koi8-r")),
    (b"Content-Disposition: attachment", Leaf(1, 0, "text/plain", is_attachment=True)),
    (b"Content-Type: nonsense\nnonsense", Leaf(1, 0, "text/plain")),
])  # fmt: skip
def test_the_facts_of_a_leaf(fields: bytes, expected: Leaf) -> None:
    """Names in every spelling, identifiers of pictures, charsets; other fields tell nothing."""
    assert [expected] == [leaf for leaf, _ in Leaves().feed(b"X-A: 1\n" + fields + b"\n\n")]


@pytest.mark.parametrize("block", [1, 7, 999, 100_000])
@pytest.mark.parametrize("text", [
    b"x" * 5000, b"--" + b"o" * 5000, b"--o" + b" " * 2000, b"a\r\r\nb\rc", b"--\r\n--o-\r\n---o", b"\r\n\r\n", b"-",
    b"--ox",
])  # fmt: skip
def test_a_text_that_looks_like_a_boundary_stays_whole(text: bytes, block: int) -> None:
    """Long lines without end, dashes, lone CR: every octet, however it is cut, up to the line end of the boundary."""
    mail = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\n" + text + b"\r\n--o--\r\n"
    assert [("text/plain", "", 0, text)] == leaves_of(mail, block)


def test_random_messages_are_read_alike_however_they_are_cut() -> None:
    """Five hundred messages of random words of the trade: blocks of one octet give what one block gives."""
    dice = random.Random(365)
    words = [
        b"Content-Type: multipart/mixed; boundary=a\r\n", b"Content-Type: multipart/alternative; boundary=a--\n",
        b"--a\r\n", b"--a--\r\n", b"--a----\n", b"\r\n", b"\n", b"\r", b"--a", b"text", b"=", b"--", b" ", b"\n\n",
        b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"QUJD",
    ]  # fmt: skip

    def read(mail: bytes, block: int) -> object:
        try:
            return leaves_of(mail, block)
        except TooComplex as error:
            return str(error)

    for _ in range(500):
        mail = words[dice.randrange(2)] + b"\n--a\n" + b"".join(dice.choices(words, k=dice.randrange(30)))
        assert read(mail, len(mail)) == read(mail, 1)


def nested(depth: int) -> bytes:
    """Multiparts within each other, and a text in the innermost."""
    mail = b""
    for n in range(depth):
        mail += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n)
    return mail + b"\ntext\n"


@pytest.mark.parametrize(("mail", "words"), [
    (nested(MOST_DEPTH + 1), "nested more than 30"),
    (b"Content-Type: multipart/mixed; boundary=o\n\n" + b"--o\n\nx\n" * MOST_PARTS, "more than 250 parts"),
    (b"Content-Type: multipart/mixed; boundary=o\n\n--o\n" + b"X: 1\n" * 20_000, "header of a part"),
    (b"Content-Type: multipart/mixed; boundary=o\n\n--o\n" + b"X" * 100_000, "header of a part"),
    (b"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-X: " + b"a\n " * 9000, "header of a part"),
    (b"Content-Type: multipart/mixed; boundary=" + b"o" * 300 + b"\n\n", "longer than 200"),
    (b"Content-Type: multipart/mixed; boundary=o\n\ntext that would be lost\n", "not found"),
])  # fmt: skip
@pytest.mark.parametrize("block", [1000, 1_000_000])
def test_what_would_take_more_than_its_share_is_too_complex(mail: bytes, words: str, block: int) -> None:
    """Depth, number of parts, headers and boundaries have borders, and a content without parts is not lost."""
    with pytest.raises(TooComplex, match=words):
        leaves_of(mail, block)


def test_the_borders_themselves_are_no_harm() -> None:
    """Thirty deep, and 250 parts with the multipart itself."""
    assert [b"text\n"] == [leaf[3] for leaf in leaves_of(nested(MOST_DEPTH), 100)]
    mail = b"Content-Type: multipart/mixed; boundary=o\n\n" + b"--o\n\nx\n" * (MOST_PARTS - 1) + b"--o--\n"
    assert MOST_PARTS - 1 == len(leaves_of(mail, 100))


def hostile(line: bytes, encoding: bytes = b"8bit") -> Iterator[bytes]:
    """Twenty megabytes of the same, in blocks of 64 KiB."""
    yield (
        b"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Transfer-Encoding: " + encoding + b"\n\n"
    )
    block = line * (65_536 // len(line))
    for _ in range(320):
        yield block


@pytest.mark.parametrize(("line", "encoding"), [
    (b"x", b"8bit"), (b"x", b"quoted-printable"), (b"=", b"quoted-printable"), (b"x", b"base64"), (b"\n", b"8bit"),
    (b"\n--", b"8bit"), (b"\n--o-", b"8bit"), (b"\r", b"8bit"), (b" ", b"quoted-printable"),
    (b"=3D", b"quoted-printable"),
])  # fmt: skip
def test_a_hostile_text_takes_no_memory(line: bytes, encoding: bytes) -> None:
    """One line of 20 MB, dashes only, escapes only: never more than some blocks are held."""
    leaves = Leaves()
    tracemalloc.start()
    try:
        for block in hostile(line, encoding):
            for _ in leaves.feed(block):
                pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000
