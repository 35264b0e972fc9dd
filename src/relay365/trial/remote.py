"""The emulator's control API, seen from a trial: what was delivered, what was refused, and which moods it is in."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from relay365.errors import Relay365Error

TIMEOUT_S = 30.0


class ControlRefused(Relay365Error):
    """The control API did not do what it was asked; the text has its answer."""


class Control:
    """One emulator's control API. base: its address, as the ready line and emulator.json give it."""

    def __init__(self, base: str) -> None:
        self._netloc = urlsplit(base).netloc

    def messages(self) -> list[dict[str, Any]]:
        """What was delivered, oldest first; the keys are in docs/emulator.md."""
        found = json.loads(self._call("GET", "/messages"))
        return list(found["messages"] if isinstance(found, dict) else found)

    def content(self, number: int) -> bytes:
        """The exact octets of one delivered message."""
        return self._call("GET", f"/messages/{number}/content")

    def stats(self) -> dict[str, Any]:
        """What was counted."""
        return dict(json.loads(self._call("GET", "/stats")))

    def change(self, path: str, **settings: Any) -> None:
        """Change what the emulator pretends to be: "/tenant", "/graph", "/application", "/mailboxes/ADDRESS"."""
        self._call("PATCH", path, settings)

    def moods(self) -> list[dict[str, Any]]:
        """Those that are set now."""
        return list(json.loads(self._call("GET", "/moods")))

    def end_moods(self) -> None:
        """All of them."""
        self._call("DELETE", "/moods")

    def set_mood(self, **mood: Any) -> None:
        """Set a mood, such as name="outage", for_s=5."""
        self._call("POST", "/moods", mood)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        connection = http.client.HTTPConnection(self._netloc, timeout=TIMEOUT_S)
        try:
            connection.request(
                method,
                path,
                json.dumps(body) if body is not None else None,
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            octets = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise ControlRefused(
                f"{method} {path}: {response.status} {octets[:500].decode('utf-8', 'replace')}"
            )
        return octets
