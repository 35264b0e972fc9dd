"""Managed identity behind its two addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from starlette.applications import Starlette

from relay365.emulator.entra.managed import APP_SERVICE_PATH, IMDS_PATH, ManagedIdentity
from relay365.emulator.house.parts import Parts
from unit.emulator.conftest import ask

GRAPH = "https://graph.microsoft.com"


@pytest.fixture
def machine(parts_of: Callable[..., Parts]) -> Any:
    """(identity, a function that asks it)."""
    parts = parts_of()
    identity = ManagedIdentity(parts.directory, parts.tokens, parts.record.tally, parts.clock)
    app = Starlette(routes=identity.routes())
    return identity, lambda target, headers: ask(app, "GET", target, headers=headers)[:2]


def test_imds_gives_a_token_of_a_day(machine: Any) -> None:
    """Every value of the answer is text, as the metadata service writes it, and the token is for the resource."""
    identity, asked = machine
    status, body = asked(f"{IMDS_PATH}?api-version=2018-02-01&resource={GRAPH}", {"Metadata": "true"})

    assert (200, "86400", str(1_000_000 + 86_400)) == (status, body["expires_in"], body["expires_on"])
    assert all(isinstance(value, str) for value in body.values())
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (GRAPH, identity.client_id) == (claims["aud"], claims["appid"])


@pytest.mark.parametrize(
    ("query", "headers", "error"),
    [
        (f"resource={GRAPH}", {}, "invalid_request"),
        (f"resource={GRAPH}", {"Metadata": "true", "X-Forwarded-For": "192.0.2.1"}, "invalid_request"),
        ("", {"Metadata": "true"}, "invalid_resource"),
        ("resource=https://else.example", {"Metadata": "true"}, "invalid_resource"),
        (f"resource={GRAPH}&client_id=else", {"Metadata": "true"}, "invalid_request"),
    ],
)
def test_what_imds_refuses(machine: Any, query: str, headers: dict[str, str], error: str) -> None:
    """A request without the header or through a proxy, a missing or unknown resource, another identity: all 400."""
    status, body = machine[1](f"{IMDS_PATH}?{query}", headers)

    assert (400, error) == (status, body["error"])


def test_app_service(machine: Any) -> None:
    """The secret header opens the endpoint; without it 401, and with another api-version 400."""
    identity, asked = machine
    target = f"{APP_SERVICE_PATH}?api-version=2019-08-01&resource={GRAPH}&client_id={identity.client_id}"
    opened = {"X-IDENTITY-HEADER": identity.header}

    status, body = asked(target, opened)

    assert (200, GRAPH, "Bearer") == (status, body["resource"], body["token_type"])
    assert [401, 400] == [asked(target, {})[0], asked(target.replace("2019-08-01", "2017-09-01"), opened)[0]]
