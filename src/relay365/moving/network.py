"""The networks of an old configuration as [[allow]] tables, with a warning where they are too wide. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from relay365.moving.draft import Draft, Entry
from relay365.moving.finding import Findings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WIDE_HOSTS = 1024  # more than four /24: hardly one site's devices, and every one of them may send
WIDE_IPV6 = 64  # one link (RFC 4291 2.5.4); wider is many
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291 2.5.5.2


def network_of(text: str) -> tuple[Network, bool]:
    """(network, whether bits behind the mask had to be dropped); raises ValueError. IPv4 in IPv6 becomes IPv4."""
    bare = text.strip().replace("[", "").replace("]", "")
    found = ipaddress.ip_network(bare, strict=False)
    dropped = ipaddress.ip_address(bare.partition("/")[0]) != found.network_address
    if isinstance(found, ipaddress.IPv6Network) and found.subnet_of(_MAPPED):
        inside = int(found.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((inside, found.prefixlen - 96)), dropped
    return found, dropped


def is_public(network: Network) -> bool:
    """Whether strangers may have addresses in it; 0.0.0.0/0 is public, whatever its first address is."""
    widest = 8 if network.version == 4 else 7  # 10.0.0.0/8 (RFC 1918 3) and fc00::/7 (RFC 4193 3.1)
    return not network.is_private or network.prefixlen < widest


def too_wide(network: Network) -> str:
    """Why a person should look at it, or ""."""
    if network.is_loopback or network.is_link_local:
        return ""
    if is_public(network):
        n = f"{network.num_addresses:,} public address{'es' if network.num_addresses != 1 else ''}"
        return f"that is {n}: whoever sends from there sends as you"
    if network.version == 4 and network.num_addresses > WIDE_HOSTS:
        return f"that is {network.num_addresses:,} hosts: name the networks of the devices"
    if network.version == 6 and network.prefixlen < WIDE_IPV6:
        return f"a /{network.prefixlen} is more than one link: name the networks of the devices"
    return ""


@dataclass
class Networks:
    """The [[allow]] tables of a draft: each network once; extra: keys that every one of them gets."""

    draft: Draft
    findings: Findings
    extra: dict[str, object] = field(default_factory=dict)
    _seen: set[Network] = field(default_factory=set)

    def allow(self, text: str, where: str, said: str = "") -> bool:
        """A network that may send without a login. said: the old words, if they are not the network itself."""
        old = said or text
        try:
            network, dropped = network_of(text)
        except ValueError:
            self.findings.unknown(where, old, f"{text} is no network; add [[allow]] by hand")
            return False
        new = f'[[allow]] network = "{network}"'
        if network in self._seen:
            self.findings.ok(where, old, new, "the same network stands before")
            return True
        self._seen.add(network)
        self.draft.add("allow", Entry({"network": str(network), **self.extra}))
        wide = too_wide(network) or ("bits behind the mask were dropped" if dropped else "")
        if wide:
            self.findings.warn(where, old, new, wide)
        else:
            self.findings.ok(where, old, new)
        return True

    def exclude(self, text: str, where: str, said: str = "") -> None:
        """A part of an allowed network that may not send without a login; it stands before the others."""
        try:
            network, _ = network_of(text)
        except ValueError:
            self.findings.unknown(
                where, said or text, f"{text} is no network; it stays allowed as its neighbours"
            )
            return
        if network in self._seen:
            self.findings.ok(where, said or text, "", "a rule for the same network stands before and decides")
            return
        self._seen.add(network)
        keys = {"network": str(network), "login": "required"}
        self.draft.add("allow", Entry(keys, "excluded before: only with a login", is_first=True))
        new = f'[[allow]] network = "{network}", login = "required"'
        self.findings.ok(where, said or text, new, "the first that fits decides")
