"""The one mistake that the service refuses to start with: an open relay."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from relay365.config.model import Config
from relay365.config.words import split_host_port

_WIDEST_PRIVATE = {4: 8, 6: 7}  # 10.0.0.0/8 and fc00::/7: nobody's own network is wider
_WIDEST_PUBLIC = {4: 16, 6: 32}  # what one organisation may own; wider means strangers


def open_relay_risk(config: Config) -> str:
    """Why this configuration would relay for strangers, or "".

    A public listener (also 0.0.0.0 and ::) must not meet an [[allow]] or a [[device]] that needs no login, for a
    network that is wider than one organisation's own.
    """
    public = [one.address for one in config.listener if not one.require_auth and _is_public(one.address)]
    if not public:
        return ""
    for table, network in _open_networks(config):
        widest = (_WIDEST_PRIVATE if network.is_private else _WIDEST_PUBLIC)[network.version]
        if network.prefixlen < widest:
            return f"{table} {network} may send without login through the public listener {public[0]}"
    return ""


def _open_networks(config: Config) -> Iterator[tuple[str, ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    """What needs no login, with the table that says so."""
    yield from (("[[allow]] network", rule.network) for rule in config.allow if rule.login != "required")
    for device in config.device:
        if device.login != "required" and not device.match.login:
            yield from ((f"[[device]] {device.name}: address", network) for network in device.match.address)


def _is_public(address: str) -> bool:
    host, _ = split_host_port(address)
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost"
    return ip.is_unspecified or not (ip.is_private or ip.is_loopback or ip.is_link_local)
