"""Endpoint: /metrics, /healthz and /readyz over HTTP, for monitoring systems and load balancers.

A responder of its own instead of a web server: three fixed pages, GET and HEAD only, one request for each connection,
nothing of a request is used but its path. It takes octets only from who may ask, so many connections, and so long.
(RFC 9112 2 to 6; RFC 9110 9.3.1, 9.3.2, 15.5)
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from relay365.net.door import Network, holds
from relay365.net.stream import peer_of

MOST_CONNECTIONS = 50
HEAD_OCTETS = 8192
REQUEST_S = 5.0  # for the head of a request, as a whole
ANSWER_S = 10.0
TEXT = "text/plain; charset=utf-8"
_METHODS = ("GET", "HEAD")
_REASONS = {
    200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip


class Answer(NamedTuple):
    """One answer; body in octets."""

    status: int
    body: bytes
    kind: str = TEXT


Page = Callable[[], Awaitable[Answer]]


class Endpoint:
    """open() listens, close() ends. pages: by path. allow: who may ask."""

    def __init__(self, pages: Mapping[str, Page], allow: tuple[Network, ...]) -> None:
        self._pages, self._allow = pages, allow
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self, host: str, port: int) -> str:
        """Listen; gives the address with the real port. Raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_OCTETS)
        bound = self._server.sockets[0].getsockname()
        return f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"

    def follow(self, pages: Mapping[str, Page], allow: tuple[Network, ...]) -> None:
        """Answer with these, and to these, from now on."""
        self._pages, self._allow = pages, allow

    async def close(self) -> None:
        """Listen no more, and cut what is open."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. One that is too many is cut: whoever asks again in fifteen seconds loses nothing."""
        if len(self._open) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            is_head, answer = await self._answer(reader, writer)
            async with asyncio.timeout(ANSWER_S):
                writer.write(_encode(answer, with_body=not is_head))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, TimeoutError):  # the peer is gone, or does not read
            writer.transport.abort()
        finally:
            self._open.discard(writer)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[bool, Answer]:
        """(whether it was HEAD, the answer)."""
        if not self._may_ask(peer_of(writer.get_extra_info("peername"))[0]):
            return False, Answer(403, b"this address may not ask: [metrics] allow names those that may\n")
        try:
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            return False, Answer(408, b"no whole request came in time\n")
        except asyncio.LimitOverrunError:
            return False, Answer(431, b"the request is too long\n")
        except asyncio.IncompleteReadError:
            return False, Answer(400, b"the request has no end\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not words[1].startswith("/"):
            return False, Answer(400, b"this is no request of HTTP/1.1\n")
        return words[0] == "HEAD", await self._page(words[0], words[1].partition("?")[0])

    async def _page(self, method: str, path: str) -> Answer:
        page = self._pages.get(path)
        if page is None:
            return Answer(404, f"there is {', '.join(self._pages)}\n".encode())
        if method not in _METHODS:
            return Answer(405, b"GET or HEAD\n")
        try:
            async with asyncio.timeout(ANSWER_S):
                return await page()
        except TimeoutError:
            return Answer(503, b"there was no answer in time\n")

    def _may_ask(self, address: str) -> bool:
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
                return True
        return holds(self._allow, address)


def _encode(answer: Answer, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}", f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.body)}", "Connection: close", "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    ]  # fmt: skip
    lines += ["Allow: GET, HEAD"] if answer.status == 405 else []
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (answer.body if with_body else b"")
