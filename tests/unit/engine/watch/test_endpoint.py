"""The endpoint among rude clients: real sockets, whatever they say, and however slowly."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

import pytest

from relay365.engine.watch import endpoint as tested
from relay365.engine.watch.endpoint import MOST_CONNECTIONS, Answer, Endpoint

Work = Callable[[str, int], Awaitable[None]]
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


async def _metrics() -> Answer:
    return Answer(200, b"a 1\n")


async def _unwell() -> Answer:
    return Answer(503, b"the service is stopping\n")


async def _never() -> Answer:
    await asyncio.sleep(3600)
    raise AssertionError


PAGES = {"/metrics": _metrics, "/readyz": _unwell, "/slow": _never}


def _with_endpoint(work: Work) -> None:
    async def go() -> None:
        endpoint = Endpoint(PAGES, ())
        host, _, port = (await endpoint.open("127.0.0.1", 0)).rpartition(":")
        try:
            await work(host, int(port))
        finally:
            await endpoint.close()

    asyncio.run(go())


async def _ask(host: str, port: int, octets: bytes, *, at_end: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(octets)
    if at_end:
        writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 10.0)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (GET, b"200 OK"),
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", b"200 OK"),
        (b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", b"503 Service Unavailable"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"404 Not Found"),
        (b"GET /metrics/../secret HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET http://x/metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET /metrics HTTP/2\r\n\r\n", b"400 Bad Request"),
        (b"EHLO printer\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400 Bad Request"),
        (b"\xff\xfe GET\r\n\r\n", b"400 Bad Request"),
        (b"\r\n\r\n", b"400 Bad Request"),
    ],
)
def test_whatever_is_asked_gets_one_answer(octets: bytes, status: bytes) -> None:
    """Requests that are none, too; the connection ends after each."""

    async def work(host: str, port: int) -> None:
        answer = await _ask(host, port, octets)
        assert answer.startswith(b"HTTP/1.1 " + status), answer
        assert b"Connection: close" in answer

    _with_endpoint(work)


def test_a_whole_page_has_its_length_and_head_has_no_body() -> None:
    """RFC 9110 9.3.2: HEAD is GET without the content."""

    async def work(host: str, port: int) -> None:
        head, _, body = (await _ask(host, port, GET)).partition(b"\r\n\r\n")
        assert b"a 1\n" == body
        assert b"Content-Length: 4" in head
        answer = await _ask(host, port, GET.replace(b"GET", b"HEAD"))
        assert (head + b"\r\n\r\n") == answer

    _with_endpoint(work)


def test_a_request_without_end_is_refused() -> None:
    """Too long, or over before it was whole."""

    async def work(host: str, port: int) -> None:
        long = b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n"
        assert (await _ask(host, port, long)).startswith(b"HTTP/1.1 431 ")
        assert (await _ask(host, port, b"GET /metr", at_end=True)).startswith(b"HTTP/1.1 400 ")

    _with_endpoint(work)


def test_who_says_nothing_is_sent_away_and_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow client gets 408 in its time; another one is served meanwhile."""
    monkeypatch.setattr(tested, "REQUEST_S", 0.3)

    async def work(host: str, port: int) -> None:
        silent = asyncio.ensure_future(_ask(host, port, b"GET /metr"))
        assert (await _ask(host, port, GET)).endswith(b"a 1\n")
        assert not silent.done()
        assert (await silent).startswith(b"HTTP/1.1 408 ")

    _with_endpoint(work)


def test_a_page_that_does_not_come_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that does not answer must not leave a monitoring system waiting."""
    monkeypatch.setattr(tested, "ANSWER_S", 0.2)

    async def work(host: str, port: int) -> None:
        answer = await _ask(host, port, b"GET /slow HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")

    _with_endpoint(work)


def test_a_hundred_connections_do_not_starve_those_that_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first fifty are kept, the others are cut at once; when they have timed out, whoever asks is served."""
    monkeypatch.setattr(tested, "REQUEST_S", 0.5)

    async def work(host: str, port: int) -> None:
        async def stand(n: int) -> bytes:
            try:
                return await _ask(host, port, b"G")
            except OSError:
                return b""

        answers = await asyncio.gather(*(stand(n) for n in range(100)))
        assert MOST_CONNECTIONS == sum(one.startswith(b"HTTP/1.1 408 ") for one in answers)
        assert 50 == answers.count(b"")
        assert (await _ask(host, port, GET)).endswith(b"a 1\n")

    _with_endpoint(work)


def test_many_at_once_are_all_served() -> None:
    """Forty scrapes at the same moment."""

    async def work(host: str, port: int) -> None:
        answers = await asyncio.gather(*(_ask(host, port, GET) for _ in range(40)))
        assert all(one.endswith(b"a 1\n") for one in answers)

    _with_endpoint(work)


def test_only_who_is_named_may_ask() -> None:
    """This machine may always; others only from a network of the file."""
    allowed = Endpoint({}, (ipaddress.ip_network("192.0.2.0/24"),))
    nobody = Endpoint({}, ())

    assert [True, True, True, False] == [
        allowed._may_ask(one) for one in ("127.0.0.1", "::1", "192.0.2.9", "198.51.100.1")
    ]
    assert [True, False, False] == [nobody._may_ask(one) for one in ("127.0.0.1", "192.0.2.9", "")]
