"""Where lines and contents end; tests/property judges the same code by a reference."""

from __future__ import annotations

import pytest

from relay365.smtp.framing import ContentDecoder, ContentEncoder, LineBuffer, OverlongLine


def test_lines_come_out_without_their_ends() -> None:
    """CRLF and LF both end a command; what is not whole stays."""
    buffer = LineBuffer()
    buffer.feed(b"EHLO a\r\nNOOP\nQU")

    assert [(b"EHLO a", False), (b"NOOP", True), (None, True)] == [
        (buffer.take_line(99), buffer.ended_bare) for _ in range(3)
    ]
    buffer.feed(b"IT\r\n")
    assert b"QUIT" == buffer.take_line(99)
    assert 0 == len(buffer)


@pytest.mark.parametrize(
    "pieces", [[b"x" * 11 + b"\n"], [b"x" * 11, b"\n"], [b"x" * 10 + b"\r", b"\n"], [b"x"] * 99 + [b"\n"]]
)
def test_an_overlong_line_is_swallowed_once(pieces: list[bytes]) -> None:
    """One error for the whole line, however it came, and the next line is whole again."""
    buffer, n_errors = LineBuffer(), 0
    for piece in pieces:
        buffer.feed(piece)
        assert len(buffer) <= 12
        try:
            assert buffer.take_line(11) is None
        except OverlongLine:
            n_errors += 1
    buffer.feed(b"NOOP\r\n")

    assert (1, b"NOOP") == (n_errors, buffer.take_line(11))


def test_the_next_word_can_be_seen_without_taking_it() -> None:
    """In any case; half a word is none."""
    buffer = LineBuffer()
    buffer.feed(b"aut")
    assert not buffer.starts_with(b"AUTH ")
    buffer.feed(b"h x")

    assert buffer.starts_with(b"AUTH ")
    assert b"auth x" == buffer.take_all()
    assert 0 == len(buffer)


@pytest.mark.parametrize(
    "false_end",
    [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n.\r\r\n"],
)
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


def test_repairs_are_counted() -> None:
    """Each lone CR, lone LF, CR too many and NUL is one; the NUL stays where it was."""
    decoder = ContentDecoder()
    block, _ = decoder.feed(b"a\nb\rc\x00d\r\r\ne\r\n.\r\n")

    assert b"a\r\nb\r\nc\x00d\r\ne\r\n" == block
    assert (4, 3, 1) == (decoder.repairs, decoder.n_line_ends, decoder.n_nuls)


def test_an_empty_content_is_three_octets() -> None:
    """The first dot needs no line end of its own, in neither direction."""
    assert (b"", b"rest") == ContentDecoder().feed(b".\r\nrest")
    assert b".\r\n" == ContentEncoder().finish()


def test_a_missing_line_end_is_added() -> None:
    """The final dot must stand on a line of its own."""
    encoder = ContentEncoder()

    assert b"x\r\n.\r\n" == encoder.feed(b"x") + encoder.feed(b"") + encoder.finish()


@pytest.mark.parametrize(
    ("wire", "content", "ended_bare"),
    [
        (b"a\n.\nrest", b"a\r\n", True),
        (b"a\n.\r\nrest", b"a\r\n", True),
        (b"a\r\n.\nrest", b"a\r\n", True),
        (b"a\r\n.\r\nrest", b"a\r\n", False),
        (b".\nrest", b"", True),
        (b"\n..\n..b\r\n..c\n.\nrest", b"\r\n.\r\n.b\r\n.c\r\n", True),
        (b"a\r.\rb\n.\rc\n\0.\nd\r\r\n.\nrest", b"a\r\n.\r\nb\r\n\r\nc\r\n\0.\r\nd\r\n", True),
    ],
)
def test_where_bare_lf_is_forgiven_it_ends_lines_and_content(
    wire: bytes, content: bytes, ended_bare: bool
) -> None:
    """LF.LF and LF.CRLF end, behind CR or not; CR and NUL still end nothing; dots are unstuffed behind each LF."""
    for n in range(len(wire)):
        decoder, octets, rest = ContentDecoder(bare_lf_ends=True), b"", None
        for piece in (wire[:n], wire[n:]):
            block, rest = decoder.feed(piece) if rest is None else (b"", rest + piece)
            octets += block

        assert (content, b"rest", ended_bare) == (octets, rest, decoder.ended_bare), n


def test_a_device_that_never_stuffs_loses_no_dot() -> None:
    """Without unstuffing a leading dot stays, and the end is the end."""
    assert (b".a\r\n..\r\n", b"") == ContentDecoder(unstuffs=False).feed(b".a\r\n..\r\n.\r\n")


@pytest.mark.parametrize(
    ("pieces", "looks_ended"),
    [
        ([b"a\n.\n"], True),
        ([b"a\n", b".", b"\n"], True),
        ([b"a\n", b".", b"\r", b"\n"], True),
        ([b"a\r\n.\n"], True),
        ([b"a\n.\nb"], False),
        ([b"a.\n"], False),
        ([b""], False),
        ([b"a\r\n.\r"], False),
    ],
)
def test_a_content_that_only_looks_ended_says_so(pieces: list[bytes], looks_ended: bool) -> None:
    """A dot on a line of its own with a bare LF is no end, but the peer may wait for an answer to it."""
    decoder = ContentDecoder()
    for piece in pieces:
        assert decoder.feed(piece)[1] is None

    assert looks_ended == decoder.looks_ended
