"""A next hop inside the test's own loop: says yes to everything but what the test tells it, and counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

EHLO = "250-remote.test\r\n250-PIPELINING\r\n250 AUTH XOAUTH2 LOGIN"
YES = {
    "EHLO": EHLO, "AUTH": "235 2.7.0 ok", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok", "DATA": "354 go",
    ".": "250 2.0.0 taken", "RSET": "250 2.0.0 ok", "QUIT": "221 2.0.0 bye",
}  # fmt: skip


class Remote:
    """replies: VERB -> replies to give first, one each; then YES. hang_up_after: messages per connection."""

    def __init__(self) -> None:
        self.replies: dict[str, list[str]] = {}
        self.greeting = "220 remote.test ESMTP"
        self.hang_up_after = 0
        self.n_connections = self.n_open = 0
        self.verbs: list[str] = []
        self.lines: list[str] = []
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        self.n_open += 1
        self.writers.append(writer)
        n_taken = 0
        try:
            writer.write(f"{self.greeting}\r\n".encode())
            while line := await reader.readline():
                verb = line.split()[0].decode().upper()
                self.verbs.append(verb)
                self.lines.append(line.decode().rstrip())
                reply = self._reply(verb)
                writer.write(f"{reply}\r\n".encode())
                if verb == "DATA" and reply.startswith("354"):
                    await reader.readuntil(b"\r\n.\r\n")
                    n_taken += 1
                    writer.write(f"{self._reply('.')}\r\n".encode())
                    if n_taken == self.hang_up_after:
                        break
                if verb == "QUIT":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.n_open -= 1
            writer.close()

    def _reply(self, verb: str) -> str:
        waiting = self.replies.get(verb)
        return waiting.pop(0) if waiting else YES.get(verb, "502 5.5.1 no")


@asynccontextmanager
async def remote() -> AsyncIterator[Remote]:
    """A listening remote."""
    one = Remote()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for writer in one.writers:
            writer.close()
        await asyncio.sleep(0)
