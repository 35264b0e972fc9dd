"""A load of SMTP sessions, as cheap as Python can make it, so that the server and not the client is measured.

Each session keeps one connection and sends one message after the other, the envelope in one write (RFC 2920). What
counts is the 250 to the final dot, read from the wire; any other reply ends the run with LoadRefused.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from relay365.errors import Relay365Error

_EHLO = b"EHLO bench.relay.example\r\n"
_ENVELOPE = b"MAIL FROM:<bench@relay.example>\r\nRCPT TO:<sink@relay.example>\r\nDATA\r\n"


class LoadRefused(Relay365Error):
    """The server did not take what it was to take; the text is what it said."""


@dataclass(slots=True)
class LoadResult:
    """What a load has seen: messages answered 250; seconds from the first connect to the last 250; and for each
    message the seconds from its final dot to its 250.
    """

    n_messages: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.n_messages / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Milliseconds within which this share of the final dots was answered."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000 if ordered else 0.0


async def run_load(
    address: tuple[str, int], *, n_messages: int, content: bytes, n_sessions: int, deadline_s: float = 300.0
) -> LoadResult:
    """Send n_messages over at most n_sessions connections.

    content: as it goes behind DATA, CRLF lines, dots stuffed, without the end.
    Raises LoadRefused, OSError, TimeoutError.
    """
    loop = asyncio.get_running_loop()
    load = _Load(n_messages, n_messages, content + b".\r\n", LoadResult(), loop.create_future())
    began = time.perf_counter()
    sessions = [
        loop.create_connection(lambda: _Session(load), *address) for _ in range(min(n_sessions, n_messages))
    ]
    transports = [transport for transport, _ in await asyncio.gather(*sessions)]
    try:
        await asyncio.wait_for(load.done, deadline_s)
    finally:
        load.result.seconds = time.perf_counter() - began
        for transport in transports:
            transport.abort()
    return load.result


@dataclass(slots=True)
class _Load:
    """What all sessions share."""

    n_unsent: int
    n_unanswered: int
    ending: bytes
    result: LoadResult
    done: asyncio.Future[None]

    def answered(self, latency_s: float) -> None:
        self.result.latencies_s.append(latency_s)
        self.result.n_messages += 1
        self.n_unanswered -= 1
        if not self.n_unanswered and not self.done.done():
            self.done.set_result(None)

    def failed(self, text: str) -> None:
        if not self.done.done():
            self.done.set_exception(LoadRefused(text))


class _Step(Enum):
    """What a session waits for."""

    GREETING = "greeting"
    EHLO = "ehlo"
    ENVELOPE = "envelope"
    DOT = "dot"
    NOTHING = "nothing"


_AWAITED: dict[_Step, tuple[bytes, ...]] = {
    _Step.GREETING: (b"220",),
    _Step.EHLO: (b"250",),
    _Step.ENVELOPE: (b"250", b"250", b"354"),
    _Step.DOT: (b"250",),
    _Step.NOTHING: (),
}


class _Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._step, self._n_replies = _Step.GREETING, 0
        self._dot_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._step is not _Step.NOTHING:
            self._load.failed(f"connection lost: {exc or 'the server closed it'}")

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        lines = (self._rest + data).split(b"\r\n")
        self._rest = lines.pop()
        for line in lines:
            if line[3:4] == b"-":
                continue
            awaited = _AWAITED[self._step]
            if not awaited or line[:3] != awaited[self._n_replies]:
                self._load.failed(line.decode("utf-8", "replace"))
                return
            self._n_replies += 1
            if self._n_replies == len(awaited):
                self._go_on()

    def _go_on(self) -> None:
        match self._step:
            case _Step.GREETING:
                self._say(_EHLO, _Step.EHLO)
            case _Step.ENVELOPE:
                self._dot_at = time.perf_counter()
                self._say(self._load.ending, _Step.DOT)
            case _:
                if self._step is _Step.DOT:
                    self._load.answered(time.perf_counter() - self._dot_at)
                self._next_message()

    def _next_message(self) -> None:
        if self._load.n_unsent:
            self._load.n_unsent -= 1
            self._say(_ENVELOPE, _Step.ENVELOPE)
        else:
            self._step = _Step.NOTHING

    def _say(self, octets: bytes, step: _Step) -> None:
        self._step, self._n_replies = step, 0
        if self._transport is not None:
            self._transport.write(octets)
