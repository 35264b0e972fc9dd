"""A next hop that is not what it says: it strips STARTTLS, glues replies behind its 220, or has a wrong certificate.

Blocking sockets in a thread, nothing of ours: what it hears in clear and behind TLS is kept apart, octet by octet.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE_S = 20.0
REPLIES = {
    b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n", b"AUTH": b"334 VXNlcm5hbWU6\r\n",
}  # fmt: skip


@dataclass
class Impostor:
    """features: the EHLO lines in clear. starttls: the octets behind STARTTLS; context: None goes on in clear.

    auth_reply: the reply to a password, with a place for the line that carried it.
    """

    features: tuple[bytes, ...] = (b"STARTTLS",)
    starttls: bytes = b"220 2.0.0 go ahead\r\n"
    context: ssl.SSLContext | None = None
    auth_reply: bytes = b"235 2.7.0 welcome\r\n"
    in_clear: bytearray = field(default_factory=bytearray)
    secured: bytearray = field(default_factory=bytearray)
    n_connections: int = 0
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[Impostor]:
        """Listen on 127.0.0.1 until the block ends."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=(server,))
            thread.start()
            try:
                yield self
            finally:
                server.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _serve(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the end of the test closes the server
            while True:
                connection, _ = server.accept()
                self.n_connections += 1
                connection.settimeout(PATIENCE_S)
                with connection, contextlib.suppress(OSError):
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        connection.sendall(b"220 impostor.test ESMTP\r\n")
        if self._converse(connection, self.in_clear, self.features):
            connection.sendall(self.starttls)
            if self.context is None:
                self._converse(connection, self.in_clear, ())
                return
            with self.context.wrap_socket(connection, server_side=True) as secured:
                self._converse(secured, self.secured, (b"AUTH LOGIN",))

    def _converse(self, wire: socket.socket, heard: bytearray, features: tuple[bytes, ...]) -> bool:
        """Answer commands until STARTTLS (True) or the end."""
        rest, n_secrets, in_content = b"", 0, False
        while octets := wire.recv(4096):
            heard += octets
            *lines, rest = (rest + octets).split(b"\r\n")
            for line in lines:
                verb = line[:4].upper()
                if in_content:
                    in_content = line != b"."
                    reply = b"" if in_content else b"250 2.0.0 taken\r\n"
                elif n_secrets:
                    n_secrets -= 1
                    reply = b"334 UGFzc3dvcmQ6\r\n" if n_secrets else self.auth_reply.replace(b"%s", line)
                elif verb == b"STAR":
                    return True
                else:
                    n_secrets, in_content = 2 * (verb == b"AUTH"), verb == b"DATA"
                    reply = _ehlo(features) if verb == b"EHLO" else REPLIES.get(verb, b"250 2.0.0 OK\r\n")
                wire.sendall(reply)
        return False


def _ehlo(features: tuple[bytes, ...]) -> bytes:
    lines = [b"impostor.test", *features]
    return b"".join(
        b"250%c%s\r\n" % (b"-" if n < len(lines) - 1 else b" ", line) for n, line in enumerate(lines)
    )
