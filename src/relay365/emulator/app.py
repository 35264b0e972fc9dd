"""The emulator as a whole: a directory and a scenario in, Microsoft's side on loopback out."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette

from relay365.clock import Clock, SystemClock
from relay365.emulator import certificates
from relay365.emulator.control import Control
from relay365.emulator.directory import Directory
from relay365.emulator.entra.service import TokenService
from relay365.emulator.entra.tokens import Tokens
from relay365.emulator.exchange.judge import Judge
from relay365.emulator.exchange.listener import Listener
from relay365.emulator.exchange.session import Reception
from relay365.emulator.folder import LEAF_NAMES, Folder, Identity
from relay365.emulator.moods import Moods
from relay365.emulator.record import Record
from relay365.emulator.scenario import Scenario
from relay365.errors import ConfigError

Announce = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person asked for. Ports: 0 takes those of the last run where they are free, else free ones."""

    directory: Path
    scenario: Scenario
    host: str = "127.0.0.1"
    submission_port: int = 0
    authority_port: int = 0
    control_port: int = 0


def run(wishes: Wishes, announce: Announce) -> int:
    """Run until SIGTERM or SIGINT; gives the exit code. announce gets the facts of emulator.json when all is ready.

    Raises OSError (directory, ports), ConfigError (moods of the scenario) and DataInUseError before that.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(serve(wishes, announce, SystemClock()))


async def serve(wishes: Wishes, announce: Announce, clock: Clock) -> int:
    """As run(), inside a loop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
        else:
            loop.add_signal_handler(number, stopping.set)
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
        self._stack = contextlib.AsyncExitStack()
        self._alarm: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

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
        wishes, clock, folder, moods = self._wishes, self._clock, self._folder, self._moods
        identity = folder.identity(clock.now())
        mailboxes = folder.with_passwords(wishes.scenario.mailboxes())
        directory = Directory(wishes.scenario, mailboxes, identity, clock)
        record = Record(folder.path / "delivered")
        tokens = Tokens(directory, clock)
        judge = Judge(directory, tokens.judge, moods, clock)
        contexts = _Contexts(identity, folder.path, clock)
        listener = self._listener(Reception(judge, moods, record, contexts.context, clock))
        stack.push_async_callback(listener.close)
        authority, control = self._sockets(stack)
        tokens.base = f"https://{_shown(wishes.host)}:{authority.getsockname()[1]}"
        service = TokenService(directory, tokens, moods, record.tally, clock)
        commands = Control(directory, moods, record, self._settled)
        await _serve_http(stack, service.app(), authority, folder.path)
        await _serve_http(stack, commands.app(), control, None)
        moods.is_mailbox = lambda address: directory.mailbox(address) is not None
        moods.changed = functools.partial(self._follow, listener)
        stack.push_async_callback(self._quiet)
        self._set_moods(wishes.scenario)
        self._follow(listener)
        await self._settled()
        commands.facts = self.facts = self._describe(
            directory, listener.port, tokens.base, control.getsockname()[1]
        )
        folder.publish(self.facts)

    def _listener(self, reception: Reception) -> Listener:
        host, wished = self._wishes.host, self._wishes.submission_port
        for port in (wished or self._folder.last_ports().get("submission", 0), wished):
            with contextlib.suppress(OSError):
                return Listener(reception, host, port)
        return Listener(reception, host, wished)

    def _sockets(self, stack: contextlib.AsyncExitStack) -> tuple[socket.socket, socket.socket]:
        last, wishes = self._folder.last_ports(), self._wishes
        authority = _bind(wishes.host, wishes.authority_port, last.get("authority", 0))
        stack.callback(authority.close)
        control = _bind(wishes.host, wishes.control_port, last.get("control", 0))
        stack.callback(control.close)
        return authority, control

    def _describe(
        self, directory: Directory, submission: int, authority: str, control: int
    ) -> dict[str, Any]:
        host = _shown(self._wishes.host)
        keys = ("address", "password", "aliases", "send_as", "smtp_auth", "basic_auth")
        return {
            "authority": authority,
            "submission": f"{host}:{submission}",
            "mx": None,
            "graph": None,
            "tenant": directory.tenant.domain,
            "tenant_id": directory.identity.tenant_id,
            "client_id": directory.identity.client_id,
            "client_secret": directory.identity.secret,
            **self._folder.facts(),
            "mailboxes": [
                {key: value for key, value in one.settings.model_dump(mode="json").items() if key in keys}
                for one in directory.mailboxes()
            ],
            "control": f"http://{host}:{control}",
        }

    # -- moods that need the listener ---------------------------------------------------------------------------------

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

    def _follow(self, listener: Listener) -> None:
        """A mood came or went: see to it that the port refuses or listens, now and when the next mood ends."""
        loop = asyncio.get_running_loop()
        if self._moods.find("outage", how="refuse"):
            listener.shut()
        elif self._opening is None or self._opening.done():
            self._opening = loop.create_task(listener.open())
        if self._alarm is not None:
            self._alarm.cancel()
        next_s = self._moods.next_end_s()
        if next_s is not None:
            self._alarm = loop.call_later(next_s + 0.001, self._follow, listener)

    async def _settled(self) -> None:
        """Wait until the port does what the moods say; raises OSError where it cannot be opened."""
        if self._opening is not None:
            await self._opening

    async def _quiet(self) -> None:
        """Follow moods no more."""
        self._moods.changed = lambda: None
        if self._alarm is not None:
            self._alarm.cancel()
        await self._settled()


class _Contexts:
    """TLS contexts: the right one, and those that a mood asks for, made when they are first needed."""

    def __init__(self, identity: Identity, folder: Path, clock: Clock) -> None:
        self._identity, self._folder, self._clock = identity, folder, clock
        self._made: dict[str, ssl.SSLContext] = {}

    def context(self, how: str) -> ssl.SSLContext:
        """The context for "", "name", "authority" or "expired"."""
        if how not in self._made:
            self._made[how] = self._make(how)
        return self._made[how]

    def _make(self, how: str) -> ssl.SSLContext:
        at, authority = self._clock.now(), self._identity.authority
        leaf = self._identity.leaf
        if how == "name":
            leaf = certificates.new_leaf(authority, ["another-host.example"], at)
        elif how == "authority":
            authority = certificates.new_authority("an authority that nobody knows", at)
            leaf = certificates.new_leaf(authority, LEAF_NAMES, at)
        elif how == "expired":
            leaf = certificates.new_leaf(authority, LEAF_NAMES, at, days=-1)
        return certificates.context_of(leaf, authority, self._folder)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the emulator ends it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


async def _serve_http(
    stack: contextlib.AsyncExitStack, app: Starlette, bound: socket.socket, tls_folder: Path | None
) -> None:
    """Serve an application on a bound socket until the stack is closed."""
    files = (tls_folder / "server.pem", tls_folder / "server.key") if tls_folder else (None, None)
    config = uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False,
        ssl_certfile=files[0], ssl_keyfile=files[1], timeout_graceful_shutdown=1, timeout_keep_alive=30,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[bound]))

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()


def _bind(host: str, wished: int, last: int) -> socket.socket:
    """A listening socket on the wished port, or the last one where it is free, or any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not wished and last:
        with contextlib.suppress(OSError):
            return socket.create_server((host, last), family=family, backlog=1024)
    return socket.create_server((host, wished), family=family, backlog=1024)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop  # type: ignore[no-any-return,unused-ignore]
