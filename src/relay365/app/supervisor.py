"""The supervisor that started us: systemd hears when we are ready, that we live, and that we stop.

The protocol is one datagram of NAME=VALUE lines to the socket in NOTIFY_SOCKET (sd_notify(3)); without that variable
nobody listens, and nothing is said. The watchdog is fed from the event loop: a loop that hangs is killed and started
anew, and the queue is as durable as after any kill.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping

_LOG = logging.getLogger("relay365")


class Supervisor:
    """address: NOTIFY_SOCKET, "" for none. watchdog_s: within how long it wants to hear from us, 0.0 for never."""

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Supervisor:
        """From the environment of the process; a watchdog that is meant for another process is not ours."""
        meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        usec = environment.get("WATCHDOG_USEC", "")
        watchdog_s = int(usec) / 1e6 if meant and usec.isdigit() else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog_s)

    def ready(self, status: str) -> None:
        """Every socket listens. status: one line for `systemctl status`."""
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A changed file is being taken up; ready() says its end. (sd_notify(3): it wants the monotonic clock)"""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """No new sessions from now on."""
        self._say("STOPPING=1\nSTATUS=stopping: open sessions and deliveries end in order")

    async def live(self) -> None:
        """Say that we live, twice as often as is wanted, until cancelled; returns at once where nobody asks."""
        while self.watchdog_s > 0.0:
            self._say("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 2)

    def _say(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
                to.setblocking(False)
                to.sendto(text.encode(), self._address)
        except OSError as error:  # it is the supervisor's loss: mail goes on
            _LOG.warning("supervisor.unheard reason=%s", os.strerror(error.errno or 0))
