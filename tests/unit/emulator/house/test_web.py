"""HTTP servers on sockets that were bound before."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from relay365.emulator.house.web import bind, port_of, serve_http, shown


async def _hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def _ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def test_it_answers_until_the_stack_is_closed() -> None:
    """Once serve_http() has returned the application answers; behind the stack nothing does."""

    async def story() -> bytes:
        bound = bind("127.0.0.1", 0, 0)
        async with contextlib.AsyncExitStack() as stack:
            await serve_http(stack, Starlette(routes=[Route("/", _hello)]), bound, None)
            answer = await _ask(port_of(bound))
        with pytest.raises(ConnectionRefusedError):
            await _ask(port_of(bound) if bound.fileno() >= 0 else 1)
        return answer

    assert asyncio.run(story()).endswith(b"hello")


def test_which_port() -> None:
    """The last port is taken where it is free, any other where it is not; a wished one that is taken is an OSError."""
    with bind("127.0.0.1", 0, 0) as first:
        taken = port_of(first)
        with bind("127.0.0.1", 0, taken) as second:
            assert taken != port_of(second)
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", taken, 0)
    with bind("127.0.0.1", 0, taken) as third:
        assert taken == port_of(third)


def test_hosts_before_a_port() -> None:
    """An IPv6 address stands in brackets."""
    assert ("127.0.0.1", "[::1]") == (shown("127.0.0.1"), shown("::1"))
