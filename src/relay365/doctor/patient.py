"""The patient: one configuration with all that questions need beside it, as values; and its roads, ready to be tried.

Apart from the plan, which chooses the questions: whoever builds roads knows concrete adapters, and hands them over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from relay365.clock import Clock
from relay365.config import (
    Account,
    AcsRoute,
    Config,
    ConnectorRoute,
    GraphRoute,
    HveRoute,
    SubmissionRoute,
    Way,
)
from relay365.doctor.names.asking import Names
from relay365.errors import ConfigError
from relay365.mail.address import domain_of
from relay365.routes.api import Route
from relay365.routes.identity.expiry import Ending
from relay365.routes.identity.source import TokenSource

MICROSOFTS_OWN = ".onmicrosoft.com"


@dataclass(frozen=True, slots=True)
class Road:
    """One [[route]]. routes: one for each mailbox, () where it cannot be built, and fault says why.

    source: its tokens, None where it needs none; ending: when its credential ends, which blocks.
    """

    name: str
    table: Way
    routes: tuple[Route, ...] = ()
    source: TokenSource | None = None
    ending: Callable[[], Ending | None] = lambda: None
    fault: ConfigError | None = None

    @property
    def kind(self) -> str:
        """Its kind, as the file has it."""
        return str(getattr(self.table, "kind", ""))

    @property
    def account(self) -> Account | None:
        """Its table where it signs in to Microsoft by a token."""
        return self.table if isinstance(self.table, Account) and self.source is not None else None


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is examined. base: what paths of the file are relative to; address: our public one, "" where not given.

    gateway: what, why and do where all clients came by one address, None where there is no sign of that.
    """

    config: Config
    file: Path
    data: Path
    clock: Clock
    names: Names
    hostname: str
    roads: tuple[Road, ...] = ()
    address: str = ""
    secret_files: tuple[tuple[str, Path], ...] = field(default=())
    gateway: tuple[str, str, str] | None = None

    @property
    def base(self) -> Path:
        """The folder of the file."""
        return self.file.resolve().parent

    def domains(self) -> tuple[str, ...]:
        """Our own mail domains whose names are asked of DNS: those that the file names, and Microsoft's own not.

        In the order of the file: [sender], mailboxes, the connector's domain.
        """
        found = [*self.config.sender.domains, domain_of(self.config.sender.rewrite_to or "")]
        for road in self.roads:
            table = road.table
            if isinstance(table, SubmissionRoute | GraphRoute):
                found += [domain_of(one) for one in (*table.mailboxes, table.mailbox or "")]
            elif isinstance(table, ConnectorRoute):
                found.append(table.domain)
        own = dict.fromkeys(one.lower() for one in found if one)
        return tuple(one for one in own if not one.endswith(MICROSOFTS_OWN))

    def sender_of(self, road: Road) -> str:
        """An address that this road may send from, as far as the file tells; "" where it does not."""
        table = road.table
        mailbox = getattr(table, "mailbox", None) or next(iter(getattr(table, "mailboxes", ())), "")
        if mailbox:
            return str(mailbox)
        known = self.config.sender.rewrite_to or self.config.queue.reports_to
        domain = next(iter(self.domains()), "")
        return str(known or (f"postmaster@{domain}" if domain else ""))

    def fixed_senders(self) -> tuple[str, ...]:
        """The senders that the file itself puts into messages: they must be allowed, whatever devices say."""
        found = [self.config.sender.rewrite_to or ""]
        found += [one.sender for one in (*self.config.device, *self.config.allow)]
        return tuple(dict.fromkeys(one.lower() for one in found if one))


def sends_outside(road: Road) -> bool:
    """Whether mail of our own domains reaches strangers this way: then what DNS says of the domains counts."""
    return not isinstance(road.table, HveRoute | AcsRoute) and isinstance(road.table, Account)
