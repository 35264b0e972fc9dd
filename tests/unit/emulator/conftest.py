"""A pretended tenant with keys that are made once for the whole run, on a clock that a test sets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.certificates import new_authority, new_leaf, new_self_signed
from relay365.emulator.directory import Directory
from relay365.emulator.folder import Identity
from relay365.emulator.scenario import Application, Mailbox, Scenario, Tenant

AT = 1_000_000.0


@pytest.fixture(scope="session")
def identity() -> Identity:
    """Names and keys of a tenant."""
    authority = new_authority("test authority", AT)
    return Identity(
        "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000",
        "33333333-0000-4000-8000-000000000000", "the right secret", authority,
        new_leaf(authority, ["localhost"], AT), new_self_signed("app", AT), new_self_signed("signing", AT),
    )  # fmt: skip


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AT)


@pytest.fixture
def directory_of(identity: Identity, clock: FakeClock) -> Callable[..., Directory]:
    """Makes directories from keys of tenant, application and the mailbox scan@contoso.com."""

    def make(
        *, tenant: dict[str, Any] | None = None, application: dict[str, Any] | None = None, **scan: Any
    ) -> Directory:
        mailboxes = (
            Mailbox(
                address="scan@contoso.com", password="right", aliases=("scanner@contoso.com",),
                send_as=("noreply@contoso.com",), **{"basic_auth": True, **scan},
            ),
            Mailbox(address="erp@contoso.com", password="right"),
        )  # fmt: skip
        scenario = Scenario(
            tenant=Tenant(**(tenant or {})), application=Application(**(application or {})), mailbox=mailboxes
        )
        return Directory(scenario, mailboxes, identity, clock)

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
