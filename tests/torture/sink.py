"""A next hop in a process of its own that writes down what it took before it says 250.

`python -m torture.sink RECORD DELAY_S` listens on a free port of 127.0.0.1, says so in one JSON line, and appends one
line per message to RECORD: its name, the hash of its content without our trace, and its envelope; the 250 follows after
a delay. It outlives every death of the relay, so its record is what the other side of the promise has. It runs until
standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

from relay365.trial.mail import sha256_without_trace

_EHLO = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
_ANSWERS = {b"EHLO": _EHLO, b"HELO": b"250 ok\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}
_END = b"\r\n.\r\n"

Told = Callable[[bytes, Sequence[str]], Iterable[str]]
"""From a content and its paths to the lines of the record."""


def name_and_hash(content: bytes) -> tuple[str, str]:
    """What stands between < and @ of the Message-ID, and the hash without our trace."""
    name = content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode("ascii", "replace")
    return name or "?", sha256_without_trace(content)


def one_line(content: bytes, envelope: Sequence[str]) -> list[str]:
    """One for each message: name, hash, envelope."""
    return [f"{' '.join(name_and_hash(content))} {'>'.join(envelope)}"]


class _Session(asyncio.Protocol):
    """One connection: commands until DATA, content until its end."""

    def __init__(self, record: int, delay_s: float, told: Told) -> None:
        self._record, self._delay_s, self._told = record, delay_s, told
        self._transport: asyncio.Transport | None = None
        self._octets = bytearray()
        self._searched = 0
        self._in_content = False
        self._is_waiting = False
        self._envelope: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._octets += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._is_waiting and (answer := self._next_answer()):
            self._say(answer)

    def _say(self, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(answer)

    def _say_late(self) -> None:
        self._is_waiting = False
        self._say(b"250 2.0.0 taken\r\n")
        self._go_on()

    def _next_answer(self) -> bytes:
        """The reply to the next whole command; nothing while it is not whole, or after a content."""
        mark = _END if self._in_content else b"\r\n"
        end = self._octets.find(mark, self._searched)
        if end < 0:
            self._searched = max(0, len(self._octets) - len(mark))
            return b""
        taken = bytes(self._octets[: end + 2])
        del self._octets[: end + len(mark)]
        self._searched = 0
        if self._in_content:
            self._in_content = False
            return self._take(taken)
        verb = taken[:4].upper()
        if verb in (b"MAIL", b"RCPT"):
            self._envelope.append(
                taken.partition(b":")[2].split(b">")[0].decode("ascii", "replace").strip(" <")
            )
        self._in_content = verb == b"DATA"
        return _ANSWERS.get(verb, b"250 2.0.0 ok\r\n")

    def _take(self, stuffed: bytes) -> bytes:
        content = (b"\r\n" + stuffed).replace(b"\r\n..", b"\r\n.")[2:]
        lines = "".join(f"{line}\n" for line in self._told(content, self._envelope))
        os.write(self._record, lines.encode("ascii", "replace"))
        self._envelope = []
        self._is_waiting = True
        asyncio.get_running_loop().call_later(self._delay_s, self._say_late)
        return b""


async def serve(record_file: Path, delay_s: float, told: Told = one_line) -> None:
    """Until standard input ends."""
    record = os.open(record_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Session(record, delay_s, told), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201 - its ready line
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2])))
