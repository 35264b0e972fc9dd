"""What the services share."""

from __future__ import annotations

import dataclasses

from relay365.emulator.folder import SERVICES
from relay365.emulator.house.parts import Addresses


def test_every_service_has_an_address() -> None:
    """The addresses are those of the services that have a port, each once."""
    assert set(SERVICES) == {one.name for one in dataclasses.fields(Addresses)}
