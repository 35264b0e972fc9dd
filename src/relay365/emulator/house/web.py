"""HTTP servers in the emulator's own loop, on sockets that were bound before."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the emulator ends it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def serve_http(
    stack: contextlib.AsyncExitStack, app: Starlette, bound: socket.socket, tls_folder: Path | None
) -> None:
    """Serve an application on a bound socket until the stack is closed; over TLS with the folder's server.pem."""
    files = (tls_folder / "server.pem", tls_folder / "server.key") if tls_folder else (None, None)
    config = uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
        ssl_certfile=files[0], ssl_keyfile=files[1], timeout_graceful_shutdown=1, timeout_keep_alive=30,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[bound]))

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()


def bind(host: str, wished: int, last: int) -> socket.socket:
    """A listening socket on the wished port, or the last one where it is free, or any. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not wished and last:
        with contextlib.suppress(OSError):
            return socket.create_server((host, last), family=family, backlog=1024)
    return socket.create_server((host, wished), family=family, backlog=1024)


def shown(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def port_of(bound: socket.socket) -> int:
    """The port of a bound socket."""
    return int(bound.getsockname()[1])
