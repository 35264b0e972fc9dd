"""A next hop in the test's own loop or thread, strict or naive about where a content ends; it remembers what it heard.

The naive one takes for an end of data whatever any careless server has ever taken for one: then a message that left
us with a hidden end would be two messages here. The rest of its manners is good.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STRICT = re.compile(rb"\r\n\.\r\n")
NAIVE = re.compile(rb"(?:\r\n|\r|\n)\0*\.[\0 \t]*(?:\r\n|\r|\n)")
_HELD_BACK = 80  # so much of a content is looked at again, for an end that is cut
_REPLIES = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
_EHLO = b"250-nexthop.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"


@dataclass
class Heard:
    """One message: the commands since the last one, and the content up to what was taken for its end, stuffed."""

    commands: list[bytes]
    content: bytes


@dataclass
class NextHop:
    """Counts and remembers. keeps_contents: False keeps heads only. drops: an octet string that makes it hang up."""

    end: re.Pattern[bytes] = STRICT
    keeps_contents: bool = True
    drops: bytes = b""
    heard: list[Heard] = field(default_factory=list)
    verbs: list[bytes] = field(default_factory=list)
    address: str = ""
    _lines: set[_Line] = field(default_factory=set)

    async def listen(self) -> asyncio.Server:
        """Listen on a free port of 127.0.0.1."""
        server = await asyncio.get_running_loop().create_server(
            lambda: _Line(self), "127.0.0.1", 0, backlog=1024
        )
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    @property
    def n_open(self) -> int:
        """Open connections."""
        return len(self._lines)

    def hang_up(self) -> None:
        """Close every connection."""
        for line in list(self._lines):
            line.close()

    @contextmanager
    def in_thread(self) -> Iterator[NextHop]:
        """Run in a thread with a loop of its own, for tests that have none."""
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(self.listen())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(self.hang_up)
            loop.call_soon_threadsafe(loop.call_later, 0.05, loop.stop)
            thread.join()
            loop.run_until_complete(server.wait_closed())
            loop.close()


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, hop: NextHop) -> None:
        self._hop = hop
        self._transport: asyncio.Transport | None = None
        self._octets = bytearray()
        self._commands: list[bytes] = []
        self._content: bytearray | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._hop._lines.add(self)
        transport.write(b"220 nexthop.test ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._hop._lines.discard(self)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._hop.drops and self._content is not None and self._hop.drops in self._octets[-99:] + data:
            self._transport.abort()
            return
        self._octets += data
        while self._read_content() if self._content is not None else self._read_command():
            pass

    def _read_content(self) -> bool:
        assert self._transport is not None
        assert self._content is not None
        end = self._hop.end.search(self._octets)
        if end is None:
            n_done = max(0, len(self._octets) - _HELD_BACK)
            self._content += self._octets[: n_done if self._hop.keeps_contents else min(n_done, 500)]
            del self._octets[:n_done]
            return False
        self._content += self._octets[: end.start()]
        kept = self._content[2 : None if self._hop.keeps_contents else 500]
        self._hop.heard.append(Heard(self._commands, bytes(kept)))
        del self._octets[: end.end()]
        self._commands, self._content = [], None
        self._transport.write(b"250 2.0.0 taken\r\n")
        return True

    def _read_command(self) -> bool:
        """A line ends at LF, and for the naive at CR, too: what hides behind a false end must look like commands."""
        assert self._transport is not None
        found = re.search(rb"\r\n|\n|\r" if self._hop.end is NAIVE else rb"\r\n", self._octets)
        if found is None:
            return False
        line = bytes(self._octets[: found.start()])
        del self._octets[: found.end()]
        verb = line[:4].upper()
        self._hop.verbs.append(verb)
        self._commands.append(line)
        if verb == b"DATA":
            self._content = bytearray()
            self._octets[:0] = b"\r\n"  # the first octet of a content stands at the beginning of a line
        self._transport.write(_EHLO if verb == b"EHLO" else _REPLIES.get(verb, b"250 2.0.0 OK\r\n"))
        if verb == b"QUIT":
            self._transport.close()
        return True
