"""A token service on loopback, one for each test that names it, and an application registered there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.identity import TokenService
from relay365.routes.identity.entra import Application
from relay365.routes.identity.transport import Way


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TokenService]:
    with TokenService(tmp_path / "tls").running() as running:
        yield running


@pytest.fixture
def application(service: TokenService) -> Application:
    scope = "https://outlook.office.com/SMTP.Send"
    return Application(service.authority, "contoso.com", "7a1e0c52", (scope,), Way(service.ca_file))
