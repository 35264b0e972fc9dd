"""A talk: one SMTP conversation from the client's side, with a transcript that tells how long everything took.

Apart from the relay's own lines (routes.wire.line), which deliver and are pooled: this one stops after every reply, may
speak to who is not trusted, because somebody wants to see the certificate, and can be a device that is not quite right.
A secret never reaches the transcript. (RFC 5321 4.1, 4.2; RFC 3207)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relay365.doctor.wire.shown import certificates_of
from relay365.errors import RemoteProtocolError, TransportError
from relay365.mail.status import Reply
from relay365.net.handshake import describe_tls_error
from relay365.smtp.client import ClientSession, ReplyReceived, Step

CONNECT_S = 10.0
REPLY_S = 30.0  # a front end of Exchange takes its time with AUTH and with strangers
BLOCK_OCTETS = 64 * 1024

Bend = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript. at_s: seconds since the connection was asked for; side: client, server or note."""

    at_s: float
    side: str
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a handshake came to: version, cipher, and the certificates that the server sent (DER), its own first."""

    version: str
    cipher: str
    certificates: tuple[bytes, ...]


class Talk:
    """One connection. machine knows what was offered. bend: changes commands on their way out."""

    def __init__(self, bend: Bend = bytes) -> None:
        self.machine = ClientSession()
        self.entries: list[Entry] = []
        self.shown: Shown | None = None
        self.own_address = ""
        self._bend = bend
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._began = asyncio.get_running_loop().time()

    # -- beginning and end ----------------------------------------------------------------------------------------

    async def connect(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, source: str = "", name: str = ""
    ) -> None:
        """Connect, with TLS at once where a context is given. name: what the certificate should say, default: host.

        source: our own address to come from. Raises TransportError with phase resolve, connect or tls.
        """
        self._began = asyncio.get_running_loop().time()
        options: dict[str, Any] = {"ssl": tls, "server_hostname": name or host} if tls is not None else {}
        if source:
            options |= {"local_addr": (source, 0), "family": socket.AF_INET}
        try:
            async with asyncio.timeout(CONNECT_S):
                self._reader, self._writer = await asyncio.open_connection(host, port, **options)
        except TimeoutError:
            raise TransportError(
                "connect", f"{host}:{port} did not answer within {CONNECT_S:.0f} s"
            ) from None
        except socket.gaierror as error:
            raise TransportError("resolve", f"{host}: {error.strerror}") from error
        except UnicodeError as error:
            raise TransportError("resolve", f"{host}: not a host name") from error
        except ssl.SSLError as error:
            raise TransportError("tls", describe_tls_error(error)) from error
        except OSError as error:
            words = os.strerror(error.errno) if error.errno else str(error)
            raise TransportError("connect", f"{host}:{port}: {words}") from error
        self.own_address = self._writer.get_extra_info("sockname")[0]
        peer = self._writer.get_extra_info("peername")
        self.note(f"connected to {peer[0]} port {peer[1]}")
        if tls is not None:
            self._look()

    async def close(self) -> None:
        """Say QUIT where that is possible, and go."""
        if self._writer is None:
            return
        with contextlib.suppress(TransportError, RemoteProtocolError):
            if self.machine.expected is None and not self._writer.is_closing():
                await self.ask(Step.QUIT, ClientSession.quit, within_s=2.0)
        self._writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    # -- speaking -------------------------------------------------------------------------------------------------

    async def greeting(self, within_s: float = REPLY_S) -> Reply:
        """The greeting; raises TransportError or RemoteProtocolError."""
        return await self._reply(Step.GREETING, within_s)

    async def ask(
        self, step: Step, say: Callable[[ClientSession], object], within_s: float = REPLY_S
    ) -> Reply:
        """Say something and wait for its reply; raises TransportError or RemoteProtocolError."""
        say(self.machine)
        return await self._reply(step, within_s)

    async def answered(self, step: Step, within_s: float = REPLY_S) -> Reply:
        """The reply to what stands in the machine's out-box already."""
        return await self._reply(step, within_s)

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Shake hands behind the 220 to STARTTLS; raises TransportError(phase="tls")."""
        writer = self._open()
        try:
            async with asyncio.timeout(CONNECT_S):
                await writer.start_tls(context, server_hostname=name)
        except TimeoutError:
            raise TransportError("tls", f"no handshake within {CONNECT_S:.0f} s") from None
        except (OSError, ssl.SSLError) as error:
            writer.transport.abort()
            raise TransportError("tls", describe_tls_error(error)) from error
        self.machine.tls_started()
        self._look()

    async def write(self, octets: bytes) -> None:
        """Octets past the machine, such as the header of a proxy; raises TransportError."""
        self._open().write(octets)
        self._say_so("client", octets)

    async def content(self, octets: bytes) -> Reply:
        """A content behind its 354, CRLF lines, and the reply to its dot."""
        for at in range(0, len(octets), BLOCK_OCTETS):
            self.machine.content(octets[at : at + BLOCK_OCTETS])
        self.machine.end_content()
        self.note(f"content of {len(octets)} octets, and the dot")
        return await self._reply(Step.DOT, 600.0)

    def note(self, text: str) -> None:
        """Into the transcript, beside the words."""
        self.entries.append(Entry(self.at_s, "note", text))

    @property
    def at_s(self) -> float:
        """Seconds since the connection was asked for."""
        return asyncio.get_running_loop().time() - self._began

    # -- inside ---------------------------------------------------------------------------------------------------

    def _open(self) -> asyncio.StreamWriter:
        if self._writer is None:
            raise TransportError("send", "there is no connection")
        return self._writer

    async def _reply(self, step: Step, within_s: float) -> Reply:
        await self._flush()
        try:
            async with asyncio.timeout(within_s):
                return await self._heard(step)
        except TimeoutError:
            words = f"no answer to {step.value} within {within_s:.0f} s"
            raise TransportError("await", words) from None

    async def _heard(self, step: Step) -> Reply:
        reader = self._reader
        while reader is not None:
            event = self.machine.next_event()
            if isinstance(event, ReplyReceived):
                self._say_so("server", event.reply.encode())
                if event.step is not step:
                    raise RemoteProtocolError(f"a reply to {event.step.value} where {step.value} was awaited")
                return event.reply
            await self._flush()  # answers to the prompts of a sign-in
            try:
                octets = await reader.read(BLOCK_OCTETS)
            except (OSError, ssl.SSLError) as error:
                raise TransportError("await", describe_tls_error(error)) from error
            if not octets:
                raise TransportError("await", f"the remote closed the connection instead of {step.value}")
            self.machine.receive(octets)
        raise TransportError("await", "there is no connection")

    async def _flush(self) -> None:
        writer = self._open()
        is_secret, in_content = self.machine.is_confidential, self.machine.past_the_dot
        while octets := self.machine.octets_to_send(BLOCK_OCTETS):
            in_content = in_content or self.machine.past_the_dot or len(octets) == BLOCK_OCTETS
            if is_secret:
                words = b" ".join(octets.split(b" ", 2)[:2]) if octets.startswith(b"AUTH ") else b""
                text = f"{words.decode('ascii', 'replace').strip()} ({len(octets)} octets, hidden)"
                self.entries.append(Entry(self.at_s, "client", text.strip()))
            elif not in_content:
                self._say_so("client", octets)
            try:
                writer.write(octets if in_content else self._bend(octets))
                await writer.drain()
            except (OSError, ssl.SSLError) as error:
                raise TransportError("send", describe_tls_error(error)) from error

    def _say_so(self, side: str, octets: bytes) -> None:
        for line in octets.decode("utf-8", "replace").splitlines():
            self.entries.append(Entry(self.at_s, side, line))

    def _look(self) -> None:
        secured = self._open().get_extra_info("ssl_object")
        version, cipher = secured.version() or "", (secured.cipher() or ("",))[0]
        self.shown = Shown(version, cipher, certificates_of(secured))
        self.note(f"encrypted: {version} {cipher}")
