"""A mail server of a thread's own, that is as good or as bad as a test wants it, and remembers what it heard."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from relay365.emulator.certificates import Pair, context_of, new_authority, new_leaf

NAMES = ["localhost", "127.0.0.1"]


@dataclass
class Authority:
    """Makes certificates, and contexts that show them; now is in Unix seconds."""

    folder: Path
    now: float
    pair: Pair = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.pair = new_authority("an authority of the test", self.now)
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(self.pair.pem()[0])

    def context(self, names: list[str] | None = None, days: int = 397) -> ssl.SSLContext:
        return context_of(new_leaf(self.pair, names or NAMES, self.now, days=days), self.pair, self.folder)


@dataclass
class MailServer:
    """How it behaves. replies: by verb, instead of a plain yes; at_once: TLS before the greeting."""

    tls: ssl.SSLContext | None = None
    at_once: bool = False
    greeting: str = "220 mail.test ESMTP Fake"
    offers: tuple[str, ...] = ("SIZE 1000000", "8BITMIME")
    offers_inside: tuple[str, ...] | None = None
    replies: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Serves until the end; gives host:port."""
        listener = socket.create_server(("127.0.0.1", 0))
        stopped = threading.Event()
        threads: list[threading.Thread] = []

        def serve() -> None:
            while not stopped.is_set():
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                thread = threading.Thread(target=self._session, args=(link,), daemon=True)
                threads.append(thread)
                thread.start()

        main = threading.Thread(target=serve, daemon=True)
        main.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopped.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            main.join(5.0)
            for thread in threads:
                thread.join(5.0)

    def _session(self, link: socket.socket) -> None:
        link.settimeout(10.0)
        with contextlib.suppress(OSError, ssl.SSLError), contextlib.ExitStack() as stack:
            stack.callback(link.close)
            if self.at_once and self.tls is not None:
                link = self.tls.wrap_socket(link, server_side=True)
                stack.callback(link.close)
            if self.greeting:
                link.sendall(f"{self.greeting}\r\n".encode())
            is_inside, buffer = self.at_once, b""
            while True:
                while b"\n" not in buffer:
                    octets = link.recv(65536)
                    if not octets:
                        return
                    buffer += octets
                line, _, buffer = buffer.partition(b"\n")
                text = line.decode("utf-8", "replace").rstrip("\r")
                self.heard.append(text)
                verb = text[:4].upper()
                if verb == "STAR" and self.tls is not None:
                    link.sendall(b"220 2.0.0 go ahead\r\n")
                    link = self.tls.wrap_socket(link, server_side=True)
                    stack.callback(link.close)
                    is_inside = True
                    continue
                link.sendall(f"{self._reply(verb, is_inside)}\r\n".encode())
                if verb == "DATA" and "DATA" not in self.replies:
                    while b"\r\n.\r\n" not in buffer:
                        buffer += link.recv(65536)
                    content, _, buffer = buffer.partition(b"\r\n.\r\n")
                    self.contents.append(content)
                    link.sendall(f"{self.replies.get('dot', '250 2.6.0 queued as TEST1')}\r\n".encode())
                if verb == "QUIT":
                    return

    def _reply(self, verb: str, is_inside: bool) -> str:
        if verb in self.replies:
            return self.replies[verb]
        if verb == "EHLO":
            offers = self.offers_inside if is_inside and self.offers_inside is not None else self.offers
            offers += ("STARTTLS",) if self.tls is not None and not is_inside else ()
            lines = ["mail.test greets you", *offers]
            return "\r\n".join(
                f"250{' ' if n == len(lines) - 1 else '-'}{one}" for n, one in enumerate(lines)
            )
        return {"DATA": "354 go on", "QUIT": "221 2.0.0 bye"}.get(verb, "250 2.0.0 ok")


def rsa_only(context: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.2 with key exchange by RSA and nothing else, as an old NAS has it."""
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("kRSA+AES:@SECLEVEL=0")
    return context


def old_only(context: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.0 and nothing else."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
