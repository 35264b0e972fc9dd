"""Gateway: whether everybody who was heard came by one address, as behind a container's NAT, and what a person hears.

Where it is so, no rule by address can tell one device from another, and whoever reaches the gateway may send. One
address alone says nothing: it is suspected where several names came from it. (docs/blackbox.md)
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from relay365.engine.blackbox.archive import Archive

_LOG = logging.getLogger("relay365.blackbox")

LEAST_NAMES = 3  # so many devices, by what they call themselves


class Gateway(NamedTuple):
    """The one address, and what its clients call themselves."""

    address: str
    names: tuple[str, ...]

    @property
    def words(self) -> tuple[str, str, str]:
        """What, why, and what to do."""
        names = f"{len(self.names)} names ({', '.join(self.names[:5])})"
        return (
            f"everybody who was heard came from one address, {self.address}",
            f"{names} are behind it: a gateway, as Docker's; rules by address cannot tell devices apart",
            "give the container the host's network, or let a proxy say the PROXY protocol (proxy_from)",
        )

    def as_object(self) -> dict[str, Any]:
        """As `--json` has it everywhere."""
        what, why, do = self.words
        return {"address": self.address, "names": list(self.names), "what": what, "why": why, "do": do}


def gateway_in(archive: Archive) -> Gateway | None:
    """As gateway_of, of an archive; where clients came by several addresses it reads no more than shows that."""
    return gateway_of(client for key in archive.stamps() if (client := archive.read(key)))


def gateway_of(clients: Iterable[Mapping[str, Any]]) -> Gateway | None:
    """The gateway that all clients of an archive came by; None where there are several, few names, or our own host."""
    addresses: set[str] = set()
    names: set[str] = set()
    for client in clients:
        addresses.add(client.get("address", ""))
        names.update(client.get("names", ()))
        if len(addresses) > 1:
            return None
    if len(addresses) != 1 or len(names) < LEAST_NAMES:
        return None
    address = addresses.pop()
    return None if not address or _is_here(address) else Gateway(address, tuple(sorted(names)))


class Teller:
    """Says of the box what a person must hear, each thing once. Belongs to whoever writes the archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._is_well = True
        self._is_done = False
        self._addresses: set[str] = set()
        self._names: set[str] = set()

    def wrote(self, client: Mapping[str, Any]) -> None:
        """A client was written. The archive is asked only where what was written so far raises the suspicion."""
        if self._is_done:
            return
        self._addresses.add(client["address"])
        self._names.update(client["names"])
        self._is_done = len(self._addresses) > 1
        if self._is_done or len(self._names) < LEAST_NAMES:
            return
        self._is_done = True
        if found := gateway_of(self._archive.all()):
            _LOG.warning("gateway.suspected address=%s names=%r", found.address, ",".join(found.names))

    def failed(self, error: OSError) -> None:
        """The archive cannot be written; no mail depends on it, and it is tried again with the next session."""
        if self._is_well:
            _LOG.warning("blackbox.failed reason=%s", error)
        self._is_well = False

    def is_well(self) -> None:
        """It can be written."""
        self._is_well = True


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
