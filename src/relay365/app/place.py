"""Site: what every route is built with beside its table; House: what the limits of routes depend on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from relay365.app.keyring import Keyring
from relay365.config import Config, SecretRef, Tenant
from relay365.routes.wire.ear import Ears, nobody


@dataclass(frozen=True, slots=True)
class House:
    """What the file says. own_domains: those of [sender], in lower case; alarms: whether anybody sends any.

    sender: [sender] rewrite_to, "" for none.
    """

    tenants: tuple[Tenant, ...] = ()
    own_domains: frozenset[str] = frozenset()
    alarms: bool = False
    sender: str = ""

    @classmethod
    def of(cls, config: Config) -> House:
        """From the file."""
        own_domains = frozenset(domain.lower() for domain in config.sender.domains)
        alarms = any(grant.priority == "alarm" for grant in (*config.device, *config.allow))
        return cls(config.tenant, own_domains, alarms, config.sender.rewrite_to or "")


@dataclass(frozen=True, slots=True)
class Site:
    """helo: our name in EHLO. base: what relative paths are relative to; data: the data directory.

    token_key seals stored sign-ins; keyring looks after the tokens of all routes. graph_places: for each application,
    by tenant, client and their number, the requests to Graph that may be under way at once. ears: who listens to the
    attempts of routes. house: what limits depend on.
    """

    helo: str
    base: Path
    data: Path
    token_key: SecretRef | None = None
    keyring: Keyring = field(default_factory=Keyring, compare=False)
    ears: Ears = nobody
    graph_places: dict[tuple[str, str, int], asyncio.Semaphore] = field(default_factory=dict, compare=False)
    house: House = House()
