"""A part's head: what its body would become, and the head that goes with it."""

from __future__ import annotations

import pytest

from relay365.mail.repair.body.part import Part


@pytest.mark.parametrize(
    ("head", "encoding", "boundary"),
    [
        (b"", "quoted-printable", b""),
        (b"Content-Type: TEXT/html\r\nContent-Transfer-Encoding: 8BIT\r\n", "quoted-printable", b""),
        (b"Content-Type: application/pdf\r\n", "base64", b""),
        (b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n", "rewrapped", b""),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", "soft breaks", b""),
        (b"Content-Transfer-Encoding: x-uuencode\r\n", "", b""),
        (b'Content-Type: multipart/mixed;\r\n boundary="b 1"\r\n', "", b"b 1"),
        (b"Content-Type: multipart/mixed; boundary=b1; x=y\r\n", "", b"b1"),
        (b"Content-Type: multipart/mixed\r\n", "", b""),
        (b"Content-Type: multipart/signed; boundary=b1\r\n", "", b""),
        (b"Content-Type: message/rfc822\r\n", "", b""),
        (b"Content-Type: application/pkcs7-mime\r\n", "", b""),
    ],
)
def test_a_head_says_what_its_body_could_become(head: bytes, encoding: str, boundary: bytes) -> None:
    """Text quoted-printable, the rest base64, what is encoded stays so; sealed and enclosed parts never."""
    part = Part(head, is_root=False)

    assert (encoding, boundary) == (part.encoding, part.boundary)


def test_the_head_tells_the_new_encoding() -> None:
    """In the place of the old field; a message that was no MIME becomes MIME, with the charset that it has."""
    old = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\nX: y\r\n"
    part, bare = Part(old, is_root=False), Part(b"Subject: x\r\n", is_root=True)

    assert old.replace(b"8bit", b"base64") == part.head_for("base64", b"", "koi8-r")
    assert (
        b"Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n"
        b"Content-Type: text/plain; charset=koi8-r\r\nMIME-Version: 1.0\r\n"
    ) == bare.head_for("quoted-printable", b"\xc1\xff" * 20, "koi8-r")
    assert old == Part(old, is_root=False).head()


def test_raw_file_names_are_encoded() -> None:
    """In a part's own fields; the rest of its head stays."""
    part = Part(b"Content-Disposition: attachment; filename=\xfc.pdf\r\nX: y\r\n", is_root=False)
    part.mend_names("windows-1252")

    assert b"Content-Disposition: attachment;\r\n filename*=UTF-8''%C3%BC.pdf\r\nX: y\r\n" == part.head()
