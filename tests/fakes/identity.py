"""A token service on loopback with real TLS, as RFC 6749, 7636 and 8628 describe one, for tests of our questions.

It is written from the RFCs and knows no more of Microsoft than the paths: /TENANT/oauth2/v2.0/{token,authorize,
devicecode} and the discovery document. Refresh tokens rotate, and one that was used is dead.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from relay365.clock import SystemClock
from relay365.net.tls import own_certificate, server_context

PERSON = "scan@contoso.com"
Answer = tuple[int, Any, dict[str, str]]
"""Status, body and header fields; a body of octets is said as it is, any other one as JSON."""


class TokenService:
    """asked: the forms of the token endpoint. refuse: the next answers, before its own mind.

    refresh, access: how the tokens of a person begin; a number follows.
    """

    def __init__(self, directory: Path, *, refresh: str = "refresh", access: str = "person") -> None:
        self._refresh, self._access = refresh, access
        certificate, key = own_certificate(directory, ["localhost", "127.0.0.1"], SystemClock().now())
        self.ca_file = str(directory / "ca.pem")
        self.asked: list[dict[str, str]] = []
        self.refuse: list[Answer] = []
        self.documents: Answer | None = None  # in place of the discovery document
        self.typed = False  # whether the device code has been typed
        self._challenges: dict[str, dict[str, str]] = {}
        self._n_refresh = 0
        self._server = _Http(("127.0.0.1", 0), self)
        self._server.socket = server_context(certificate, key).wrap_socket(
            self._server.socket, server_side=True
        )
        self.authority = f"https://localhost:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[TokenService]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def sign_in(self, address: str) -> str:
        """What a browser does with an address: the person says yes; gives where it is sent, the answer in it."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = f"code{len(self._challenges)}"
        self._challenges[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def get(self, path: str, headers: Any) -> Answer:
        if self.documents is not None:
            return self.documents
        if path.endswith("/.well-known/openid-configuration"):
            here = f"{self.authority}/{path.split('/')[1]}/oauth2/v2.0"
            return 200, {
                "issuer": f"{self.authority}/contoso.com/v2.0", "token_endpoint": f"{here}/token",
                "authorization_endpoint": f"{here}/authorize",
                "device_authorization_endpoint": f"{here}/devicecode",
            }, {}  # fmt: skip
        return 404, {}, {}

    def post(self, path: str, form: dict[str, str]) -> Answer:
        if path.endswith("/devicecode"):
            return 200, {
                "device_code": "d", "user_code": "F7GH-2K", "interval": 0, "expires_in": 60,
                "verification_uri": "https://microsoft.com/devicelogin", "message": "-",
            }, {}  # fmt: skip
        self.asked.append(form)
        if self.refuse:
            return self.refuse.pop(0)
        grants: dict[str, Callable[[dict[str, str]], Answer]] = {
            "client_credentials": lambda form: _granted("app"),
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh,
            "urn:ietf:params:oauth:grant-type:device_code": self._by_device,
        }
        return grants[form["grant_type"]](form)

    def _by_code(self, form: dict[str, str]) -> Answer:
        begun = self._challenges.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if begun is None or begun["code_challenge"] != base64.urlsafe_b64encode(digest).decode().rstrip("="):
            return refusal("invalid_grant", 501481)
        return self._person(form["client_id"], begun["nonce"])

    def _by_refresh(self, form: dict[str, str]) -> Answer:
        if form["refresh_token"] != f"{self._refresh}-{self._n_refresh}":
            return refusal("invalid_grant", 70000)
        return self._person(form["client_id"])

    def _by_device(self, form: dict[str, str]) -> Answer:
        return self._person(form["client_id"]) if self.typed else refusal("authorization_pending", 70016)

    def _person(self, client: str, nonce: str = "") -> Answer:
        self._n_refresh += 1
        who = {
            "oid": "o1",
            "tid": "t1",
            "sub": "s1",
            "preferred_username": PERSON,
            "aud": client,
            "nonce": nonce,
        }
        more = {
            "refresh_token": f"{self._refresh}-{self._n_refresh}", "id_token": jwt_of(who),
            "client_info": _base64(json.dumps({"uid": "o1", "utid": "t1"})),
        }  # fmt: skip
        return _granted(f"{self._access}-{self._n_refresh}", more)


def jwt_of(claims: dict[str, Any]) -> str:
    """An unsigned token with these claims: nobody here verifies one."""
    return f"{_base64('{}')}.{_base64(json.dumps(claims))}.c2ln"


def refusal(error: str, number: int, status: int = 400, *, retry_after: str = "") -> Answer:
    body = {
        "error": error,
        "error_codes": [number],
        "error_description": f"AADSTS{number}: no.\r\nTrace ID: x",
    }
    return status, body, {"Retry-After": retry_after} if retry_after else {}


def _granted(token: str, more: dict[str, Any] | None = None) -> Answer:
    return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token, **(more or {})}, {}


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class Metadata:
    """The platform's own address for managed identities, in clear on loopback, of a machine and of a service."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, []
        self._server = _Http(("127.0.0.1", 0), self)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Metadata]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def get(self, path: str, headers: Any) -> Answer:
        self.asked.append(
            (urlsplit(path).path, dict(parse_qsl(urlsplit(path).query)), headers.get("X-IDENTITY-HEADER"))
        )
        return self.answer


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], mind: Any) -> None:
        self.mind = mind
        super().__init__(address, _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle of a handshake is no news."""


class _Request(BaseHTTPRequestHandler):
    timeout = 10.0

    def do_GET(self) -> None:
        self._say(self.server.mind.get(self.path, self.headers))

    def do_POST(self) -> None:
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(self.server.mind.post(self.path, dict(parse_qsl(octets.decode()))))

    def _say(self, answer: Answer) -> None:
        status, body, headers = answer
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(octets)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *words: Any) -> None:
        """Nothing."""
