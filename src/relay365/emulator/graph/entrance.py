"""The addresses of Graph and of its upload host, and what every request goes through before its handler.

In this order: a bad mood, token, mailbox, permission, rates, one of the few at once, size of the body. So a refused
request costs nothing behind the step that refused it.
(Microsoft Graph v1.0 reference; "Microsoft Graph throttling guidance")
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay365.emulator.entra.signing import Claims
from relay365.emulator.faults.graph import WITHOUT_WORK
from relay365.emulator.faults.web import broken
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.graph.drafts import MOST_CHUNK_OCTETS, Drafts
from relay365.emulator.graph.gate import Gate
from relay365.emulator.graph.messages import Call, Messages
from relay365.emulator.graph.tenant import TenantPages
from relay365.emulator.graph.upload import PATH, Uploads
from relay365.emulator.house.parts import Parts
from relay365.emulator.moods import Mood

MOST_DRAINED_OCTETS = 256 * 1024 * 1024
DAY_S = 86_400
_READ, _WRITE, _SEND = "Mail.Read", "Mail.ReadWrite", "Mail.Send"

Endpoint = Callable[[Request], Awaitable[Response]]


def graph_app(parts: Parts, drafts: Drafts) -> Starlette:
    """Graph itself."""
    guard, gate = _Guard(parts), Gate(parts.directory, parts.tokens, parts.clock)
    messages, tenant = Messages(parts, drafts), TenantPages(parts)
    mailbox, pages = _Mailbox(parts, guard, gate), _Tenant(guard, gate)
    routes = [
        Route(f"/v1.0{who}{path}", mailbox.endpoint(_Rule(operation, permissions), handler), methods=[method])
        for who in ("/users/{user}", "/me")
        for method, path, operation, permissions, handler in _mail_table(messages)
    ]
    trace, domain = ("ExchangeMessageTrace.Read.All",), ("Domain.Read.All", "Directory.Read.All")
    tracing = "/v1.0/admin/exchange/tracing/messageTraces"
    details = f"{tracing}/{{trace}}/microsoft.graph.getDetailsByRecipient(recipientAddress='{{recipient}}')"
    routes += [
        Route(tracing, pages.endpoint(_Rule("trace", trace), tenant.traces)),
        Route(details, pages.endpoint(_Rule("trace", trace), tenant.details)),
        Route(details.replace("microsoft.graph.", ""), pages.endpoint(_Rule("trace", trace), tenant.details)),
        Route(
            "/v1.0/domains/{domain}/serviceConfigurationRecords",
            pages.endpoint(_Rule("tenant", (*domain, "Domain.ReadWrite.All")), tenant.records),
        ),
        Route(
            "/v1.0/servicePrincipals(appId='{app}')",
            pages.endpoint(_Rule("tenant", ("Application.Read.All", "Directory.Read.All")), tenant.principal),
        ),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: guard.unknown})


def upload_app(parts: Parts, drafts: Drafts) -> Starlette:
    """The host that upload sessions name, for the same drafts."""
    guard, uploads = _Guard(parts), Uploads(drafts, parts.addresses.upload)
    handlers = {"PUT": uploads.put, "GET": uploads.get, "DELETE": uploads.delete}

    async def endpoint(request: Request) -> Response:
        async def work(request: Request) -> Response:
            await guard.pause("upload", request.path_params["user"])
            body = await _body(request, MOST_CHUNK_OCTETS, "too-large-413")
            return handlers[request.method](request, body)

        return await guard.run(request, "upload", request.path_params["user"], work)

    return Starlette(
        routes=[Route(PATH, endpoint, methods=list(handlers))],
        exception_handlers={HTTPException: guard.unknown},
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """The operation that moods know a request by, and the permissions of which it needs one."""

    operation: str
    permissions: tuple[str, ...]


def _mail_table(
    messages: Messages,
) -> list[tuple[str, str, str, tuple[str, ...], Callable[[Call], Response]]]:
    one, folder = "/messages/{message}", "/mailFolders/{folder}/messages"
    read, write = (_READ, _WRITE), (_WRITE,)
    return [
        ("POST", "/sendMail", "sendMail", (_SEND,), messages.send_mail),
        ("POST", "/messages", "draft", write, messages.create),
        ("GET", "/messages", "read", read, messages.listing),
        ("GET", one, "read", read, messages.get),
        ("PATCH", one, "read", write, messages.change),
        ("DELETE", one, "read", write, messages.delete),
        ("GET", f"{one}/$value", "read", read, messages.value),
        ("POST", f"{one}/send", "send", (_SEND,), messages.send),
        ("POST", f"{one}/copy", "draft", write, messages.copy),
        ("POST", f"{one}/attachments", "attachment", write, messages.attach),
        ("GET", f"{one}/attachments", "read", read, messages.attachments),
        ("POST", f"{one}/attachments/createUploadSession", "session", write, messages.open_session),
        ("GET", folder, "read", read, messages.listing),
        ("GET", f"{folder}/{{message}}", "read", read, messages.get),
        ("GET", f"{folder}/{{message}}/$value", "read", read, messages.value),
    ]  # fmt: skip


class _Guard:
    """Counts, misbehaves on demand, and writes refusals."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self, request: Request, operation: str, mailbox: str, work: Endpoint) -> Response:
        """The answer of a request whose work is done by work."""
        request_id = str(uuid.uuid4())
        self._parts.record.tally.graph_requests[f"{request.method} {operation}"] += 1
        try:
            outage = self._strike("graph-outage", mailbox, operation)
            if outage is not None:
                await _body(request, MOST_DRAINED_OCTETS, "too-large-413")
                raise self._outage(outage)
            mood = self._strike("graph-answer", mailbox, operation)
            answer = await self._answer(request, mood.word("how") if mood is not None else "", work)
        except GraphError as error:
            answer = self._refusal(request, error, request_id)
        answer.headers["request-id"] = request_id
        answer.headers["client-request-id"] = request.headers.get("client-request-id", request_id)
        return answer

    async def pause(self, operation: str, mailbox: str) -> None:
        """Wait as the mood `graph-slow` says."""
        slow = self._strike("graph-slow", mailbox, operation)
        if slow is not None:
            await asyncio.sleep(slow.seconds("seconds"))

    async def unknown(self, request: Request, error: Exception) -> Response:
        """No such address, or no such method."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        answer = self._refusal(request, GraphError("no-path", request.url.path), str(uuid.uuid4()))
        answer.status_code = status
        return answer

    async def _answer(self, request: Request, how: str, work: Endpoint) -> Response:
        if how in WITHOUT_WORK:
            await _body(request, MOST_DRAINED_OCTETS, "too-large-413")
            if how in ("ignored", "dropped"):
                return Response(status_code=200 if how == "ignored" else 202)
            return broken(how, Response())
        request.state.is_heard = not how
        answer = await work(request)
        return broken(how, answer) if how else answer

    def _refusal(self, request: Request, error: GraphError, request_id: str) -> Response:
        self._parts.record.tally.refused[f"graph {error.status} {error.row}"] += 1
        client = request.headers.get("client-request-id", request_id)
        body = error.body(request_id, client, self._parts.clock.now())
        return JSONResponse(body, error.status, headers=error.headers)

    def _outage(self, mood: Mood) -> GraphError:
        seconds = int(mood.seconds("seconds"))
        said = {
            "seconds": str(seconds), "date": formatdate(self._parts.clock.now() + seconds, usegmt=True),
            "day": str(DAY_S), "negative": "-1", "none": "",
        }[mood.word("retry_after")]  # fmt: skip
        return GraphError(
            f"unwell-{int(mood.seconds('status'))}", headers={"Retry-After": said} if said else {}
        )

    def _strike(self, name: str, mailbox: str, operation: str) -> Mood | None:
        moods = self._parts.moods
        return moods.strike(name, mailbox, at=operation) or moods.strike(name, mailbox, at="all")


class _Mailbox:
    """Endpoints that are about one mailbox."""

    def __init__(self, parts: Parts, guard: _Guard, gate: Gate) -> None:
        self._parts, self._guard, self._gate = parts, guard, gate

    def endpoint(self, rule: _Rule, handler: Callable[[Call], Response]) -> Endpoint:
        """The endpoint of one handler."""

        async def work(request: Request) -> Response:
            claims = self._gate.claims(request.headers.get("authorization", ""))
            state = self._gate.mailbox(request.path_params.get("user", "me"), claims)
            self._gate.check_mailbox(claims, state, *rule.permissions)
            with self._gate.at_once(claims, state.settings.address):
                body = await self._body_of(request, claims, state.settings.address)
                await self._guard.pause(rule.operation, state.settings.address)
                return handler(Call(request, claims, state, body, request.state.is_heard))

        async def endpoint(request: Request) -> Response:
            return await self._guard.run(request, rule.operation, request.path_params.get("user", ""), work)

        return endpoint

    async def _body_of(self, request: Request, claims: Claims, address: str) -> bytes:
        graph = self._parts.directory.graph
        body = await _body(request, graph.request_octets, f"too-large-{graph.too_large}")
        self._gate.count(claims, address, len(body))
        return body


class _Tenant:
    """Endpoints that are about the tenant."""

    def __init__(self, guard: _Guard, gate: Gate) -> None:
        self._guard, self._gate = guard, gate

    def endpoint(self, rule: _Rule, handler: Callable[[Request], Response]) -> Endpoint:
        """The endpoint of one handler."""

        async def work(request: Request) -> Response:
            claims = self._gate.claims(request.headers.get("authorization", ""))
            self._gate.check_tenant(claims, *rule.permissions)
            if rule.operation == "trace":
                self._gate.count_trace()
            await self._guard.pause(rule.operation, "")
            return handler(request)

        async def endpoint(request: Request) -> Response:
            return await self._guard.run(request, rule.operation, "", work)

        return endpoint


async def _body(request: Request, most: int, row: str) -> bytes:
    """The body of a request; a larger one is read to its end, so that the client hears why it is refused."""
    octets, n_octets = bytearray(), 0
    async for block in request.stream():
        n_octets += len(block)
        if n_octets <= most:
            octets += block
        elif n_octets > MOST_DRAINED_OCTETS:
            break
    if n_octets > most:
        raise GraphError(row)
    return bytes(octets)
