"""BDAT, as octets in and events out."""

from __future__ import annotations

import pytest

from relay365.emulator.exchange.chunks import ChunkingSession
from relay365.mail.status import Reply
from relay365.smtp.events import ContentBlock, ContentEnded, HeloGiven, SessionEnded, Signal
from relay365.smtp.offers import Limits, Offers

BEGIN = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
N_BEGIN = 4  # banner, EHLO, MAIL, RCPT


def _play(octets: bytes, cut: int = 1_000) -> tuple[bytes, list[str], str]:
    """A whole dialogue in pieces of so many octets: what was blocks, the codes of the replies, and the last phase."""
    machine = ChunkingSession(
        Offers("host.example", tolerances=frozenset(), extensions=("CHUNKING",)), Limits()
    )
    machine.greet()
    content, said = b"", b""
    for start in range(0, len(octets), cut):
        machine.receive(octets[start : start + cut])
        while (event := machine.next_event()) is not Signal.NEED_OCTETS:
            if isinstance(event, ContentBlock):
                content += event.octets
            elif isinstance(event, SessionEnded):
                break
            elif isinstance(event, ContentEnded):
                assert event.size_octets == len(content)
                machine.answer(Reply.of(250, "2.6.0", "taken"))
            elif not isinstance(event, HeloGiven | Signal) and machine._state.pending is not None:
                machine.answer(Reply.of(250, "2.1.0", "fine"))
        said += machine.octets_to_send()
    codes = [line[:9].decode() for line in said.splitlines() if line[3:4] == b" "]
    return content, codes[N_BEGIN:], machine.phase.value


@pytest.mark.parametrize("cut", [1, 2, 7, 1_000])
def test_chunks_however_they_are_cut(cut: int) -> None:
    """Chunks are joined, a dot in them ends nothing, and what follows the last one is a command again."""
    content, codes, phase = _play(BEGIN + b"BDAT 5\r\nab\r\n.bdat 3 last\r\n\r\n.NOOP\r\n", cut)

    assert (b"ab\r\n.\r\n.", ["250 2.0.0", "250 2.6.0", "250 2.0.0"], "ready") == (content, codes, phase)


def test_an_empty_last_chunk() -> None:
    """BDAT 0 LAST ends the content (RFC 3030 2)."""
    assert (b"ab", ["250 2.0.0", "250 2.6.0"], "ready") == _play(BEGIN + b"BDAT 2\r\nabBDAT 0 LAST\r\n")


@pytest.mark.parametrize("line", [b"RCPT TO:<e@f.example>\r\n", b"DATA\r\n"])
def test_no_way_back_from_a_chunk(line: bytes) -> None:
    """After the first chunk RCPT and DATA are 503; RSET lets a new transaction begin."""
    content, codes, phase = _play(BEGIN + b"BDAT 2\r\nab" + line + b"RSET\r\n" + BEGIN[8:])

    assert (b"ab", ["250 2.0.0", "503 5.5.1", "250 2.0.0", "250 2.1.0", "250 2.1.0"], "rcpt") == (
        content, codes, phase,
    )  # fmt: skip


def test_a_chunk_out_of_place() -> None:
    """Without a recipient a chunk is read, dropped and refused."""
    begin = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nNOOP\r\n"

    assert (b"", ["503 5.5.1", "250 2.0.0"], "mail") == _play(begin + b"BDAT 6\r\nQUIT\r\nNOOP\r\n")


@pytest.mark.parametrize("line", [b"BDAT\r\n", b"BDAT x\r\n", b"BDAT 5 FIRST\r\n"])
def test_a_chunk_without_a_size(line: bytes) -> None:
    """What cannot be measured ends the session: nobody knows what follows."""
    _, codes, phase = _play(BEGIN + line + b"QUIT\r\n")

    assert (["501 5.5.4"], "ended") == (codes, phase)


def test_binary_needs_chunks() -> None:
    """After BODY=BINARYMIME DATA is refused, BDAT is not."""
    binary = BEGIN.replace(b"b.example>", b"b.example> BODY=BINARYMIME SIZE=5")

    assert ["503 5.5.1", "250 2.6.0"] == _play(binary + b"DATA\r\nBDAT 1 LAST\r\nx")[1]
