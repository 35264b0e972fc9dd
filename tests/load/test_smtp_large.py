"""Large scans by SMTP: every octet arrives, in chunks or stuffed, and memory does not follow the size."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import Iterator

import pytest

from fakes.content import Made, consignment
from relay365.mail.outcome import Kind, Outcome
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.wire.pool import Judges, Pool
from relay365.routes.wire.remote import Remote

LINE = b"." + bytes(range(48, 48 + 75)) + b"\r\n"
LINES_PER_BLOCK = 2600  # 200 KiB, as a spool gives them


class Sink:
    """A next hop that keeps the sum of what it got and nothing else."""

    def __init__(self, *offers: str) -> None:
        self._offers = offers
        self.sum, self.n_octets, self.n_chunks = hashlib.sha256(), 0, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb, *words = line.split()
            if verb == b"BDAT":
                await self._chunk(reader, int(words[0]))
                writer.write(b"250 chunk\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                await self._data(reader)
                writer.write(b"250 taken\r\n")
            elif verb == b"EHLO":
                writer.write(b"".join(f"250-{offer}\r\n".encode() for offer in self._offers) + b"250 DSN\r\n")
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    async def _chunk(self, reader: asyncio.StreamReader, n_left: int) -> None:
        self.n_chunks += 1
        while n_left:
            octets = await reader.read(min(n_left, 65_536))
            n_left -= len(octets)
            self._take(octets)

    async def _data(self, reader: asyncio.StreamReader) -> None:
        while (line := await reader.readline()) != b".\r\n":
            self._take(line.removeprefix(b"."))

    def _take(self, octets: bytes) -> None:
        self.sum.update(octets)
        self.n_octets += len(octets)


def scan(n_lines: int) -> Iterator[bytes]:
    yield b"Subject: scan\r\n\r\n"
    for at in range(0, n_lines, LINES_PER_BLOCK):
        yield LINE * min(LINES_PER_BLOCK, n_lines - at)


def deliver(sink: Sink, content: Made) -> tuple[Outcome, int]:
    """The outcome, and the most octets that were held meanwhile."""

    async def run() -> tuple[Outcome, int]:
        server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
        remote = Remote("127.0.0.1", server.sockets[0].getsockname()[1], "relay.test", "none")
        pool = Pool(remote, None, Judges(outcome_of, outcome_of_token))
        tracemalloc.start()
        try:
            (outcome,) = await pool.deliver(consignment(content, trace=b""))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await pool.close()
        server.close()
        return outcome, most

    return asyncio.run(run())


@pytest.mark.parametrize("n_megabytes", [10, 40])
@pytest.mark.parametrize("offers", [("PIPELINING", "CHUNKING"), ("CHUNKING",), ("PIPELINING",)])
def test_a_large_scan_goes_with_memory_bounded(offers: tuple[str, ...], n_megabytes: int) -> None:
    """Every octet arrives once, and less than 4 MB are held, whatever the size; the fake's buffers included."""
    n_lines = n_megabytes * 1_000_000 // len(LINE)
    content, sink, expected = Made(lambda: scan(n_lines)), Sink("x", *offers), hashlib.sha256()
    for block in scan(n_lines):
        expected.update(block)
    outcome, most = deliver(sink, content)

    assert (Kind.DELIVERED, content.size_octets) == (outcome.kind, sink.n_octets)
    assert expected.hexdigest() == sink.sum.hexdigest()
    assert ("CHUNKING" in offers) == (sink.n_chunks > n_megabytes)
    assert most < 4_000_000
