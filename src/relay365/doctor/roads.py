"""The questions about roads: what is asked of each kind of route upstream, of its domains, and of a connector.

Apart from the plan, which knows the whole: here stands what one road needs, with the conversation that its questions
share. A road's questions stand behind each other in the order in which mail meets what they ask about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from relay365.config import Account, ConnectorRoute, GraphRoute, HveRoute, SubmissionRoute
from relay365.doctor.finding import Finding, State, bad, good
from relay365.doctor.house import shown_chain
from relay365.doctor.names import address, records
from relay365.doctor.patient import Patient, Road
from relay365.doctor.runner import Check
from relay365.doctor.upstream import bearer, web
from relay365.doctor.upstream.visit import OUTSIDE, Visit
from relay365.errors import TokenRefused, TransportError
from relay365.routes.identity.claims import Claims, read_claims
from relay365.routes.identity.transport import Way
from relay365.routes.wire.route import WireRoute

AUTH_DEADLINE_S = 60.0
SLOW_DEADLINE_S = 90.0
RESOLVER = "dns.resolver"

_FROM_MAILBOX = (SubmissionRoute, ConnectorRoute)

PageAsked = Callable[[], Awaitable[web.Page]]


@dataclass(slots=True)
class Ways:
    """All roads of a patient while they are asked about; close() ends their conversations."""

    patient: Patient
    _visits: dict[str, Visit] = field(default_factory=dict)
    _pages: dict[str, asyncio.Task[web.Page]] = field(default_factory=dict)
    _claims: dict[str, Claims] = field(default_factory=dict)

    async def close(self) -> None:
        """End every conversation, and what roads hold."""
        for visit in self._visits.values():
            await visit.close()
        for task in self._pages.values():
            task.cancel()
        for road in self.patient.roads:
            for route in road.routes:
                await route.close()

    def first_page(self) -> PageAsked | None:
        """Asks the token service of the first road that signs in to Entra; None where there is none."""
        for road in self.patient.roads:
            if road.account is not None and road.account.asks_entra():
                return partial(self._page, web.authority_address(road.account), self._way(road.account))
        return None

    def also_needed(self, checks: Iterable[Check]) -> list[Check]:
        """Questions of another area that these ones need and that are not among them."""
        known = {one.name for one in checks}
        missing = [name for one in checks for name in one.needs if name not in known]
        found: list[Check] = []
        for road in self.patient.roads:
            if any(name.startswith(f"upstream.{road.name}.") for name in missing):
                whole = self.upstream(road)
                last = max(n for n, one in enumerate(whole) if one.name in missing)
                found += whole[: last + 1]
        return found

    # -- upstream ---------------------------------------------------------------------------------------------------

    def upstream(self, road: Road) -> list[Check]:
        """From the settings to the transaction that is not carried out."""
        at = f"upstream.{road.name}"
        checks = [Check(f"{at}.settings", partial(_settings, road))]
        ready = (f"{at}.settings",)
        if road.fault is not None:
            return checks
        signing: tuple[str, ...] = ready
        if road.account is not None:
            checks += self._token_checks(road, road.account, at)
            signing = (f"{at}.token",)
        if isinstance(road.table, GraphRoute):
            url = road.table.graph_endpoint
            ask = partial(self._graph, url, self._way(road.table))
            checks.append(Check(f"{at}.graph", ask, needs=ready))
            return checks
        wires = [one for one in road.routes if isinstance(one, WireRoute)]
        if wires:
            checks += self._wire_checks(road, wires[0], at, signing)
        for other in wires[1:]:
            ask = partial(self._pooled, road, other)
            name = f"upstream.{other.lane}.auth"
            checks.append(Check(name, ask, needs=(f"{at}.auth",), deadline_s=SLOW_DEADLINE_S))
        return checks

    def _token_checks(self, road: Road, table: Account, at: str) -> list[Check]:
        needs: tuple[str, ...] = (f"{at}.settings",)
        checks = []
        if table.asks_entra():
            checks.append(Check(f"{at}.authority", partial(self._authority, table), needs=needs))
            needs = (f"{at}.authority",)
        ask = partial(self._token, road)
        return [*checks, Check(f"{at}.token", ask, needs=needs, deadline_s=SLOW_DEADLINE_S)]

    def _wire_checks(self, road: Road, route: WireRoute, at: str, signing: tuple[str, ...]) -> list[Check]:
        visit = self.visit_of(road, route)
        remote_tls = getattr(road.table, "tls", "required")
        finds = (
            (f"{at}.token",)
            if isinstance(road.table, ConnectorRoute) and road.account
            else (f"{at}.settings",)
        )
        checks = [
            Check(f"{at}.host", visit.find, needs=finds),
            Check(f"{at}.port", visit.reach, needs=(f"{at}.host",)),
            Check(f"{at}.greeting", visit.greet, needs=(f"{at}.port",), deadline_s=AUTH_DEADLINE_S),
        ]
        last = f"{at}.greeting"
        if remote_tls in ("required", "opportunistic"):
            checks.append(Check(f"{at}.tls", visit.secure, needs=(last,)))
            last = f"{at}.tls"
        if route.wire.sign_in is not None:
            ask = partial(self._signed_in, road, visit)
            checks.append(Check(f"{at}.auth", ask, needs=(last, *signing), deadline_s=AUTH_DEADLINE_S))
            last = f"{at}.auth"
        if visit.sender and visit.recipient:
            checks.append(Check(f"{at}.sender", visit.offer, needs=(last,), deadline_s=AUTH_DEADLINE_S))
            for other in self.patient.fixed_senders() if isinstance(road.table, _FROM_MAILBOX) else ():
                if other != visit.sender.lower():
                    name = f"upstream.{road.name}/{other}.sender"
                    checks.append(
                        Check(name, partial(visit.offer, other), needs=(last,), deadline_s=AUTH_DEADLINE_S)
                    )
        return checks

    def visit_of(self, road: Road, route: WireRoute) -> Visit:
        """The one conversation of a road and mailbox."""
        known = self._visits.get(route.lane)
        if known is None:
            sender = route.mailbox or self.patient.sender_of(road)
            known = self._visits[route.lane] = Visit(route, sender, self._recipient(road, sender))
        return known

    def _recipient(self, road: Road, sender: str) -> str:
        """To whom: outside, where a connector must relay; ourselves, where that proves as much."""
        return OUTSIDE if isinstance(road.table, ConnectorRoute) else sender

    async def _signed_in(self, road: Road, visit: Visit) -> Finding:
        """AUTH, and what the token that we have seen rules out of the causes of a refusal."""
        finding = await visit.sign_in()
        claims = self._claims.get(road.name)
        if finding.state is State.BAD and claims is not None and finding.said.startswith("535"):
            return bearer.blamed(finding, road.kind, claims, visit.route.mailbox)
        return finding

    async def _pooled(self, road: Road, route: WireRoute) -> Finding:
        """A further mailbox of a pool, all steps in one."""
        visit = self.visit_of(road, route)
        finding = good("")
        for step in (visit.find, visit.greet, visit.secure, visit.sign_in, visit.offer):
            finding = await step()
            if finding.state is not State.GOOD:
                return finding
        return finding

    async def _token(self, road: Road) -> Finding:
        finding = await bearer.token(road)
        if finding.state is State.GOOD and road.source is not None:
            try:
                self._claims[road.name] = read_claims(await road.source.token())
            except TokenRefused:
                self._claims.pop(road.name, None)
        return finding

    async def _authority(self, table: Account) -> Finding:
        way = self._way(table)
        try:
            page = await self._page(web.authority_address(table), way)
        except TransportError as error:
            return web.unreachable(urlsplit(table.authority).netloc, error, way)
        return web.judged_authority(table, page)

    async def _graph(self, url: str, way: Way) -> Finding:
        try:
            page = await self._page(f"{url.rstrip('/')}/v1.0/", way)
        except TransportError as error:
            return web.unreachable(urlsplit(url).netloc, error, way)
        return web.judged_graph(url, page)

    async def _page(self, url: str, way: Way) -> web.Page:
        """Each address is asked once, whoever wants to know."""
        task = self._pages.get(url)
        if task is None:
            task = self._pages[url] = asyncio.get_running_loop().create_task(web.get(url, way))
        return await asyncio.shield(task)

    def _way(self, table: Account) -> Way:
        return Way(str(self.patient.base / table.ca_file) if table.ca_file else "", table.proxy)

    # -- domains and connectors ---------------------------------------------------------------------------------------

    def dns(self) -> list[Check]:
        """SPF, DKIM and DMARC of each of our domains, and the MX where a connector is looked up there."""
        names = self.patient.names
        checks = [Check(RESOLVER, partial(records.resolver, names))]
        clouds = [road.table.cloud for road in self.patient.roads if isinstance(road.table, Account)]
        by_mx = {
            road.table.domain.lower()
            for road in self.patient.roads
            if isinstance(road.table, ConnectorRoute) and road.table.domain and road.table.find == "dns"
        }
        for domain in self.patient.domains():
            at = f"dns.{domain}"
            asked = {
                "spf": partial(records.spf, domain, names, clouds[0]),
                "dkim": partial(records.dkim, domain, names),
                "dmarc": partial(records.dmarc, domain, names),
            }
            if domain in by_mx:
                asked["mx"] = partial(records.mx, domain, names)
            checks += [Check(f"{at}.{question}", ask, needs=(RESOLVER,)) for question, ask in asked.items()]
        return checks if len(checks) > 1 else []

    def connectors(self) -> list[Check]:
        """What decides whether Microsoft knows a connector's relay, and believes it."""
        checks: list[Check] = []
        for road in self.patient.roads:
            if isinstance(road.table, ConnectorRoute):
                checks += self._connector(road, road.table)
        if not checks and self.patient.address:  # no connector yet: somebody thinks about one
            checks += self._of_address("connector.planned", lambda: ("", self.patient.address), ())
        return checks

    def _connector(self, road: Road, table: ConnectorRoute) -> list[Check]:
        at, checks = f"connector.{road.name}", []
        if table.certificate is not None:
            ask = partial(shown_chain.chain, table, self.patient)
            checks.append(Check(f"{at}.certificate", ask))
        wire = next((one for one in road.routes if isinstance(one, WireRoute)), None)
        if wire is None and not self.patient.address:
            return checks
        visit = self.visit_of(road, wire) if wire is not None else None

        def seen() -> tuple[str, str]:
            own, given = (visit.talk.own_address, visit.seen_as) if visit is not None else ("", "")
            return own, self.patient.address or given

        needs = () if self.patient.address else (f"upstream.{road.name}.greeting",)
        return [*checks, *self._of_address(at, seen, needs, by_address=table.certificate is None)]

    def _of_address(
        self, at: str, seen: Callable[[], tuple[str, str]], needs: tuple[str, ...], *, by_address: bool = True
    ) -> list[Check]:
        names = self.patient.names

        async def public() -> Finding:
            own, given = seen()
            return await address.public(given, own)

        async def named() -> Finding:
            return await address.named(seen()[1], names)

        def listed(zone: str) -> Callable[[], Awaitable[Finding]]:
            async def ask() -> Finding:
                return await address.listed(seen()[1], zone, names)

            return ask

        behind = (f"{at}.address",)
        checks = [Check(behind[0], public, needs=needs), Check(f"{at}.ptr", named, needs=behind)]
        checks += [
            Check(f"{at}.{zone.replace('.', '-')}.blocklist", listed(zone), needs=behind)
            for zone in address.LISTS
        ]
        for domain in self.patient.domains() if by_address else ():

            async def spf(domain: str = domain) -> Finding:
                return await records.spf(domain, names, "global", seen()[1])

            checks.append(Check(f"{at}.{domain}.spf", spf, needs=behind))
        return checks


async def _settings(road: Road) -> Finding:
    """Whether the relay can build this road at all."""
    fault = road.fault
    if fault is not None:
        said = f"expected {fault.expected}, found {fault.found}"
        return bad(fault.where, said, fault.hint or "relay365 config check")
    mailboxes = ", ".join(one.mailbox for one in road.routes if isinstance(one, WireRoute) and one.mailbox)
    who = f" as {mailboxes}" if mailboxes else ""
    note = f", to {', '.join(road.table.domains)} only" if isinstance(road.table, HveRoute) else ""
    return good(f"{road.kind} to {road.table.leads_to()}{who}{note}")
