"""A small HTTPS server that answers as it is told: what stands in for Graph where only our own side is tested."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from relay365.net.tls import client_context, own_certificate, server_context
from relay365.routes.graph.client import Endpoint, GraphClient

TAKEN = (202, {}, b"")


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Said = tuple[int, dict[str, str], bytes] | str
"""Status, headers and body; "close" hangs up after the request."""


@dataclass
class FakeGraph:
    """answer: what each request gets. asked: what came, whole. n_open, n_most: requests at once, and the most."""

    answer: Callable[[Asked], Said]
    folder: Path
    base: str = ""
    asked: list[Asked] = field(default_factory=list)
    n_open: int = 0
    n_most: int = 0
    n_connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    is_early: bool = False
    asked_now: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {
            line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:] if line
        }
        if self.is_early:
            return False
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.n_open += 1
        self.n_most = max(self.n_most, self.n_open)
        asked = Asked(method, path, headers, body)
        self.asked.append(asked)
        self.asked_now.set()
        await self.may_answer.wait()
        self.n_open -= 1
        said = self.answer(asked)
        if isinstance(said, str):
            return False
        status, extra, octets = said
        lines = [
            f"HTTP/1.1 {status} X",
            f"Content-Length: {len(octets)}",
            *(f"{k}: {v}" for k, v in extra.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + octets)
        await writer.drain()
        return True


@asynccontextmanager
async def fake_graph(folder: Path, answer: Callable[[Asked], Said]) -> AsyncIterator[FakeGraph]:
    """A server on loopback with a certificate of its own authority."""
    one = FakeGraph(answer, folder)
    one.may_answer.set()
    chain, key = own_certificate(folder, ["localhost"], time.time())
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=server_context(chain, key))
    one.base = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks)


class Tokens:
    """Tokens t1, t2, ...: a new one after each forget()."""

    def __init__(self) -> None:
        self.n_forgotten = 0

    async def token(self) -> str:
        return f"t{self.n_forgotten + 1}"

    def forget(self) -> None:
        self.n_forgotten += 1


def client_of(graph: FakeGraph, tokens: Tokens | None = None, places: int = 4) -> GraphClient:
    """A client that trusts the fake's authority."""
    endpoint = Endpoint(graph.base, client_context(str(graph.folder / "ca.pem")))
    return GraphClient(endpoint, tokens or Tokens(), asyncio.Semaphore(places))


def error(status: int, code: str, message: str = "", **headers: str) -> Said:
    """An error as Graph writes it."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body
