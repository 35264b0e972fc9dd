"""Where Microsoft sends the browser back to: a loopback port that hears one request, or an address that is pasted.

Apart from the sign-in, because a browser is nobody's friend: it may ask for an icon first, or for anything else.
(RFC 8252 7.3, loopback redirection; RFC 6749 4.1.2)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_REQUEST_S = 5.0
_MOST_OCTETS = 64 * 1024
_DONE = b"<!doctype html><title>relay365</title><p>Done. Close this window and look at the terminal."


class Redirect:
    """A listener on loopback; address is what Microsoft must send the browser back to."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.address = f"http://localhost:{server.server_port}"

    def wait(self, deadline_mono: float) -> dict[str, str] | None:
        """The parameters of the first request that carries some, or None at the deadline."""
        while self._server.answer is None and time.monotonic() < deadline_mono:
            self._server.timeout = max(0.0, min(1.0, deadline_mono - time.monotonic()))
            self._server.handle_request()
        return self._server.answer


@contextmanager
def redirect(port: int = 0) -> Iterator[Redirect]:
    """Listen on 127.0.0.1, on any free port unless one is given. Raises OSError."""
    server = _Server(("127.0.0.1", port), _Visit)
    try:
        yield Redirect(server)
    finally:
        server.server_close()


def parameters_of(address: str) -> dict[str, str]:
    """The parameters of a pasted address, or of what is left of it: `?code=...`, `code=...`. Empty for other text."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:  # brackets that hold no IPv6 address
        return {}
    text = parts.query or parts.fragment or parts.path
    found = dict(parse_qsl(text.lstrip("?")))
    return found if "code" in found or "error" in found else {}


class _Server(HTTPServer):
    answer: dict[str, str] | None = None


class _Visit(BaseHTTPRequestHandler):
    timeout = _REQUEST_S

    def do_GET(self) -> None:
        """An address that carries the answer; an older service sends it so."""
        self._take(parameters_of(self.path))

    def do_POST(self) -> None:
        """A form that carries the answer: so the code stands in no address and no history (RFC 9700 4.3.1)."""
        length = self.headers.get("Content-Length", "")
        n_octets = min(int(length), _MOST_OCTETS) if length.isdecimal() else 0
        self._take(parameters_of("?" + self.rfile.read(n_octets).decode("ascii", "replace")))

    def _take(self, found: dict[str, str]) -> None:
        """One page; what the browser was sent with is for the terminal."""
        if found and isinstance(self.server, _Server):
            self.server.answer = found
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(_DONE if found else b"")

    def log_message(self, *words: Any) -> None:
        """Nothing: the path has the code in it."""
