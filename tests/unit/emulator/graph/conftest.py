"""Graph and its upload host behind their ASGI interfaces."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from relay365.emulator.graph.drafts import Drafts
from relay365.emulator.graph.entrance import graph_app, upload_app
from relay365.emulator.house.parts import Parts
from unit.emulator.conftest import ask

GRAPH = "https://graph.microsoft.com"


class Desk:
    """Both hosts of one emulator, and a token of its application."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.drafts = parts, Drafts(parts.clock)
        self._graph, self._upload = graph_app(parts, self.drafts), upload_app(parts, self.drafts)
        self.token = self.application_token()

    def application_token(self) -> str:
        """A fresh token with the application's roles as they are now."""
        identity = self.parts.directory.identity
        form = {
            "grant_type": "client_credentials", "client_id": identity.client_id, "client_secret": identity.secret,
            "scope": f"{GRAPH}/.default",
        }  # fmt: skip
        return self.parts.tokens.grant("contoso.com", form).token

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        raw: bytes = b"",
    ) -> tuple[int, Any, dict[str, str]]:
        """One request of Graph below /v1.0; a body of bytes goes as MIME in base64, any other as JSON, raw as it is."""
        kind = "text/plain" if isinstance(body, bytes) else "application/json"
        octets = (
            base64.b64encode(body) if isinstance(body, bytes) else json.dumps(body).encode() if body else raw
        )
        spoken = {"authorization": f"Bearer {self.token}", "content-type": kind, "host": "graph.test"}
        return ask(self._graph, method, f"/v1.0{path}", octets, spoken | (headers or {}))

    def upload(
        self, method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """One request of the upload host."""
        return ask(self._upload, method, address.removeprefix("https://upload.test"), body, headers)


@pytest.fixture
def desk_of(parts_of: Callable[..., Parts]) -> Iterator[Callable[..., Desk]]:
    """Makes desks whose directory has these settings."""
    made: list[Desk] = []

    def make(**settings: Any) -> Desk:
        made.append(Desk(parts_of(**settings)))
        return made[-1]

    yield make
    for one in made:
        one.drafts.close()


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()
