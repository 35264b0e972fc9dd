"""A next hop that takes everything, counts it and forgets it, as cheap as Python can make it.

`python -m relay365.trial.sink [PORT]` listens on 127.0.0.1, on a free port where none is named, says so in one JSON
line, and answers each line on standard input with one JSON line that has the number of messages so far. It believes
its client: for trials only.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

_GREETING = b"220 sink.relay.example ESMTP\r\n"
_EHLO = (
    b"250-sink.relay.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
)
_END = b"\r\n.\r\n"
_ANSWERS = {b"EHLO": _EHLO, b"HELO": b"250 OK\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}


class Counter:
    """How many messages have come."""

    n_messages = 0


class _Sink(asyncio.Protocol):
    """One connection: commands until DATA, content until its end."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._in_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        octets, answers = self._rest + data, []
        while octets:
            if self._in_content:
                end = octets.find(_END)
                if end < 0:
                    octets = octets[-4:]
                    break
                octets, self._in_content = octets[end + len(_END) :], False
                self._counter.n_messages += 1
                answers.append(b"250 2.0.0 taken\r\n")
            else:
                line, found, rest = octets.partition(b"\r\n")
                if not found:
                    break
                octets, verb = rest, line[:4].upper()
                self._in_content = verb == b"DATA"
                answers.append(_ANSWERS.get(verb, b"250 2.0.0 OK\r\n"))
        self._rest = octets
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))


async def _serve(port: int) -> None:
    counter, loop = Counter(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Sink(counter), "127.0.0.1", port, backlog=1024)
    print(json.dumps({"event": "ready", "port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps({"messages": counter.n_messages}), flush=True)  # noqa: T201


def main() -> None:
    """Run until standard input ends."""
    from relay365.net.loop import loop_factory

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))


if __name__ == "__main__":
    main()
