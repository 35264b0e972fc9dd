"""Encoders: other readers get the same octets back, and lines become short."""

from __future__ import annotations

import quopri
from base64 import b64decode, b64encode
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay365.mail.repair.body.encoders import MAKERS, Encoder, long_line

TEXT = st.lists(
    st.sampled_from([b"a", b"=", b" ", b".", b"\r\n", b"\xc3\xbc", b"x" * 999, b"From "]), max_size=60
)
CUTS = st.lists(st.integers(0, 3000), max_size=5)


def encoded(encoder: Encoder, octets: bytes, cuts: list[int]) -> bytes:
    borders = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    fed = [encoder.feed(octets[a:b]) for a, b in pairwise(borders)]
    return b"".join((*fed, encoder.end()))


@settings(deadline=None)
@given(TEXT, CUTS)
def test_text_becomes_quoted_printable(pieces: list[bytes], cuts: list[int]) -> None:
    """The library decodes what was there, wherever the octets were cut; lines have at most 76 octets."""
    octets = b"".join(pieces)
    out = encoded(MAKERS["quoted-printable"](), octets, cuts)

    assert octets == quopri.decodestring(out)
    assert max(map(len, out.split(b"\r\n"))) <= 76


@settings(deadline=None)
@given(st.binary(max_size=2000), CUTS)
@example(b"x" * 56, [])
@example(b"x" * 57, [57])
def test_octets_become_base64_and_base64_is_wrapped(octets: bytes, cuts: list[int]) -> None:
    """Both are the same letters in lines of 76."""
    wrapped = encoded(MAKERS["rewrapped"](), b64encode(octets), cuts)

    assert wrapped == encoded(MAKERS["base64"](), octets, cuts)
    assert octets == b64decode(wrapped)
    assert max(map(len, wrapped.split(b"\r\n"))) <= 76


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"=3D", b"a", b"\xfc", b"=", b"\r\n", b"b" * 70_000]), max_size=60), CUTS)
def test_soft_breaks_change_no_letter(pieces: list[bytes], cuts: list[int]) -> None:
    """Quoted-printable with endless lines says the same with short ones."""
    octets = b"".join(pieces) * 8
    out = encoded(MAKERS["soft breaks"](), octets, cuts)

    assert octets == out.replace(b"=\r\n", b"") or b"=\r\n" in octets
    assert max(map(len, out.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("octets", "is_long"),
    [
        (b"x" * 998 + b"\r\n", False), (b"x" * 999 + b"\r\n", True), (b"a\r\n" * 999, False), (b"", False),
        (b"a\r\n" + b"x" * 999 + b"\r\nb\r\n", True), (b"a\r\n" * 400 + b"x" * 998 + b"\r\n", False),
    ],
)  # fmt: skip
def test_a_line_is_long_from_999_octets_on(octets: bytes, *, is_long: bool) -> None:
    """RFC 5322 2.1.1: 998 without the line end, wherever in the octets."""
    assert is_long == long_line(octets)[0]
