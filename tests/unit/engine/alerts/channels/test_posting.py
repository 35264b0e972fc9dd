"""Posting to real sockets: what arrives, what counts as taken, and that the address is told nobody."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from relay365.engine.alerts.channels.posting import CARD_OCTETS, SIGNATURE, Posting, as_card, as_json
from relay365.engine.alerts.telling import DIGEST, ChannelFailed, Message

ALERT = Message(
    "alert",
    "disk",
    "critical",
    "relay.test",
    "the disk is full",
    "too much mail",
    "make room",
    1000.0,
    4600.0,
    "one",
)


class Hook:
    """An HTTP server of ten lines; keeps what was posted."""

    def __init__(self, answer: bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n") -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(fields["content-length"]))
        self.requests.append((head[0], fields, body))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


def _post(hook: Hook, make: Callable[[str], Posting], message: Message = ALERT) -> None:
    async def go() -> None:
        async with await asyncio.start_server(hook.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await make(f"http://127.0.0.1:{port}/hook?sig=SECRET").tell(message)

    asyncio.run(go())


def test_a_webhook_gets_json_that_is_signed() -> None:
    """The documented keys, and a signature over exactly these octets."""
    hook = Hook()
    _post(hook, lambda url: Posting("webhook", url, as_json, secret="s3"))
    line, fields, body = hook.requests[0]

    assert "POST /hook?sig=SECRET HTTP/1.1" == line
    assert "application/json" == fields["content-type"]
    assert "sha256=" + hmac.new(b"s3", body, hashlib.sha256).hexdigest() == fields[SIGNATURE.lower()]
    assert {
        "version": 1, "state": "alert", "key": "disk", "severity": "critical", "relay": "relay.test",
        "title": "relay365 relay.test: the disk is full", "what": "the disk is full", "why": "too much mail",
        "do": "make room", "lane": "one", "since": "1970-01-01T00:16:40Z", "at": "1970-01-01T01:16:40Z", "text": "",
    } == json.loads(body)  # fmt: skip


def test_no_secret_is_no_signature() -> None:
    """Nothing is signed with an empty key."""
    hook = Hook()
    _post(hook, lambda url: Posting("webhook", url, as_json))

    assert SIGNATURE.lower() not in hook.requests[0][1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"220 mail.test ESMTP\r\n",
        b"",
    ],
)
def test_what_is_no_yes_is_a_failure_that_tells_no_secret(answer: bytes) -> None:
    """A redirect is not followed; the error has the host, never the address that anybody could post to."""
    with pytest.raises(ChannelFailed) as caught:
        _post(Hook(answer), lambda url: Posting("webhook", url, as_json))

    assert "127.0.0.1" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in repr(Posting("webhook", "https://h.test/?sig=SECRET", as_json))


def test_nobody_there_is_a_failure() -> None:
    """Whoever asks tries later."""
    with pytest.raises(ChannelFailed):
        asyncio.run(Posting("webhook", "http://127.0.0.1:1/", as_json).tell(ALERT))


def _card(message: Message) -> dict[str, Any]:
    whole = as_card(message)
    (attachment,) = whole["attachments"]
    assert ("message", "application/vnd.microsoft.card.adaptive") == (
        whole["type"],
        attachment["contentType"],
    )
    card: dict[str, Any] = attachment["content"]
    assert ("AdaptiveCard", "1.4") == (card["type"], card["version"])
    return card


def test_teams_gets_a_card() -> None:
    """A title in the colour of the severity, and the three lines as facts."""
    title, facts = _card(ALERT)["body"]

    assert ("relay365 relay.test: the disk is full", "Attention") == (title["text"], title["color"])
    assert ["what", "why", "do", "when"] == [one["title"] for one in facts["facts"]]
    assert "make room" == facts["facts"][2]["value"]


def test_a_digest_fits_into_a_card() -> None:
    """Teams takes 28 KB; what is longer is cut, not refused."""
    text = "\n".join("äöü" * 30 for _ in range(1000))
    card = _card(Message(DIGEST, "digest", "info", "r", "the week", "", "", 0.0, 0.0, text=text))

    assert len(card["body"][1]["text"].encode()) <= CARD_OCTETS
