"""The PROXY header, with which a load balancer says whose connection it passes on: octets in, a peer out.

Apart from net.door because it is pure reading. A proxy's header is never guessed: whoever is named as a proxy must
send one, and nobody else may. (HAProxy, "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2)
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # version 2 begins with it
FIRST_WORD = b"PROXY "  # version 1
MOST_V1_OCTETS = 107  # the longest line of version 1, its end included
MOST_V2_OCTETS = 4096  # addresses and extensions; the specification asks senders to stay below 536

_ADDRESS_OCTETS = {1: 4, 2: 16}  # by address family: AF_INET, AF_INET6
_STREAM = 1


class ProxyError(ValueError):
    """The octets are no PROXY header."""


@dataclass(frozen=True, slots=True)
class Header:
    """A header that is whole. peer: address and port, None where the proxy speaks for itself (LOCAL, UNKNOWN)."""

    peer: tuple[str, int] | None
    rest: bytes


class HeaderReader:
    """Takes octets in any pieces until a header is whole."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> Header | None:
        """The header and what came behind it, or None while it is not whole. Raises ProxyError."""
        self._octets += octets
        head = self._octets[: len(SIGNATURE)]
        if head == SIGNATURE[: len(head)]:
            return _read_v2(self._octets)
        if head[: len(FIRST_WORD)] == FIRST_WORD[: len(head)]:
            return _read_v1(self._octets)
        raise ProxyError("no PROXY header")


def _read_v1(octets: bytes) -> Header | None:
    line, end, rest = octets.partition(b"\r\n")
    if len(line) + 2 > MOST_V1_OCTETS:
        raise ProxyError(f"a PROXY line of more than {MOST_V1_OCTETS} octets")
    if not end:
        return None
    words = line.decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return Header(None, rest)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise ProxyError("a PROXY line that is not PROXY TCP4 or TCP6, two addresses, two ports")
    source, _, port, far_port = words[2:]
    try:
        addresses = [ipaddress.ip_address(one.replace("%", " ")) for one in (source, words[3])]  # no zones
    except ValueError as error:
        raise ProxyError("a PROXY line whose addresses are none") from error
    if {f"TCP{one.version}" for one in addresses} != {words[1]}:
        raise ProxyError("a PROXY line whose addresses are of another family")
    _port(far_port)
    return Header((_plain(addresses[0]), _port(port)), rest)


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and int(word) < 65536):
        raise ProxyError("a PROXY line whose ports are none")
    return int(word)


def _read_v2(octets: bytes) -> Header | None:
    if len(octets) < 16:
        return None
    version, command = octets[12] >> 4, octets[12] & 0x0F
    family, transport = octets[13] >> 4, octets[13] & 0x0F
    n_octets = int.from_bytes(octets[14:16], "big")
    if version != 2 or command > 1:
        raise ProxyError("a PROXY header of an unknown version or command")
    if n_octets > MOST_V2_OCTETS:
        raise ProxyError(f"a PROXY header of more than {MOST_V2_OCTETS} octets")
    if len(octets) < 16 + n_octets:
        return None
    body, rest = octets[16 : 16 + n_octets], octets[16 + n_octets :]
    size = _ADDRESS_OCTETS.get(family)
    if command == 0 or family == 0:
        return Header(None, rest)
    if size is None or transport != _STREAM:
        raise ProxyError("a PROXY header for something else than TCP over IPv4 or IPv6")
    if len(body) < 2 * size + 4:
        raise ProxyError("a PROXY header that is too short for its addresses")
    address = ipaddress.ip_address(body[:size])
    return Header((_plain(address), int.from_bytes(body[2 * size : 2 * size + 2], "big")), rest)


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """An IPv4 address in the clothes of IPv6 is shown as what it is."""
    return str(getattr(address, "ipv4_mapped", None) or address)
