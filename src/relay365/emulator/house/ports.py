"""The SMTP ports: they open, refuse and swallow connections as the moods say, now and when the next mood ends."""

from __future__ import annotations

import asyncio
import contextlib

from relay365.emulator.exchange.listener import Listener
from relay365.emulator.exchange.session import Reception
from relay365.emulator.moods import Moods


class Ports:
    """The listeners by service. follow() whenever a mood came or went; settled() waits until they obey."""

    def __init__(self, moods: Moods) -> None:
        self.listeners: dict[str, Listener] = {}
        self._moods = moods
        self._alarm: asyncio.TimerHandle | None = None
        self._moving: dict[str, asyncio.Task[None]] = {}

    def add(self, reception: Reception, host: str, wished: int, last: int) -> None:
        """Hold a port for a service: the wished one, or the last one where it is free, or any. Raises OSError."""
        self.listeners[reception.judge.service] = _listener(reception, host, wished, last)

    def follow(self) -> None:
        """See to it that every port does what the moods say, now and when the next mood ends."""
        loop = asyncio.get_running_loop()
        for service, listener in self.listeners.items():
            if self._moods.find("outage", service=service, how="refuse"):
                listener.shut()
            elif self._moods.find("outage", service=service, how="blackhole"):
                listener.swallow()
            else:
                listener.wish()
                moving = self._moving.get(service)
                if moving is None or moving.done():
                    self._moving[service] = loop.create_task(listener.obey())
        if self._alarm is not None:
            self._alarm.cancel()
        next_s = self._moods.next_end_s()
        if next_s is not None:
            self._alarm = loop.call_later(next_s + 0.001, self.follow)

    async def settled(self) -> None:
        """Wait until the ports do what the moods say; raises OSError where one cannot be opened."""
        for moving in list(self._moving.values()):
            await moving

    async def close(self) -> None:
        """Follow moods no more, and end everything."""
        if self._alarm is not None:
            self._alarm.cancel()
        with contextlib.suppress(OSError):
            await self.settled()
        for listener in self.listeners.values():
            await listener.close()


def _listener(reception: Reception, host: str, wished: int, last: int) -> Listener:
    for port in (wished or last, wished):
        with contextlib.suppress(OSError):
            return Listener(reception, host, port)
    return Listener(reception, host, wished)
