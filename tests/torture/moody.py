"""A next hop of changing moods, as a process: it defers, stalls, hangs up, and is away for seconds of each minute.

`python -m torture.moody RECORD SEED` speaks and records as torture.sink does: a message is written down only when it is
answered 250, so what it broke off may be sent once more without being a duplicate. Recipients called nobody are refused
for good. It runs until standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from relay365.trial.mail import sha256_without_trace

PERIOD_S, AWAY_S = 60.0, 4.0
STALL_S = 1.0
MOODS = {
    "well": 0.86, "mail": 0.03, "rcpt": 0.03, "data": 0.02, "dot": 0.02,
    "stall": 0.02, "hang-up": 0.01, "after-dot": 0.01,
}  # fmt: skip
"""How often which mood comes over it, message by message."""

_EHLO = b"250-moody.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n"
_DEFERRED = {
    "mail": b"452 4.3.1 Not now\r\n", "rcpt": b"451 4.2.1 Try again\r\n", "data": b"451 4.3.0 Aborted\r\n",
    "dot": b"451 4.3.2 Try again\r\n",
}  # fmt: skip
_MOST_LINE = 200_000


class _HungUp(Exception):
    """The connection is to be broken off now."""


class _Line:
    """One connection: a mood for each message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: int) -> None:
        self._reader, self._writer, self._record = reader, writer, record
        self._mood, self._envelope = "well", [""]
        self._verbs: dict[bytes, Callable[[bytes], Awaitable[bytes]]] = {
            b"MAIL": self._mail, b"RCPT": self._rcpt, b"DATA": self._data,
        }  # fmt: skip

    async def serve(self, dice: random.Random) -> None:
        """The conversation, until it ends or a mood ends it."""
        if time.monotonic() % PERIOD_S < AWAY_S:
            self._writer.write(b"421 4.3.2 I am away\r\n")
            return
        self._writer.write(b"220 moody.test ESMTP\r\n")
        while line := await self._reader.readline():
            verb = line[:4].upper()
            if verb == b"MAIL":
                (self._mood,) = dice.choices(list(MOODS), list(MOODS.values()))
            act = self._verbs.get(verb)
            answer = await act(line) if act else (_EHLO if verb == b"EHLO" else b"250 2.0.0 ok\r\n")
            self._writer.write(answer)
            await self._writer.drain()
            if verb == b"QUIT":
                return

    async def _mail(self, line: bytes) -> bytes:
        self._envelope = [_path(line)]
        return _DEFERRED["mail"] if self._mood == "mail" else b"250 2.1.0 ok\r\n"

    async def _rcpt(self, line: bytes) -> bytes:
        path = _path(line)
        if path.startswith("nobody@"):
            return b"550 5.1.1 User unknown\r\n"
        if self._mood in ("mail", "rcpt"):
            return _DEFERRED["rcpt"]
        self._envelope.append(path)
        return b"250 2.1.5 ok\r\n"

    async def _data(self, line: bytes) -> bytes:
        if self._mood == "data" or len(self._envelope) == 1:
            return _DEFERRED["data"]
        self._writer.write(b"354 go on\r\n")
        lines = []
        while (octets := await self._reader.readline()) != b".\r\n":
            if not octets or self._mood == "hang-up":
                raise _HungUp
            lines.append(octets[1:] if octets.startswith(b".") else octets)
        if self._mood == "after-dot":
            raise _HungUp
        if self._mood == "dot":
            return _DEFERRED["dot"]
        if self._mood == "stall":
            await asyncio.sleep(STALL_S)
        self._take(b"".join(lines))
        return b"250 2.0.0 taken\r\n"

    def _take(self, content: bytes) -> None:
        name = content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode("ascii", "replace")
        words = f"{name or '?'} {sha256_without_trace(content)} {'>'.join(self._envelope)}\n"
        os.write(self._record, words.encode("ascii", "replace"))


def _path(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode("ascii", "replace")


async def _serve(record_file: Path, seed: int) -> None:
    record = os.open(record_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    dice = random.Random(seed)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Line(reader, writer, record).serve(dice)
        except (_HungUp, ConnectionError):
            writer.transport.abort()
        finally:
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0, limit=_MOST_LINE)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201 - its ready line
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(float(sys.argv[2]))))
