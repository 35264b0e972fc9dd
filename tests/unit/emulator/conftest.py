"""A pretended tenant with keys that are made once for the whole run, on a clock that a test sets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.certificates import new_authority, new_leaf, new_self_signed
from relay365.emulator.directory import Directory
from relay365.emulator.entra.tokens import Tokens
from relay365.emulator.folder import Identity
from relay365.emulator.house.parts import Addresses, Parts
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.scenario import Application, Graph, Mailbox, Scenario, Tenant
from relay365.emulator.tenant.office import PostOffice

AT = 1_000_000.0


@pytest.fixture(scope="session")
def identity() -> Identity:
    """Names and keys of a tenant."""
    authority = new_authority("test authority", AT)
    return Identity(
        "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000",
        "33333333-0000-4000-8000-000000000000", "the right secret", authority,
        new_leaf(authority, ["localhost"], AT), new_self_signed("app", AT), new_self_signed("signing", AT),
        new_authority("public root", AT, depth=1),
    )  # fmt: skip


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AT)


@pytest.fixture
def directory_of(identity: Identity, clock: FakeClock) -> Callable[..., Directory]:
    """Makes directories from keys of tenant, application and the mailbox scan@contoso.com."""

    def make(
        *,
        tenant: dict[str, Any] | None = None,
        application: dict[str, Any] | None = None,
        graph: dict[str, Any] | None = None,
        **scan: Any,
    ) -> Directory:
        mailboxes = (
            Mailbox(
                address="scan@contoso.com", password="right", aliases=("scanner@contoso.com",),
                send_as=("noreply@contoso.com",), **{"basic_auth": True, **scan},
            ),
            Mailbox(address="erp@contoso.com", password="right"),
        )  # fmt: skip
        scenario = Scenario(
            tenant=Tenant(**(tenant or {})), application=Application(**(application or {})),
            graph=Graph(**(graph or {})), mailbox=mailboxes,
        )  # fmt: skip
        return Directory(scenario, mailboxes, identity, clock)

    return make


@pytest.fixture
def parts_of(
    directory_of: Callable[..., Directory], tmp_path: Path, clock: FakeClock
) -> Callable[..., Parts]:
    """Makes the shared parts of an emulator whose directory has these settings."""

    def make(**settings: Any) -> Parts:
        directory, moods, record = directory_of(**settings), Moods(clock), Record(tmp_path)
        tokens = Tokens(directory, clock)
        office = PostOffice(directory, record, moods, clock)
        names = {one.name: f"https://{one.name}.test" for one in fields(Addresses)}
        tokens.base = names["authority"]
        return Parts(directory, tokens, moods, record, office, clock, Addresses(**names))

    return make


def ask(
    app: Any, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """One request to an ASGI application; gives (status, JSON or octets, headers)."""
    said: list[dict[str, Any]] = []
    received: list[bool] = []
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if received:
            await asyncio.Event().wait()  # the peer stays
        received.append(True)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(dict(message))

    asyncio.run(app(scope, receive, send))
    octets = b"".join(one.get("body", b"") for one in said)
    found = {k.decode(): v.decode() for k, v in said[0]["headers"]}
    is_json = found.get("content-type", "").startswith("application/json")
    return said[0]["status"], json.loads(octets) if is_json else octets, found
