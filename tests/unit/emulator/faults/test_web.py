"""Bad manners over a real uvicorn on a real socket."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay365.emulator.faults.web import broken
from relay365.emulator.house.web import bind, port_of, serve_http


async def _exchange(how: str) -> bytes | str:
    """What a client hears that asks for one answer in this way; "reset" where the connection was reset."""

    async def endpoint(request: Request) -> Response:
        await request.body()
        return broken(how, JSONResponse({"key": "value"}))

    async with contextlib.AsyncExitStack() as stack:
        bound = bind("127.0.0.1", 0, 0)
        stack.callback(bound.close)
        await serve_http(stack, Starlette(routes=[Route("/", endpoint, methods=["POST"])]), bound, None)
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(bound))
        stack.callback(writer.close)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
        try:
            async with asyncio.timeout(2 if how == "silence" else 20):
                return await reader.read()
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return "silence"


@pytest.mark.parametrize("how", ["reset", "lost"])
def test_a_reset(how: str) -> None:
    """The client hears a reset and not an end."""
    assert "reset" == asyncio.run(_exchange(how))


def test_silence() -> None:
    """The client hears nothing until it has enough, and its going ends the request."""
    assert "silence" == asyncio.run(_exchange("silence"))


def test_half_an_answer() -> None:
    """The head promises the whole body, half of it comes, and the connection ends."""
    heard = asyncio.run(_exchange("truncated"))

    assert isinstance(heard, bytes)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"content-length: 15" in head.lower()
    assert b'{"key":' == body


def test_a_page() -> None:
    """A page comes with 200 and the type of HTML."""
    heard = asyncio.run(_exchange("html"))

    assert isinstance(heard, bytes)
    assert heard.startswith(b"HTTP/1.1 200")
    assert b"text/html" in heard
