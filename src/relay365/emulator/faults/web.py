"""Bad manners over HTTP, as responses: a page where JSON was due, an answer that breaks off, a connection that ends.

What they need of the server stands only here: the transport of a request is reached through uvicorn's request cycle.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

LONGEST_SILENCE_S = 600.0
_PAGE = "<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"


def page(status: int, title: str = "Service unavailable") -> Response:
    """An HTML page, as a proxy or a gateway gives it."""
    return HTMLResponse(_PAGE.format(title=title), status)


class Truncated(Response):
    """An answer whose body breaks off in its middle, with the length of the whole in its header."""

    def __init__(self, whole: Response) -> None:
        super().__init__(bytes(whole.body), whole.status_code, dict(whole.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half of it, then end the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        transport = _transport(receive)
        transport.close()
        await _gone(receive)


class Reset(Response):
    """No answer: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset the connection."""
        transport = _transport(receive)
        found = transport.get_extra_info("socket")
        at_once = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            if os.name == "nt":  # a socket is no file there (os.dup)
                found.setsockopt(*at_once)
            else:
                with socket.socket(fileno=os.dup(found.fileno())) as twin:
                    twin.setsockopt(*at_once)
        transport.abort()
        await _gone(receive)


class Silence(Response):
    """No answer, and the connection stays open until the client has enough."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the client to go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SILENCE_S):
                await _gone(receive)
        await Reset()(scope, receive, send)


def broken(how: str, answer: JSONResponse | Response) -> Response:
    """The answer in one of the ways `truncated`, `html`, `silence`, `reset` or `lost`."""
    match how:
        case "truncated":
            return Truncated(answer)
        case "html":
            return page(200)
        case "silence":
            return Silence()
        case _:
            return Reset()


def _transport(receive: Receive) -> Any:
    """The connection of a request; raises TypeError where the server is not uvicorn."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise TypeError("the connection of this server cannot be reached")
    return transport


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
