"""The control API: plain HTTP with JSON on loopback, for tests, demonstrations and curl. docs/emulator.md describes
it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.moods import BOUNDS, KINDS, Moods
from relay365.emulator.record import Delivered, Record
from relay365.emulator.texts import TEXTS

MOST_BODY_OCTETS = 64 * 1024
RFC822 = "message/rfc822"


class Control:
    """The resources; app() gives them to an HTTP server. settled waits until a changed mood rules; facts are
    emulator.json.
    """

    def __init__(
        self, directory: Directory, moods: Moods, record: Record, settled: Callable[[], Awaitable[None]]
    ) -> None:
        self.facts: dict[str, Any] = {}
        self._directory, self._moods, self._record, self._settled = directory, moods, record, settled

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._root),
                Route("/messages", self._messages, methods=["GET", "DELETE"]),
                Route("/messages/{number:int}", self._message),
                Route("/messages/{number:int}/content", self._content),
                Route("/stats", self._stats),
                Route("/moods", self._mood_list, methods=["GET", "POST", "DELETE"]),
                Route("/moods/known", self._known),
                Route("/moods/{number:int}", self._mood, methods=["DELETE"]),
                Route("/mailboxes", self._mailboxes),
                Route("/mailboxes/{address}", self._mailbox, methods=["GET", "PATCH"]),
                Route("/mailboxes/{address}/usage", self._usage, methods=["DELETE"]),
                Route("/tenant", self._tenant, methods=["GET", "PATCH"]),
                Route("/application", self._application, methods=["GET", "PATCH"]),
            ],
            exception_handlers={HTTPException: _say_error},
        )

    async def _root(self, request: Request) -> Response:
        return JSONResponse(self.facts)

    async def _messages(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._record.clear()
            return Response(status_code=204)
        found = self._record.messages(_number(request, "after"))
        limit = _number(request, "limit")
        return JSONResponse([one.view() for one in (found[:limit] if limit else found)])

    async def _message(self, request: Request) -> Response:
        return JSONResponse(self._found(request).view())

    async def _content(self, request: Request) -> Response:
        content = self._record.content(self._found(request).number)
        if isinstance(content, Path):
            return FileResponse(content, media_type=RFC822)
        return Response(content, media_type=RFC822)

    async def _stats(self, request: Request) -> Response:
        tally = self._record.tally
        return JSONResponse(
            {
                "accepted": self._record.n_accepted,
                "duplicates": self._record.n_duplicates,
                "forgotten": self._record.n_forgotten,
                "refused": dict(tally.refused),
                "connections": tally.connections,
                "connections_open": tally.connections_open,
                "tls_handshakes": tally.tls_handshakes,
                "tls_failures": tally.tls_failures,
                "logins": tally.logins,
                "tokens": {
                    "requests": tally.token_requests,
                    "granted": tally.tokens_granted,
                    "refused": dict(tally.token_refusals),
                },
                "mailboxes": {one.settings.address: _marks(one) for one in self._directory.mailboxes()},
            }
        )

    async def _mood_list(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._moods.clear()
            await self._settled()
            return Response(status_code=204)
        if request.method == "GET":
            return JSONResponse([self._moods.view(one) for one in self._moods.active()])
        try:
            mood = self._moods.add(await _body(request))
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        await self._settled()
        return JSONResponse(self._moods.view(mood), 201)

    async def _known(self, request: Request) -> Response:
        kinds = [
            {
                "name": kind.name, "does": kind.does, "counts": kind.per, "per_mailbox": kind.per_mailbox,
                "parameters": {one.name: one.default for one in (*BOUNDS, *kind.parameters)},
            }
            for kind in KINDS.values()
        ]  # fmt: skip
        return JSONResponse({"moods": kinds, "texts": {name: str(row) for name, row in TEXTS.items()}})

    async def _mood(self, request: Request) -> Response:
        if not self._moods.remove(request.path_params["number"]):
            raise HTTPException(404, "no such mood; it may be over")
        await self._settled()
        return Response(status_code=204)

    async def _mailboxes(self, request: Request) -> Response:
        return JSONResponse([one.view() for one in self._directory.mailboxes()])

    async def _usage(self, request: Request) -> Response:
        self._found_mailbox(request).forget_usage()
        return Response(status_code=204)

    async def _mailbox(self, request: Request) -> Response:
        mailbox = self._found_mailbox(request)
        if request.method == "PATCH":
            _apply(mailbox.change, await _body(request))
        return JSONResponse(mailbox.view())

    async def _tenant(self, request: Request) -> Response:
        if request.method == "PATCH":
            _apply(self._directory.change_tenant, await _body(request))
        return JSONResponse(self._directory.tenant.model_dump(mode="json"))

    async def _application(self, request: Request) -> Response:
        if request.method == "PATCH":
            _apply(self._directory.change_application, await _body(request))
        return JSONResponse(self._directory.application.model_dump(mode="json"))

    def _found_mailbox(self, request: Request) -> MailboxState:
        mailbox = self._directory.mailbox(request.path_params["address"])
        if mailbox is None:
            raise HTTPException(404, "no mailbox has this address")
        return mailbox

    def _found(self, request: Request) -> Delivered:
        message = self._record.message(request.path_params["number"])
        if message is None:
            raise HTTPException(404, "no message has this number; it may have been deleted")
        return message


def _marks(mailbox: MailboxState) -> dict[str, int]:
    return {
        "accepted": mailbox.n_accepted,
        "refused": mailbox.n_refused,
        "most_parallel": mailbox.most_parallel,
        "most_in_60_s": mailbox.most_in_a_minute,
    }


def _apply(change: Any, changes: dict[str, Any]) -> None:
    try:
        change(changes)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _number(request: Request, name: str) -> int:
    value = request.query_params.get(name, "0")
    if not (value.isascii() and value.isdigit()):
        raise HTTPException(400, f"{name}: expected a number, found {value!r}")
    return int(value)


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request; 400 and 413 where it is none."""
    octets = bytearray()
    async for block in request.stream():
        octets += block
        if len(octets) > MOST_BODY_OCTETS:
            raise HTTPException(413, f"expected at most {MOST_BODY_OCTETS} octets")
    try:
        value = json.loads(octets)
    except ValueError as error:
        raise HTTPException(400, f"expected JSON: {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "expected a JSON object")
    return value


async def _say_error(request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return JSONResponse({"error": detail}, status)
