"""The filter through all parts: what can travel is not touched, what cannot is encoded, wherever octets are cut."""

from __future__ import annotations

from base64 import b64encode
from email import message_from_bytes
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.repair.body.parts import LOOK_AHEAD_OCTETS, PartsFilter
from relay365.mail.repair.fields import end_of_head

_LONG = b"word " * 400
MIXED = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\npreamble\r\n--b1\r\n\r\n' + _LONG
    + b'\xe4 \r\n.\r\nx \r\n--b1\r\nContent-Type: application/pdf; name="B\xfcro.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n" + b64encode(bytes(range(256)) * 8)
    + b"\r\n--b1\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\nContent-Type: text/html\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"a=3D\xc3" * 300
    + b"\r\nshort=\r\nx\r\n--b2\r\nContent-Type: text/plain\r\n\r\nfine\r\n--b2--\r\n\r\n--b1\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n" + bytes(range(1, 9)) * 200 + b"\r\n--b1--\r\nepilogue\r\n"
)  # fmt: skip


def passed(content: bytes, cuts: tuple[int, ...] = ()) -> tuple[bytes, list[str]]:
    """What comes out, and the record."""
    end = end_of_head(content, is_whole=True)
    parts = PartsFilter(mends_lines=True, mends_names=True, charset="windows-1252")
    borders = [end, *sorted(max(end, min(cut, len(content))) for cut in cuts), len(content)]
    out = [parts.start(content[:end])]
    out += [parts.feed(content[a:b]) for a, b in pairwise(borders)]
    return b"".join((*out, parts.end())), [change.what for change in parts.changes]


def test_every_reader_sees_the_same_parts() -> None:
    """Only the parts with long lines are encoded; the library decodes the same octets from all of them."""
    out, record = passed(MIXED)
    pairs = list(zip(message_from_bytes(MIXED).walk(), message_from_bytes(out).walk(), strict=True))

    assert [a.get_payload(decode=True) for a, _ in pairs] == [b.get_payload(decode=True) for _, b in pairs]
    assert max(map(len, out.split(b"\r\n"))) <= 998
    assert "Büro.pdf" == pairs[2][1].get_filename()
    assert [
        "part 2 (text/plain): quoted-printable", "Content-Type of a part encoded",
        "part 3 (application/pdf): rewrapped",
        "part 5 (text/html): soft breaks", "part 7 (application/octet-stream): base64",
    ] == record  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(MIXED)), max_size=40))
def test_cutting_changes_nothing(cuts: list[int]) -> None:
    """Blocks come from a network."""
    assert passed(MIXED)[0] == passed(MIXED, tuple(cuts))[0]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b"--b1\r\n", b"--b1--\r\n", b"--b2\r\n", b"\r\n", b"text\r\n", b"Content-Type: x/y\r\n",
                              b"Content-Type: multipart/mixed; boundary=b2\r\n", b"--b1 \r\n", b"--\r\n"])),
    st.lists(st.integers(60, 300), max_size=5),
)  # fmt: skip
def test_what_can_travel_is_never_touched(lines: list[bytes], cuts: list[int]) -> None:
    """However the delimiters stand, a content without long lines comes out as it went in."""
    content = b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n" + b"".join(lines)

    assert (content, []) == passed(content, tuple(cuts))


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n" + _LONG + b"\r\n--s--",
        b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n" + _LONG,
        b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n" + _LONG,
    ],
    ids=["S/MIME", "enclosed", "PGP"],
)
def test_sealed_and_enclosed_parts_are_left(part: bytes) -> None:
    """A signature would break, and an enclosed message may not be encoded (RFC 2046 5.2.1)."""
    content = b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n" + part + b"\r\n--b1--\r\n"

    assert content == passed(content)[0]


@pytest.mark.parametrize(
    ("encoding", "is_helped"), [(b"base64", True), (b"quoted-printable", True), (b"8bit", False)]
)
def test_a_line_that_comes_late_is_helped_where_the_head_need_not_change(
    encoding: bytes, *, is_helped: bool
) -> None:
    """Behind a mebibyte the head is gone; what is neither base64 nor quoted-printable is left and recorded."""
    lines = (b"QUJD" * 18 + b"\r\n") * (LOOK_AHEAD_OCTETS // 74 + 3000)
    content = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + lines + b"QUJD" * 300 + b"\r\n"
    out, record = passed(content, tuple(range(0, len(content), 65_536)))

    assert is_helped == (max(map(len, out.split(b"\r\n"))) <= 998)
    assert is_helped or "left alone" in record[0]
    assert content.replace(b"\r\n", b"") == out.replace(b"=\r\n", b"").replace(b"\r\n", b"")
