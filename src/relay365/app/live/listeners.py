"""Listeners: those of one relay, opened at its start, and replaced by those of another configuration while it runs.

A listener that stays keeps its socket, so that no connection is refused at any moment; what is behind it is another
Reception from then on. A session goes on with the one that it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from relay365.app.live.plan import Plan, named_listeners
from relay365.config import Config, split_host_port
from relay365.config import Listener as ListenerTable
from relay365.engine.listener import Access, Listener, SessionCount
from relay365.engine.session import Reception
from relay365.errors import ConfigError
from relay365.net.identity import Identity

Receive = Callable[[ListenerTable, Identity | None], Reception]
Identities = Mapping[str, Identity | None]

HELD = (
    "another program has the port (ss -ltnp), it is not ours, or a listener that ends holds it: then restart"
)


@dataclass(slots=True)
class Listeners:
    """opened: by name, in the order of the file. addresses: by name, with the real ports."""

    count: SessionCount
    opened: dict[str, Listener] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    async def open(self, config: Config, identities: Identities, receive: Receive) -> None:
        """Listen on all of them; raises OSError where an address cannot be had."""
        for name, table in named_listeners(config.listener).items():
            listener = self._made(name, table, identities, receive)
            self.addresses[name] = await listener.open(*split_host_port(table.address))
            self.opened[name] = listener

    async def bind(self, config: Config, plan: Plan, identities: Identities, receive: Receive) -> Listeners:
        """Those that are new; they listen once all of them have an address. Raises ConfigError, and has none then."""
        fresh, tables = Listeners(self.count), named_listeners(config.listener)
        for name in plan.listeners.added:
            fresh.opened[name] = self._made(name, tables[name], identities, receive)
        name = ""
        try:
            for name, listener in fresh.opened.items():
                fresh.addresses[name] = await listener.bind(*split_host_port(tables[name].address))
            for name in fresh.opened:
                await fresh.opened[name].serve()
        except OSError as error:
            fresh.stop()
            found = error.strerror or str(error)
            raise ConfigError(f"listener {name}: address", "an address to listen on", found, HELD) from error
        return fresh

    def follow(self, config: Config, fresh: Listeners, identities: Identities, receive: Receive) -> None:
        """These are the listeners from now on; fresh: the new ones. Those that are gone accept no more."""
        tables = named_listeners(config.listener)
        for name in [name for name in self.opened if name not in tables]:
            self.opened.pop(name).stop()
        for name, table in tables.items():
            if name in self.opened:
                self.opened[name].follow(receive(table, identities[name]), access_of(table, identities[name]))
        opened, addresses = {**self.opened, **fresh.opened}, {**self.addresses, **fresh.addresses}
        self.opened.clear()
        self.opened.update({name: opened[name] for name in tables})
        self.addresses = {name: addresses[name] for name in tables}

    def stop(self) -> None:
        """Accept no more; sessions that are open go on."""
        for listener in self.opened.values():
            listener.stop()

    def _made(self, name: str, table: ListenerTable, identities: Identities, receive: Receive) -> Listener:
        identity = identities[name]
        return Listener(receive(table, identity), self.count, access_of(table, identity))


def access_of(table: ListenerTable, identity: Identity | None) -> Access:
    """Who reaches a listener, and what it shows."""
    return Access(table.hosts, table.proxy_from, table.review_by, identity)
