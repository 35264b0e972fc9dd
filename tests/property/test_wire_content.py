"""Where a content ends and what it is, for any octets in any cut: judged by a slow and obvious reference."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay365.smtp.framing import ContentDecoder, ContentEncoder, LineBuffer, OverlongLine
from transcript.cuts import singly, sliced

PIECES = [
    b"\r",
    b"\n",
    b".",
    b"\0",
    b"a",
    b"\r\n",
    b"\r\n.",
    b"..",
    b"\r\n.\r\n",
    b"\r\r\n",
    b"\xff",
    b"line\r\n",
]
wire_octets = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)
contents = st.lists(
    st.sampled_from([b".", b"..", b"a", b"\r\n", b"\xff", b". ", b"line\r\n"]), max_size=30
).map(b"".join)
cuts = st.lists(st.integers(1, 9), max_size=60)


def reference(octets: bytes) -> tuple[bytes, int, bytes] | None:
    """(content, repairs, rest) by RFC 5321 4.1.1.4 and 4.5.2, octet by octet; None where no end stands."""
    octets = b"\r\n" + octets
    end = octets.find(b"\r\n.\r\n")
    if end < 0:
        return None
    lines = octets[2 : end + 2].split(b"\r\n")
    unstuffed = b"\r\n".join(line.removeprefix(b".") for line in lines)
    content, repairs, n = b"", 0, 0
    while n < len(unstuffed):
        here = unstuffed[n:]
        if here.startswith(b"\r\n"):
            content, n = content + b"\r\n", n + 2
        elif here.startswith(b"\r\r\n"):
            content, repairs, n = content + b"\r\n", repairs + 1, n + 3
        elif here[:1] in (b"\r", b"\n"):
            content, repairs, n = content + b"\r\n", repairs + 1, n + 1
        elif here[:1] == b"\0":
            content, repairs, n = content + b"\0", repairs + 1, n + 1
        else:
            content, n = content + here[:1], n + 1
    return content, repairs, octets[end + 5 :]


def decode(pieces: list[bytes]) -> tuple[bytes, int, bytes] | None:
    """The same by the decoder; what follows the end is everything that was not used."""
    decoder, content = ContentDecoder(), b""
    for n, piece in enumerate(pieces):
        block, rest = decoder.feed(piece)
        content += block
        if rest is not None:
            return content, decoder.repairs, rest + b"".join(pieces[n + 1 :])
    return None


@given(wire_octets, cuts)
def test_the_decoder_agrees_with_the_reference(octets: bytes, sizes: list[int]) -> None:
    """End, content, repairs and rest are the reference's, however the octets are cut."""
    assert reference(octets) == decode(sliced(octets, sizes))


@given(wire_octets)
def test_single_octets_change_nothing(octets: bytes) -> None:
    """The hardest cut: every octet alone."""
    assert reference(octets) == decode(singly(octets))


@given(contents, cuts, cuts)
def test_unstuffing_undoes_stuffing(content: bytes, sizes: list[int], wire_sizes: list[int]) -> None:
    """A normalised content comes out of the decoder as it went into the encoder, with the line end that it lacked."""
    content = b"\r\n".join(content.replace(b"\r", b"").split(b"\n"))
    encoder = ContentEncoder()
    wire = b"".join(encoder.feed(block) for block in sliced(content, sizes)) + encoder.finish()
    whole = content if content == b"" or content.endswith(b"\r\n") else content + b"\r\n"

    assert (whole, 0, b"next") == decode(sliced(wire + b"next", wire_sizes))


@given(wire_octets, cuts)
def test_what_leaves_us_has_one_end_and_no_bare_octet(octets: bytes, sizes: list[int]) -> None:
    """Whatever came in, the next server sees CRLF only, and CRLF.CRLF exactly at the end, without the NUL, too."""
    found = decode([octets + b"\r\n.\r\n"])
    assert found is not None
    encoder = ContentEncoder()
    content = found[0].replace(b"\0", b"")
    wire = b"\r\n" + b"".join(encoder.feed(block) for block in sliced(content, sizes)) + encoder.finish()

    assert [len(wire) - 5] == [n for n in range(len(wire)) if wire.startswith(b"\r\n.\r\n", n)]
    assert wire.count(b"\r\n") == wire.count(b"\r") == wire.count(b"\n")


@given(st.lists(st.sampled_from([b"ab", b"\r", b"\n", b"\r\n", b"x" * 9]), max_size=20).map(b"".join), cuts)
def test_lines_do_not_depend_on_cuts(octets: bytes, sizes: list[int]) -> None:
    """Lines and overlong lines are the same, whole and cut."""
    assert _lines([octets]) == _lines(sliced(octets, sizes))


def _lines(pieces: list[bytes]) -> list[bytes | None]:
    buffer, lines = LineBuffer(), []
    for piece in pieces:
        buffer.feed(piece)
        while True:
            try:
                line = buffer.take_line(8)
            except OverlongLine:
                lines.append(None)
                continue
            if line is None:
                break
            lines.append(line)
    return lines
