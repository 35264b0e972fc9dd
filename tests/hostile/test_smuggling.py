"""Smuggling, in and out: one message stays one message, at our door and at the most careless next hop.

Every variant goes through a live relay, whole and octet by octet, to a strict next hop and to a naive one; and through
machine and encoder alone, cut in two behind every octet.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.house import SMARTHOST, Relay, Sink, eventually, without_trace
from hostile.machine import live
from hostile.nexthop import NAIVE, STRICT, NextHop
from hostile.smuggle import END, HEAD, HIDDEN, Probe, probes
from relay365.smtp.framing import ContentDecoder, ContentEncoder
from transcript.cuts import singly

PROBES = probes()
ANSWER_S = 20.0
AT_ONCE = 20
ENVELOPE = b"EHLO probe.test\r\nMAIL FROM:<probe@corp.test>\r\nRCPT TO:<lena@else.test>\r\nDATA\r\n"
ONE_MESSAGE = re.compile(
    rb"(?:[^\r\n]+\r\n)+354 [^\r\n]+\r\n250 2\.6\.0 queued as [0-9A-Z]+\r\n221 [^\r\n]+\r\n"
)


@dataclass
class Place:
    """A relay in front of a next hop of one of the kinds."""

    relay: Relay
    hop: NextHop


@pytest.fixture(scope="module", params=["strict", "naive"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    hop = NextHop(end=NAIVE if request.param == "naive" else STRICT)
    with (
        hop.in_thread(),
        Relay(tmp_path_factory.mktemp("relay"), SMARTHOST.format(host=hop.address)) as relay,
    ):
        yield Place(relay, hop)


async def _say(port: int, pieces: list[bytes]) -> bytes:
    """Wait for the 354, then write each piece by itself; gives all that was said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(ENVELOPE)
        said = await reader.readuntil(b"\r\n354 ")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"QUIT\r\n")
        return said + await reader.read()
    finally:
        writer.close()


async def _probe_all(port: int, *, by_octet: bool) -> list[str]:
    """The probes that were not answered as one message, with what was said."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(probe: Probe) -> str:
        async with gate, asyncio.timeout(ANSWER_S):
            said = await _say(port, singly(probe.wire) if by_octet else [probe.wire])
        return "" if ONE_MESSAGE.fullmatch(said) else f"{probe.name}: {said!r}"

    found = await asyncio.gather(*(one(probe) for probe in PROBES))
    return [one for one in found if one]


@pytest.mark.parametrize("by_octet", [False, True], ids=["whole", "octet-by-octet"])
def test_one_message_in_is_one_message_out(place: Place, by_octet: bool) -> None:
    """No variant makes two messages of one: not here, where no hidden command is answered, and not at the next hop,
    which hears one envelope and the whole content behind each of them.
    """
    place.hop.heard.clear()
    holes = asyncio.run(_probe_all(place.relay.port, by_octet=by_octet))
    eventually(lambda: len(place.hop.heard) >= len(PROBES))

    assert [] == holes
    assert {b"MAIL FROM:<probe@corp.test>"} == _first_words(place.hop, b"MAIL")
    assert {b"RCPT TO:<lena@else.test>"} == _first_words(place.hop, b"RCPT")
    assert sorted(probe.content for probe in PROBES) == sorted(map(_content, place.hop.heard))


def _first_words(hop: NextHop, verb: bytes) -> set[bytes]:
    said = [command for one in hop.heard for command in one.commands if command.startswith(verb)]
    return {b" ".join(command.split()[:2]) for command in said}


def _content(heard: object) -> bytes:
    """As it was before our trace and the stuffing."""
    stuffed = heard.content + b"\r\n"  # type: ignore[attr-defined]
    return _meant(without_trace(stuffed.replace(b"\r\n.", b"\r\n")))


def _meant(content: bytes) -> bytes:
    """What the device said: a body with NUL leaves as base64, and no NUL ever stands on the wire."""
    assert b"\0" not in content
    head, _, body = content.partition(b"\r\n\r\n")
    return HEAD + base64.b64decode(body) if b"\r\nContent-Transfer-Encoding: base64" in head else content


def test_a_next_hop_that_we_did_not_write_agrees(tmp_path: Path) -> None:
    """aiosmtpd, too, hears one message for each variant."""
    with Sink() as sink, Relay(tmp_path, SMARTHOST.format(host=sink.address)) as relay:
        assert [] == asyncio.run(_probe_all(relay.port, by_octet=False))
        eventually(lambda: len(sink.delivered) >= len(PROBES))

    assert {("probe@corp.test", ("lena@else.test",))} == {
        (one.reverse_path, tuple(one.recipients)) for one in sink.delivered
    }
    assert sorted(probe.content for probe in PROBES) == sorted(
        _meant(without_trace(one.content)) for one in sink.delivered
    )


def test_no_cut_in_two_opens_a_hole() -> None:
    """Each variant, cut in two behind every octet around it: one message in, and no end but the last one out.

    NUL is left out in between, as it is where no part can be encoded.
    """
    start = len(HEAD)
    for probe in PROBES:
        for n in range(start, len(probe.wire) - len(HIDDEN)):
            decoder, encoder = ContentDecoder(), ContentEncoder()
            first, none = decoder.feed(probe.wire[:n])
            second, rest = decoder.feed(probe.wire[n:])
            pieces = [encoder.feed(block.replace(b"\0", b"")) for block in (first, second)]
            wire = b"".join((*pieces, encoder.finish()))

            assert (None, b"") == (none, rest), probe.name
            assert [len(wire)] == [found.end() for found in NAIVE.finditer(wire)], probe.name
            assert probe.content == first + second, probe.name


def test_the_machine_answers_no_hidden_command() -> None:
    """The same variants at the machine alone: one content is accepted, and behind its 250 nothing is answered."""
    for probe in PROBES:
        said, n_accepted = live([ENVELOPE, probe.wire])

        assert (1, b"250 2.6.0 queued as 1\r\n") == (
            n_accepted,
            said[-len(b"250 2.6.0 queued as 1\r\n") :],
        ), probe.name


def test_the_true_end_is_still_an_end() -> None:
    """The control: behind the real end the hidden commands are commands, so the harness would see them answered."""
    said, n_accepted = live([ENVELOPE, b"Subject: control\r\n\r\nbefore" + END + HIDDEN + END])

    assert (2, 2) == (n_accepted, said.count(b"354 "))


@pytest.mark.parametrize("end", [b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\0\r\n", b"\n.\n"])
def test_the_naive_next_hop_is_naive(end: bytes) -> None:
    """The other control: each sloppy end, sent as it is, makes two messages of one there."""
    hop = NextHop(end=NAIVE)
    with hop.in_thread():
        asyncio.run(_send_raw(hop.address, b"x" + end + HIDDEN + END))

        assert [b"MAIL FROM:<probe@corp.test>", b"MAIL FROM:<admin@corp.test>"] == [
            command for one in hop.heard for command in one.commands if command.startswith(b"MAIL")
        ]


async def _send_raw(address: str, content: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(ENVELOPE)
    await reader.readuntil(b"354 ")
    writer.write(content + b"QUIT\r\n")
    await asyncio.wait_for(reader.read(), ANSWER_S)
    writer.close()


def test_there_are_enough_variants() -> None:
    """At least the 56 that scanners know."""
    assert 56 <= len(PROBES) == len({probe.wire for probe in PROBES})
