"""The control API: plain HTTP with JSON on loopback, for tests, demonstrations and curl. docs/emulator.md and
docs/emulator-graph.md describe it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from relay365.emulator.directory import MailboxState
from relay365.emulator.house.parts import Parts
from relay365.emulator.moods import BOUNDS, KINDS
from relay365.emulator.record import Delivered
from relay365.emulator.tenant.postbox import Item
from relay365.emulator.tenant.traces import Trace
from relay365.emulator.texts import TEXTS

MOST_BODY_OCTETS = 64 * 1024
RFC822 = "message/rfc822"


class Control:
    """The resources; app() gives them to an HTTP server. settled waits until a changed mood rules; further are routes
    of others on the same server; facts are emulator.json.
    """

    def __init__(
        self, parts: Parts, settled: Callable[[], Awaitable[None]], further: Sequence[Route] = ()
    ) -> None:
        self.facts: dict[str, Any] = {}
        self._parts, self._settled, self._further = parts, settled, further
        self._directory, self._moods, self._record = parts.directory, parts.moods, parts.record

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
                Route("/mailboxes/{address}/items", self._items),
                Route("/mailboxes/{address}/items/{item}/content", self._item_content),
                Route("/mailboxes/{address}/sign-ins", self._sign_out, methods=["DELETE"]),
                Route("/application", self._application, methods=["GET", "PATCH"]),
                Route("/graph", self._graph, methods=["GET", "PATCH"]),
                Route("/traces", self._traces, methods=["GET", "DELETE"]),
                Route("/device-codes", self._devices),
                Route("/device-codes/{code}", self._decide, methods=["POST"]),
                Route("/workload-token", self._workload),
                *self._further,
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
                "graph": dict(tally.graph_requests),
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

    async def _graph(self, request: Request) -> Response:
        if request.method == "PATCH":
            _apply(self._directory.change_graph, await _body(request))
        return JSONResponse(self._directory.graph.model_dump(mode="json"))

    async def _traces(self, request: Request) -> Response:
        office, now = self._parts.office, self._parts.clock.now()
        if request.method == "DELETE":
            office.clear()
            return Response(status_code=204)
        return JSONResponse([_trace(one, now) for one in office.traces])

    async def _items(self, request: Request) -> Response:
        address = self._found_mailbox(request).settings.address
        postbox, now = self._parts.office.postbox, self._parts.clock.now()
        found = [*postbox.items(address, "inbox", now), *postbox.items(address, "sentitems", now)]
        return JSONResponse([_item(one) for one in found])

    async def _item_content(self, request: Request) -> Response:
        address = self._found_mailbox(request).settings.address
        item = self._parts.office.postbox.item(address, request.path_params["item"])
        if item is None:
            raise HTTPException(404, "no such item")
        try:
            content = item.content or self._record.content(item.number)
        except KeyError as error:
            raise HTTPException(404, "its message was deleted") from error
        if isinstance(content, Path):
            return FileResponse(content, media_type=RFC822)
        return Response(content, media_type=RFC822)

    async def _sign_out(self, request: Request) -> Response:
        self._parts.tokens.grants.revoke(self._found_mailbox(request).settings.address)
        return Response(status_code=204)

    async def _devices(self, request: Request) -> Response:
        return JSONResponse(self._parts.tokens.grants.devices())

    async def _decide(self, request: Request) -> Response:
        asked = await _body(request)
        user = asked.get("user", "")
        if not isinstance(user, str) or not (bool(user) ^ (asked.get("declined") is True)):
            raise HTTPException(400, 'expected {"user": address} or {"declined": true}')
        if user and self._directory.mailbox(user) is None:
            raise HTTPException(400, f"user: expected the address of a mailbox, found {user!r}")
        if not self._parts.tokens.grants.decide(request.path_params["code"], user.lower()):
            raise HTTPException(404, "no device waits with this code; it may be over or decided already")
        return Response(status_code=204)

    async def _workload(self, request: Request) -> Response:
        return JSONResponse({"token": self._parts.tokens.credentials.workload_token()})

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


def _trace(one: Trace, now: float) -> dict[str, Any]:
    return {
        "id": one.id, "message_id": one.message_id, "sender": one.sender, "recipient": one.recipient,
        "subject": one.subject, "size": one.size_octets, "received_at": one.received_at, "status": one.status(now),
        "detail": one.detail,
    }  # fmt: skip


def _item(one: Item) -> dict[str, Any]:
    return {
        "id": one.id, "folder": one.folder, "at": one.at, "sender": one.sender, "recipients": list(one.recipients),
        "subject": one.subject, "message_id": one.message_id, "number": one.number,
    }  # fmt: skip


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
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"expected JSON: {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "expected a JSON object")
    return value


async def _say_error(request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return JSONResponse({"error": detail}, status)
