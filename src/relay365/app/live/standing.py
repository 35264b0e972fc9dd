"""Standing: what only the running relay knows of itself, for `relay365 status`.

Everything else stands in the queue, the configuration and the files of the data directory, so that the command says
most of it without a service, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relay365 import __version__
from relay365.app.doors import host_name
from relay365.app.live.parts import Parts
from relay365.app.live.plan import named_listeners


class Standing:
    """One per relay. Instants are epoch seconds."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._began_at = parts.clock.now()

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """As a handler of requests (engine.control).

        version, host, began_at; listeners, each with address (the real port), tls, ciphers, review_by; sessions and
        sessions_limit; lanes, each with lane, under_way, connections, last_delivery_at (of this life, None for none).
        """
        parts = self._parts
        count, mono, now = parts.listeners.count, parts.clock.mono(), parts.clock.now()
        tables = named_listeners(parts.build.config.listener)
        return {
            "version": __version__,
            "host": host_name(parts.build.config),
            "began_at": self._began_at,
            "listeners": [
                listener_object(tables[name], address)
                for name, address in parts.listeners.addresses.items()
                if name in tables
            ],
            "sessions": len(count.sessions),
            "sessions_limit": count.most,
            "lanes": [
                {
                    "lane": lane.name, "under_way": lane.n_in_flight, "connections": lane.route.limits.connections,
                    "last_delivery_at": now - (mono - lane.delivered_at) if lane.delivered_at > float("-inf") else None,
                }
                for lane in parts.scheduler.lanes.values()
            ],
        }  # fmt: skip


def listener_object(table: Any, address: str) -> dict[str, Any]:
    """A [[listener]] as `relay365 status --json` shows it."""
    review_by = table.review_by.isoformat() if table.review_by is not None else None
    return {"address": address, "tls": table.tls, "ciphers": table.ciphers, "review_by": review_by}
