"""A next hop that notes how old each message is when its final dot comes, by the X-Stamp field (monotonic seconds).

It says its port in one JSON line; each line on standard input is answered with the ages so far, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import cast

_STAMP = re.compile(rb"^X-Stamp: ([0-9.]+)", re.MULTILINE)
_END = b"\r\n.\r\n"
_EHLO = b"250-sink.bench.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"


class _Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, ages_ms: list[float]) -> None:
        self._ages_ms = ages_ms
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._in_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink.bench.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        octets, answers = self._rest + data, []
        while octets:
            content, found, rest = octets.partition(_END if self._in_content else b"\r\n")
            if not found:
                break
            octets = rest
            if self._in_content:
                self._in_content = False
                stamp = _STAMP.search(content)
                self._ages_ms.append((now - float(stamp[1])) * 1000 if stamp else -1.0)
                answers.append(b"250 2.0.0 taken\r\n")
            else:
                verb = content[:4].upper()
                self._in_content = verb == b"DATA"
                answers.append({b"EHLO": _EHLO, b"DATA": b"354 go on\r\n"}.get(verb, b"250 2.0.0 OK\r\n"))
        self._rest = octets
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))


async def _serve() -> None:
    ages_ms: list[float] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Sink(ages_ms), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(ages_ms), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_serve())
