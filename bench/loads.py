"""Loads that only the benchmarks need: a connection for each message, a steady pace, sessions that do nothing."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

_ENVELOPE = b"MAIL FROM:<bench@relay.example>\r\nRCPT TO:<sink@relay.example>\r\nDATA\r\n"
_PACED_SESSIONS = 8


class WrongReply(Exception):
    """A server did not say what it had to say; the text is what it said."""


async def fresh_connections(port: int, n_messages: int, content: bytes, n_at_once: int) -> float:
    """Send each message over a connection of its own, n_at_once at once; gives seconds."""
    left = n_messages
    began = time.perf_counter()

    async def device() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await _greet(reader, writer)
            await _send(reader, writer, content)
            writer.write(b"QUIT\r\n")
            await reader.read()
            writer.close()

    await asyncio.gather(*(device() for _ in range(n_at_once)))
    return time.perf_counter() - began


async def paced(port: int, per_second: int, seconds: int, content: bytes) -> list[float]:
    """Send at a steady pace over a few warm connections, each message stamped; gives milliseconds from dot to 250."""
    return [
        one.took_ms for one in await steadily(port, per_second, content, lambda n: n < per_second * seconds)
    ]


class Answer(NamedTuple):
    """One 250. at_mono: when it came; took_ms: since the final dot."""

    at_mono: float
    took_ms: float


async def steadily(
    port: int, per_second: int, content: bytes, goes_on: Callable[[int], bool]
) -> list[Answer]:
    """The same for as long as it is to go on, asked with the number of messages so far; gives every 250."""
    links = []
    for _ in range(_PACED_SESSIONS):
        link = await asyncio.open_connection("127.0.0.1", port)
        await _greet(*link)
        links.append(link)
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for link in links:
        free.put_nowait(link)
    answers: list[Answer] = []

    async def one() -> None:
        link = await free.get()
        took_ms = await _send(*link, content)
        answers.append(Answer(time.monotonic(), took_ms))
        free.put_nowait(link)

    began = time.monotonic()
    tasks: list[asyncio.Future[None]] = []
    while goes_on(len(tasks)):
        await asyncio.sleep(max(0.0, began + len(tasks) / per_second - time.monotonic()))
        tasks.append(asyncio.ensure_future(one()))
    await asyncio.gather(*tasks)
    for _, writer in links:
        writer.close()
    return answers


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _expect(reader, b"220")
    writer.write(b"EHLO bench.relay.example\r\n")
    await _expect(reader, b"250")


async def _send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> float:
    writer.write(_ENVELOPE)
    for code in (b"250", b"250", b"354"):
        await _expect(reader, code)
    stamp = time.monotonic()
    writer.write(f"X-Stamp: {stamp:.6f}\r\n".encode() + content + b".\r\n")
    await _expect(reader, b"250")
    return (time.monotonic() - stamp) * 1000


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(code):
            raise WrongReply(line.decode("utf-8", "replace"))
        if line[3:4] == b" ":
            return


@contextmanager
def idle_sessions(port: int, n: int, *, tls: bool) -> Iterator[None]:
    """n sessions that said EHLO (and STARTTLS) and nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # memory is measured here, not trust
    with ExitStack() as stack:
        for _ in range(n):
            client = smtplib.SMTP("127.0.0.1", port, timeout=60)
            stack.callback(client.close)
            client.ehlo("bench.relay.example")
            if tls:
                client.starttls(context=context)
        yield


def greeting_s(port: int, until: float) -> None:
    """Wait until a server on this port greets; raises TimeoutError."""
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0) as probe:
                if probe.recv(3) == b"220":
                    return
        except OSError:
            time.sleep(0.002)
    raise TimeoutError(f"no greeting on {port}")
