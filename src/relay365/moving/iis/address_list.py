"""The octets of RelayIpList and IPSecurity: addresses that are granted or denied. Pure.

Microsoft documents the property ("RelayIpList Metabase Property", an octet string of the type IPSECLIST), not its
octets; the layout is that of the lists that scripts against WMI carry (SaltStack, modules/win_smtp_server.py):

    0   four offsets: denied addresses, granted addresses, denied names, granted names (bit 31 is a flag)
    16  flags, and at 20 the size of the head
    ..  at each offset of addresses: number of groups, number of addresses, then for each group
        family (2: IPv4), entries, octets of an entry, 0, offset of its entries: the mask, then the addresses
    ..  at each offset of names: the number of names
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

_OFFSET = 0x7FFFFFFF
_IPV4 = 2  # AF_INET
_MOST = 4096  # groups and entries: a damaged number must not make us count for ever


class AddressListError(Exception):
    """Octets that are no such list; the text says why."""


@dataclass(frozen=True, slots=True)
class AddressList:
    """Networks that are granted and denied; n_names: how many domain names stand beside them."""

    granted: tuple[ipaddress.IPv4Network, ...]
    denied: tuple[ipaddress.IPv4Network, ...]
    n_names: int = 0


def address_list(octets: bytes) -> AddressList:
    """Read such a list; raises AddressListError."""
    if len(octets) < 24:
        raise AddressListError(f"{len(octets)} octets are too few")
    denied, granted, denied_names, granted_names = (
        one & _OFFSET for one in struct.unpack_from("<4I", octets)
    )
    n_names = _number(octets, denied_names) + _number(octets, granted_names)
    return AddressList(_networks(octets, granted), _networks(octets, denied), n_names)


def _networks(octets: bytes, at: int) -> tuple[ipaddress.IPv4Network, ...]:
    n_groups = _number(octets, at)
    found: list[ipaddress.IPv4Network] = []
    for n in range(n_groups):
        family, n_entries, size, _, offset = _numbers(octets, at + 8 + 20 * n, 5)
        if family != _IPV4 or size != 4:
            raise AddressListError(f"a group of the family {family} with entries of {size} octets")
        found += _group(octets, offset & _OFFSET, n_entries)
    return tuple(found)


def _group(octets: bytes, at: int, n_entries: int) -> list[ipaddress.IPv4Network]:
    """The mask that all addresses of a group share comes first."""
    if n_entries > _MOST or at + 4 * n_entries > len(octets):
        raise AddressListError(f"{n_entries} entries at {at}, but there are {len(octets)} octets")
    if n_entries == 0:
        return []
    parts = [ipaddress.IPv4Address(octets[at + 4 * n : at + 4 * n + 4]) for n in range(n_entries)]
    try:
        return [ipaddress.IPv4Network((int(one), _prefix(parts[0])), strict=False) for one in parts[1:]]
    except ValueError as error:
        raise AddressListError(str(error)) from error


def _prefix(mask: ipaddress.IPv4Address) -> int:
    bits = f"{int(mask):032b}"
    if "01" in bits:
        raise AddressListError(f"{mask} is no mask")
    return bits.count("1")


def _number(octets: bytes, at: int) -> int:
    (found,) = _numbers(octets, at, 1)
    if found > _MOST:
        raise AddressListError(f"{found} entries at {at}")
    return found


def _numbers(octets: bytes, at: int, n: int) -> tuple[int, ...]:
    if at + 4 * n > len(octets):
        raise AddressListError(f"a number at {at}, but there are {len(octets)} octets")
    return struct.unpack_from(f"<{n}I", octets, at)
