"""Syslog: one line for each alert, as RFC 5424 6 has it, by UDP (RFC 5426), TCP (RFC 6587 3.4.1) or a Unix socket.

UDP knows no answer: what is sent counts as told. A digest is not sent; it has many lines.
"""

from __future__ import annotations

import asyncio
import os
import socket
from urllib.parse import urlsplit

from relay365.engine.alerts.telling import DIGEST, ChannelFailed, Message, instant

MAIL_FACILITY = 2
SEND_S = 10.0
UDP_OCTETS = 1024  # RFC 5426 3.2: 480 must, 2048 should be taken
_LEVELS = {"critical": 2, "warning": 4, "info": 6}


class SyslogLine:
    """A Channel (engine.alerts.telling). address: udp://host:port, tcp://host:port or unix:///path."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self._address, self._where = address, urlsplit(address)

    async def tell(self, message: Message) -> None:
        """See Channel."""
        if message.state == DIGEST:
            return
        octets = line_of(message, os.getpid())
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(octets)
        except TimeoutError as error:
            raise ChannelFailed(f"{self._address} did not take it in {SEND_S:.0f} s") from error
        except (OSError, UnicodeError) as error:  # the latter: a name that cannot be written for DNS
            raise ChannelFailed(f"{self._address}: {getattr(error, 'strerror', None) or error}") from error

    async def _send(self, octets: bytes) -> None:
        loop = asyncio.get_running_loop()
        if self._where.scheme == "unix":
            await asyncio.to_thread(_to_unix, self._where.path, octets)
        elif self._where.scheme == "udp":
            where = (self._where.hostname or "", self._where.port or 514)
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=where)
            transport.sendto(octets[:UDP_OCTETS])
            transport.close()
        else:
            _, writer = await asyncio.open_connection(self._where.hostname, self._where.port)
            try:
                writer.write(str(len(octets)).encode() + b" " + octets)
                await writer.drain()
            finally:
                writer.close()
            await writer.wait_closed()


def _to_unix(path: str, octets: bytes) -> None:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("this system has no Unix sockets")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.settimeout(SEND_S)
        out.connect(path)
        out.send(octets)


def line_of(message: Message, pid: int) -> bytes:
    """One message of RFC 5424: header, no structured data, text; a BOM where the text is not ASCII (6.4)."""
    host = "".join(c for c in message.relay if 33 <= ord(c) <= 126)[:255] or "-"
    priority = MAIL_FACILITY * 8 + _LEVELS[message.severity]
    header = f"<{priority}>1 {instant(message.at)} {host} relay365 {pid} {message.state} - "
    words = f"[{message.key}] " + "; ".join(" ".join(line.split()) for line in message.lines)
    text = "".join(c if c.isprintable() else "?" for c in words)
    return header.encode("ascii") + (b"" if text.isascii() else b"\xef\xbb\xbf") + text.encode()
