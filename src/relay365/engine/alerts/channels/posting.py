"""Posting: JSON to an address of the administrator's: a webhook of any kind, or a Teams workflow.

Redirects are not followed and no environment variable is read: the address in the file is the only one. The address
itself is a secret (whoever knows it can post), so no error shows more of it than its host.

The card: Microsoft, "Create incoming webhooks with Workflows for Microsoft Teams" (a message with one attachment of
application/vnd.microsoft.card.adaptive); Adaptive Cards schema 1.4. The connectors of Office 365 are retired.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from relay365.engine.alerts.ledger import HEALED
from relay365.engine.alerts.telling import DIGEST, ChannelFailed, Message, instant
from relay365.net.tls import client_context

POST_S = 15.0
SIGNATURE = "X-Relay365-Signature"
CARD_OCTETS = 24_000  # Teams takes 28 KB
_COLOURS = {"critical": "Attention", "warning": "Warning", "info": "Default"}

Form = Callable[[Message], Mapping[str, Any]]


class Posting:
    """A Channel (engine.alerts.telling). secret: signs the body, "" for no signature. ca_file: "" for the system's."""

    def __init__(self, name: str, url: str, form: Form, *, secret: str = "", ca_file: str = "") -> None:
        self.name = name
        self._url, self._form, self._secret, self._ca_file = url, form, secret, ca_file

    def __repr__(self) -> str:
        return f"<Posting {self.name} {self._host}>"

    @property
    def _host(self) -> str:
        return urlsplit(self._url).hostname or "?"

    async def tell(self, message: Message) -> None:
        """See Channel. Any 2xx is a yes; Workflows says 202."""
        import httpx2  # 0.2 s, and most relays post nothing at start

        body = json.dumps(self._form(message)).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "relay365"}
        if self._secret:
            headers[SIGNATURE] = f"sha256={hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()}"
        try:
            async with httpx2.AsyncClient(
                verify=client_context(self._ca_file), timeout=POST_S, trust_env=False, follow_redirects=False
            ) as client:
                answer = await client.post(self._url, content=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise ChannelFailed(f"{self._host}: {type(error).__name__}") from error
        if not 200 <= answer.status_code < 300:
            raise ChannelFailed(f"{self._host} answered {answer.status_code}")


def as_json(message: Message) -> dict[str, Any]:
    """A webhook's body; its keys are an interface (alerts.md)."""
    return {
        "version": 1, "state": message.state, "key": message.key, "severity": message.severity,
        "relay": message.relay, "title": message.title, "what": message.what, "why": message.why, "do": message.do,
        "lane": message.lane, "since": instant(message.since_at), "at": instant(message.at), "text": message.text,
    }  # fmt: skip


def as_card(message: Message) -> dict[str, Any]:
    """A Teams message with one Adaptive Card."""
    colour = "Good" if message.state == HEALED else _COLOURS[message.severity]
    title = {"type": "TextBlock", "text": message.title, "weight": "Bolder", "size": "Medium", "color": colour,
             "wrap": True}  # fmt: skip
    if message.state == DIGEST:
        text = "\n".join(message.lines).encode()[:CARD_OCTETS].decode(errors="ignore")
        body: list[dict[str, Any]] = [
            {"type": "TextBlock", "text": text, "fontType": "Monospace", "wrap": True}
        ]
    else:
        pairs = [line.partition(":") for line in message.lines]
        facts = [{"title": name, "value": value.strip()} for name, _, value in pairs]
        body = [{"type": "FactSet", "facts": facts}]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "body": [title, *body], "msteams": {"width": "Full"},
    }  # fmt: skip
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}
