"""The emulator as a whole: a directory and a scenario in, Microsoft's side on loopback out.

It builds the parts that all services share (house.parts.Parts) and then each service from them: the SMTP services of
exchange, entra's token service, the control API with managed identity beside it, Graph and its upload host.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from relay365.clock import Clock, SystemClock
from relay365.emulator import texts
from relay365.emulator.control import Control
from relay365.emulator.directory import Directory
from relay365.emulator.entra.managed import ManagedIdentity
from relay365.emulator.entra.service import TokenService
from relay365.emulator.entra.tokens import Tokens
from relay365.emulator.exchange.acs import AzureMail
from relay365.emulator.exchange.hve import HighVolume
from relay365.emulator.exchange.judge import Judge
from relay365.emulator.exchange.mx import MxHost
from relay365.emulator.exchange.session import Reception
from relay365.emulator.exchange.submission import Submission
from relay365.emulator.folder import Folder
from relay365.emulator.graph.drafts import Drafts
from relay365.emulator.graph.entrance import graph_app, upload_app
from relay365.emulator.house.contexts import Contexts
from relay365.emulator.house.parts import Addresses, Parts
from relay365.emulator.house.ports import Ports
from relay365.emulator.house.web import bind, port_of, serve_http, shown
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.scenario import Scenario
from relay365.emulator.tenant.office import PostOffice
from relay365.errors import ConfigError
from relay365.net.loop import when_ended

Announce = Callable[[dict[str, Any]], None]

WEB = ("authority", "graph", "upload", "control")
"""The HTTP services; the others speak SMTP."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asked for. ports by service; 0 or none takes that of the last run where it is free, else a free
    one.
    """

    directory: Path
    scenario: Scenario
    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)


def run(wishes: Wishes, announce: Announce) -> int:
    """Run until SIGTERM or SIGINT; gives the exit code. announce gets the facts of emulator.json when all is ready.

    Raises OSError (directory, ports), ConfigError (moods of the scenario) and DataInUseError before that.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(serve(wishes, announce, SystemClock()))


async def serve(wishes: Wishes, announce: Announce, clock: Clock) -> int:
    """As run(), inside a loop."""
    stopping = asyncio.Event()
    when_ended(stopping.set)
    async with Emulator(wishes, clock) as emulator:
        announce(emulator.facts)
        await stopping.wait()
    return 0


class Emulator:
    """A running emulator, as a context."""

    def __init__(self, wishes: Wishes, clock: Clock) -> None:
        self.facts: dict[str, Any] = {}
        self._wishes, self._clock = wishes, clock
        self._folder = Folder(wishes.directory)
        self._moods = Moods(clock)
        self._ports = Ports(self._moods)
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as building:
            self._folder.take()
            building.callback(self._folder.release)
            await self._build(building)
            self._stack = building.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _build(self, stack: contextlib.AsyncExitStack) -> None:
        stack.push_async_callback(self._ports.close)
        sockets = self._sockets(stack)
        parts = self._parts(sockets)
        self._moods.is_mailbox = lambda address: parts.directory.mailbox(address) is not None
        identity = ManagedIdentity(parts.directory, parts.tokens, parts.record.tally, self._clock)
        commands = Control(parts, self._ports.settled, identity.routes())
        await self._serve(stack, parts, commands, sockets)
        self._moods.changed = self._ports.follow
        stack.callback(self._follow_no_more)
        self._set_moods(self._wishes.scenario)
        self._ports.follow()
        await self._ports.settled()
        workload_file = self._folder.keep_workload_token(parts.tokens.credentials.workload_token())
        commands.facts = self.facts = {
            **self._describe(parts), "managed_identity": identity.facts(parts.addresses.control),
            "workload_token_file": str(workload_file),
        }  # fmt: skip
        self._folder.publish(self.facts)

    def _parts(self, sockets: dict[str, socket.socket]) -> Parts:
        """The shared parts, with every SMTP port held."""
        clock, folder, moods, scenario = self._clock, self._folder, self._moods, self._wishes.scenario
        identity = folder.identity(clock.now())
        folder.connector_files(identity, scenario.tenant.domain, clock.now())
        directory = Directory(scenario, folder.with_passwords(scenario.mailboxes()), identity, clock)
        directory.set_hve_accounts(folder.with_passwords(scenario.hve_accounts()))
        record, tokens = Record(folder.path / "delivered"), Tokens(directory, clock)
        office = PostOffice(directory, record, moods, clock)
        contexts = Contexts(identity, folder.path, clock)
        self._hold(
            Reception(
                Submission(directory, tokens.judge, moods, clock),
                moods,
                record,
                office,
                contexts.plain,
                clock,
            )
        )
        self._hold(
            Reception(
                MxHost(directory, moods, clock), moods, record, office, contexts.asking, clock, texts.MX_FRONT_END, (),
                contexts.trusted,
            )
        )  # fmt: skip
        others: tuple[tuple[Judge, str], ...] = (
            (HighVolume(directory, tokens.signer, moods, clock), texts.HVE_FRONT_END),
            (AzureMail(directory, tokens.signer, moods, clock), texts.ACS_FRONT_END),
        )
        for judge, front_end in others:
            self._hold(Reception(judge, moods, record, office, contexts.plain, clock, front_end))
        addresses = self._addresses(sockets)
        tokens.base = addresses.authority
        return Parts(directory, tokens, moods, record, office, clock, addresses)

    async def _serve(
        self,
        stack: contextlib.AsyncExitStack,
        parts: Parts,
        commands: Control,
        sockets: dict[str, socket.socket],
    ) -> None:
        """Begin to answer HTTP."""
        tokens = TokenService(parts.directory, parts.tokens, self._moods, parts.record.tally, self._clock)
        await serve_http(stack, tokens.app(), sockets["authority"], self._folder.path)
        await serve_http(stack, commands.app(), sockets["control"], None)
        drafts = Drafts(self._clock)
        stack.callback(drafts.close)
        await serve_http(stack, graph_app(parts, drafts), sockets["graph"], self._folder.path)
        await serve_http(stack, upload_app(parts, drafts), sockets["upload"], self._folder.path)

    def _hold(self, reception: Reception) -> None:
        service, last = reception.judge.service, self._folder.last_ports()
        wished = self._wishes.ports.get(service, 0)
        self._ports.add(reception, self._wishes.host, wished, last.get(service, 0))

    def _sockets(self, stack: contextlib.AsyncExitStack) -> dict[str, socket.socket]:
        last, wishes, sockets = self._folder.last_ports(), self._wishes, {}
        for service in WEB:
            sockets[service] = bind(wishes.host, wishes.ports.get(service, 0), last.get(service, 0))
            stack.callback(sockets[service].close)
        return sockets

    def _addresses(self, sockets: dict[str, socket.socket]) -> Addresses:
        host = shown(self._wishes.host)
        smtp = {service: f"{host}:{one.port}" for service, one in self._ports.listeners.items()}
        web = {
            service: f"{'http' if service == 'control' else 'https'}://{host}:{port_of(one)}"
            for service, one in sockets.items()
        }
        return Addresses(**smtp, **web)

    def _describe(self, parts: Parts) -> dict[str, Any]:
        directory, addresses = parts.directory, parts.addresses
        keys = ("address", "password", "aliases", "send_as", "smtp_auth", "basic_auth")
        return {
            "authority": addresses.authority,
            "submission": addresses.submission,
            "mx": addresses.mx,
            "hve": addresses.hve,
            "acs": addresses.acs,
            "graph": addresses.graph,
            "upload": addresses.upload,
            "tenant": directory.tenant.domain,
            "tenant_id": directory.identity.tenant_id,
            "client_id": directory.identity.client_id,
            "client_secret": directory.identity.secret,
            **self._folder.facts(),
            "mailboxes": [
                {key: value for key, value in one.settings.model_dump(mode="json").items() if key in keys}
                for one in directory.mailboxes()
            ],
            "hve_accounts": [
                {"address": one.address, "password": one.password} for one in directory.hve_accounts.values()
            ],
            "acs_username": f"{directory.acs.resource}|{directory.identity.client_id}|{directory.identity.tenant_id}",
            "control": addresses.control,
        }

    def _set_moods(self, scenario: Scenario) -> None:
        for n, request in enumerate(scenario.mood):
            try:
                self._moods.add(request)
            except ValueError as error:
                key, _, reason = str(error).partition(": ")
                expected, _, found = reason.partition(", found ")
                raise ConfigError(
                    f"mood[{n}].{key}", expected.removeprefix("expected "), found or repr(request)
                ) from error

    def _follow_no_more(self) -> None:
        self._moods.changed = lambda: None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop  # type: ignore[no-any-return,unused-ignore]
