"""What is asked over HTTPS, in front of a real server with a certificate of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fakes.mailserver import Authority
from relay365.config import SubmissionRoute
from relay365.doctor.finding import State
from relay365.doctor.upstream import web
from relay365.errors import TransportError
from relay365.routes.identity.transport import Way

TABLE = SubmissionRoute.model_validate(
    {
        "kind": "submission", "tenant": "contoso.com", "client": "c", "secret": {"env": "X"},
        "mailbox": "scan@contoso.com", "authority": "https://login.test/",
    }
)  # fmt: skip
UNKNOWN_TENANT = (
    b'{"error": "invalid_tenant", "error_description": "AADSTS90002: no such", "error_codes": [90002]}'
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(authority: Authority, names: list[str] | None = None) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = authority.context(names).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


def test_an_answer_has_a_clock(authority: Authority) -> None:
    """Status, body and the server's time."""
    with serving(authority) as base:
        page = asyncio.run(web.get(f"{base}/a/b", Way(str(authority.ca_file))))

    assert (200, b"/a/b") == (page.status, page.body)
    assert page.date is not None and abs(page.date - time.time()) < 60


def test_why_there_is_none(authority: Authority) -> None:
    """Not trusted, refused, not found: three phases."""

    def phase(url: str, ca_file: str = "", proxy: str = "") -> str:
        with pytest.raises(TransportError) as error:
            asyncio.run(web.get(url, Way(ca_file, proxy)))
        return error.value.phase

    with serving(authority) as base:
        assert "tls" == phase(base)
        assert "connect" == phase(base, str(authority.ca_file), "http://127.0.0.1:9")
    with serving(authority, ["other.test"]) as base:
        assert "tls" == phase(base, str(authority.ca_file))
    assert "connect" == phase("https://127.0.0.1:9")
    assert "resolve" == phase("https://nobody.invalid")


@pytest.mark.parametrize(
    ("phase", "proxy", "words"),
    [
        ("resolve", "", "name server"),
        ("tls", "", "TLS inspection"),
        ("connect", "", "port 443"),
        ("connect", "p:1", "proxy"),
    ],
)
def test_who_can_open_the_way(phase: str, proxy: str, words: str) -> None:
    """Each phase has its own cure."""
    finding = web.unreachable("login.test", TransportError(phase, "x"), Way("", proxy))

    assert State.BAD is finding.state
    assert words in finding.do


def test_a_tenant_is_known_or_not() -> None:
    """By the discovery document, whose address has one slash only."""
    page = web.Page(400, UNKNOWN_TENANT, None)

    assert "https://login.test/contoso.com/v2.0/.well-known/openid-configuration" == web.authority_address(
        TABLE
    )
    assert State.GOOD is web.judged_authority(TABLE, web.Page(200, b"{}", None)).state
    assert "AADSTS90002: no such" == web.judged_authority(TABLE, page).said
    assert State.BAD is web.judged_authority(TABLE, web.Page(404, b"<html>", None)).state


def test_graph_answers_strangers() -> None:
    """401 is an answer; 503 is none that one wants."""
    assert State.GOOD is web.judged_graph("https://g", web.Page(401, b"", None)).state
    assert State.BAD is web.judged_graph("https://g", web.Page(503, b"", None)).state
