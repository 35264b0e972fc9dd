"""The connector route: port 25 to the tenant's own MX host, which knows us by certificate or by address.

The host is never computed: it is named in the file, or looked up in DNS or in Microsoft Graph, which alone knows it
for new domains. An answer is kept for its life, longer while nobody answers, and asked for again when the host cannot
be reached. What DNS names must be Microsoft's: an MX record may lead to a filter in front of it, which is no connector.
(Microsoft: "Updated requirements for SMTP relay through Exchange Online"; "List serviceConfigurationRecords";
RFC 5321 5.1)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from relay365.clock import Clock
from relay365.errors import TokenRefused, TransportError
from relay365.net.resolve import MxHosts
from relay365.routes.api import LaneLimits
from relay365.routes.classify import outcome_of_graph
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.wire.remote import CannotOpen, Remote, held
from relay365.routes.wire.route import Wire, WireRoute

MX_SUFFIXES = (
    ".mx.microsoft",
    ".mail.protection.outlook.com",
    ".mail.protection.office365.us",
    ".mail.protection.partner.outlook.cn",
)
"""What the names of Microsoft's MX hosts end with, by cloud. Another one can be named in the file."""
LEAST_LIFE_S = 60.0

_MX_RECORD = "#microsoft.graph.domainDnsMxRecord"
_LOG = logging.getLogger("relay365.route")

Find = Callable[[], Awaitable[MxHosts]]
"""Look the hosts up; raises CannotOpen where there is none, TransportError or TokenRefused where nobody says."""


class Connector(WireRoute):
    """One MX host of one tenant."""

    kind = "connector"

    def __init__(
        self, name: str, wire: Wire, limits: LaneLimits, ended: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(name, wire, limits)
        self._ended = ended

    async def close(self) -> None:
        """See routes.api.Route; ended: what else is to be closed."""
        await super().close()
        if self._ended is not None:
            await self._ended()


@dataclass(slots=True)
class Known:
    """An answer. at_mono: when it was given; until_mono: how long it is not asked for again; n: which host is used."""

    hosts: tuple[str, ...]
    at_mono: float
    until_mono: float
    n: int = 0


class MxHost:
    """A Destination that is looked up. remote: makes one of a host's name, each time with our certificate of now."""

    def __init__(self, find: Find, remote: Callable[[str], Awaitable[Remote]], clock: Clock) -> None:
        self._look_up, self._remote, self._clock = find, remote, clock
        self._known: Known | None = None
        self._task: asyncio.Task[Exception | None] | None = None

    async def find(self) -> Remote:
        """See Destination. Whoever asks at the same time gets the same answer."""
        known = self._known
        if known is None or self._clock.mono() >= known.until_mono:
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._renew())
            error = await asyncio.shield(self._task)
            known = self._known
            if known is None:
                raise error or TransportError("resolve", "the MX host is not known")
        return await self._remote(known.hosts[known.n])

    def missed(self) -> None:
        """See Destination: the next host of the same answer, and soon a new answer."""
        known = self._known
        if known is not None:
            known.n = (known.n + 1) % len(known.hosts)
            known.until_mono = min(known.until_mono, known.at_mono + LEAST_LIFE_S)

    async def _renew(self) -> Exception | None:
        """Ask again; gives why there is no answer. The last one holds for a minute more then (RFC 8767)."""
        now, known = self._clock.mono(), self._known
        try:
            found = await self._look_up()
        except (CannotOpen, TokenRefused, TransportError) as error:
            if known is not None:
                _LOG.warning("route.host-stale host=%s reason=%s", known.hosts[known.n], error)
                known.at_mono, known.until_mono = now, now + LEAST_LIFE_S
            return error
        if known is None or known.hosts != found.hosts:
            _LOG.info("route.host-found hosts=%s", ",".join(found.hosts))
            known = self._known = Known(found.hosts, now, now)
        known.at_mono, known.until_mono = now, now + max(found.ttl_s, LEAST_LIFE_S)
        return None


def by_dns(domain: str, ask: Callable[[str], Awaitable[MxHosts]]) -> Find:
    """The domain's MX record, where it leads to Microsoft. ask: net.resolve.mx_of."""

    async def find() -> MxHosts:
        found = await ask(domain)
        if not found.hosts:
            raise held("no-mx-host", f"{domain} has no MX record")
        hosts = tuple(host for host in found.hosts if host.lower().endswith(MX_SUFFIXES))
        if not hosts:
            raise held(
                "mx-not-microsoft", f"the MX of {domain} is {found.hosts[0]}, which is not Microsoft's"
            )
        return MxHosts(hosts, found.ttl_s)

    return find


def by_graph(domain: str, ask: Callable[[str], Awaitable[GraphAnswer]]) -> Find:
    """The MX host that Graph wants in the domain's DNS. ask: a GET, by path; raises TokenRefused, TransportError.

    (Microsoft: "List serviceConfigurationRecords"; Domain.Read.All)
    """

    async def find() -> MxHosts:
        answer = await ask(f"/v1.0/domains/{domain}/serviceConfigurationRecords")
        if answer.status != 200:
            raise _refused(domain, answer)
        records = answer.json().get("value")
        found = [one for one in records if _is_mx(one)] if isinstance(records, list) else []
        if not found:
            raise held("no-mx-host", f"Graph names no MX host for {domain}")
        found.sort(key=lambda one: _number(one.get("preference")))
        return MxHosts(tuple(one["mailExchange"].rstrip(".") for one in found), _number(found[0].get("ttl")))

    return find


def _is_mx(record: object) -> bool:
    if not isinstance(record, dict) or record.get("@odata.type") != _MX_RECORD:
        return False
    host = record.get("mailExchange")
    return isinstance(host, str) and bool(host.strip("."))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int) else 0.0


def _refused(domain: str, answer: GraphAnswer) -> Exception:
    """A no to our question is a person's to heal and never a message's fault; what is unwell passes by itself."""
    code, message = answer.error()
    words = f"Graph does not tell the MX host of {domain}: {answer.status} {code} {message}".rstrip()
    if answer.status == 429 or answer.status >= 500:
        return TransportError("resolve", words)
    row = outcome_of_graph(answer.status, code, message).row if answer.status in (401, 403) else ""
    return held(row or "no-mx-host", words)
