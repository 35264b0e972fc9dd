"""Draft and upload session as Microsoft documents them, and scans of any size that are made while they are read."""

from __future__ import annotations

import asyncio
import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fakes.clock import FakeClock
from fakes.content import InMemory, Made, consignment
from fakes.graph import TAKEN, Asked, FakeGraph, Said, client_of, fake_graph
from relay365.mail.outcome import Outcome
from relay365.routes.api import LaneLimits
from relay365.routes.graph.route import Graph, Manner
from relay365.routes.graph.upload import CHUNK_OCTETS, Upload

HEAD = (
    b"From: Scan <scan@contoso.com>\r\nTo: lena@fabrikam.com, stranger@x.test\r\nReply-To: help@contoso.com\r\n"
    b"Subject: =?utf-8?B?QsO8cm8=?=\r\nMessage-ID: <1@copier>\r\nX-Device: 7\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\npreamble\r\n--b1\r\n'
    b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nB\xfcro\r\n--b1\r\n"
    b'Content-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
)
LINE = b64encode(bytes(range(57))) + b"\r\n"


def scan(n_lines: int) -> Callable[[], Iterator[bytes]]:
    """A scan with one attachment of so many lines, made in blocks of about 256 KiB."""

    def make() -> Iterator[bytes]:
        yield HEAD
        for at in range(0, n_lines, 3300):
            yield LINE * min(3300, n_lines - at)
        yield b"--b1--\r\n"

    return make


class Session:
    """Draft and upload session as Microsoft documents them. fault: what a PUT gets instead, once for each."""

    def __init__(self, faults: dict[int, Said] | None = None) -> None:
        self.graph: FakeGraph | None = None
        self.faults = dict(faults or {})
        self.hash, self.n_octets, self.size = hashlib.sha256(), 0, 0
        self.draft: dict[str, Any] = {}
        self.small: list[dict[str, Any]] = []
        self.steps: list[str] = []
        self.send: Said = TAKEN
        self.copy: Said = (201, {}, b'{"id":"copy","isDraft":true}')
        self.patch: Said = (200, {}, b"{}")
        self.heals = False

    def __call__(self, asked: Asked) -> Said:  # noqa: PLR0911 - a return for each request of the documents
        assert self.graph is not None
        self.graph.asked.clear()
        self.steps.append(f"{asked.method} {asked.path.rpartition('/')[2]}")
        match asked.method, asked.path.rpartition("/")[2]:
            case "POST", "messages":
                self.draft = json.loads(asked.body)
                return 201, {}, b'{"id":"AAM/k="}'
            case "POST", "createUploadSession":
                self.size = json.loads(asked.body)["AttachmentItem"]["size"]
                return 201, {}, json.dumps({"uploadUrl": f"{self.graph.base}/up/session"}).encode()
            case "POST", "attachments":
                self.small.append(json.loads(asked.body))
                return 201, {}, b"{}"
            case "POST", "send":
                return self.send
            case "POST", "copy":
                return self.copy
            case "PATCH", _:
                self.draft |= json.loads(asked.body)
                return self.patch
            case "DELETE", _:
                return 204, {}, b""
            case "GET", _:
                return self.next()
        return self.put(asked)

    def put(self, asked: Asked) -> Said:
        assert "authorization" not in asked.headers
        first = int(asked.headers["content-range"].split(" ")[1].split("-")[0])
        if first in self.faults:
            fault = self.faults.pop(first)
            if fault == "half":
                self.take(asked.body[: len(asked.body) // 2])
                return "close"
            return fault
        assert (first, len(asked.body) <= CHUNK_OCTETS) == (self.n_octets, True)
        self.take(asked.body)
        return (201, {"Location": "x"}, b"") if self.n_octets == self.size else self.next()

    def take(self, octets: bytes) -> None:
        self.hash.update(octets)
        self.n_octets += len(octets)

    def next(self) -> Said:
        return 200, {}, json.dumps({"nextExpectedRanges": [f"{self.n_octets}-"]}).encode()


def route_to(graph: FakeGraph) -> Graph:
    """The road of one mailbox that rebuilds whatever is above two kilobytes."""
    manner = Manner(2_000, Upload(FakeClock()))
    return Graph("graph", "s@contoso.com", client_of(graph), manner, limits=LaneLimits(2), clock=FakeClock())


def upload(folder: Path, session: Session, content: InMemory | Made) -> Outcome:
    """The outcome of one delivery."""

    async def story() -> Outcome:
        async with fake_graph(folder, session) as graph:
            session.graph = graph
            route = route_to(graph)
            outcomes = await route.deliver(consignment(content))
            await route.close()
            return outcomes[0]

    return asyncio.run(story())
