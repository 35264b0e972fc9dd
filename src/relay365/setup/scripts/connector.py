"""The scripts for an inbound connector of type OnPremises, the only type that may relay to the internet.

By certificate any sender passes whose certificate's domain is accepted; by address only senders of accepted domains.
(Microsoft: New-InboundConnector; "Updated requirements for SMTP relay through Exchange Online", 2023-11-01; message
centre MC1226222, 2026-02: certificate of a domain that is not accepted, and addresses shared with others)
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError, ip_network

from relay365.setup.scripts.composing import EXCHANGE_CLOUDS, Origin, compose

MAKE_FILE, UNDO_FILE = "relay365-connector.ps1", "relay365-connector-undo.ps1"
SMALLEST_PREFIX = 24  # New-InboundConnector: "Valid subnet mask values are /24 through /32"


@dataclass(frozen=True, slots=True)
class ConnectorWish:
    """What the connector is to be known by: certificate (the name in it), or addresses (IPv4, public, not shared).

    domain: the accepted domain that the certificate's name, or the senders, are in.
    """

    name: str
    domain: str
    certificate: str = ""
    addresses: tuple[str, ...] = ()
    cloud: str = "global"


def make_script(wish: ConnectorWish, origin: Origin) -> str:
    """The script that makes the connector or puts it right; raises ValueError where it could never work."""
    values = {"exchangeCloud": EXCHANGE_CLOUDS[wish.cloud], "connectorName": wish.name}
    remark = f"{origin.program} on {origin.host}"
    if wish.certificate:
        check_name(wish.certificate, wish.domain)
        values |= {"certificateName": wish.certificate, "certificateDomain": wish.domain, "comment": remark}
        known_by, section = f"the certificate {wish.certificate}", "connector-certificate"
    else:
        addresses = tuple(check_address(one) for one in wish.addresses)
        if not addresses:
            raise ValueError("a certificate's name, or an address")
        values |= {"senderDomain": wish.domain, "addresses": addresses, "comment": remark}  # type: ignore[dict-item]
        known_by, section = f"the address {', '.join(addresses)}", "connector-address"
    purpose = [
        f"relay365: an inbound connector that knows the relay by {known_by}.",
        "Whoever has that may send as this tenant to anybody: keep the key private, and the address your own.",
        f"{UNDO_FILE} takes it back.",
    ]
    sections = ["sign-in-exchange", section, "connector-result"]
    return compose(purpose, origin, MAKE_FILE, values, sections)


def undo_script(wish: ConnectorWish, origin: Origin) -> str:
    """The script that removes the connector."""
    values = {"exchangeCloud": EXCHANGE_CLOUDS[wish.cloud], "connectorName": wish.name}
    purpose = [
        f"relay365: removes the inbound connector {wish.name}. After it mail by this road is refused, 550 5.7.64."
    ]
    return compose(purpose, origin, UNDO_FILE, values, ["sign-in-exchange", "undo-connector"])


def check_name(certificate: str, domain: str) -> None:
    """Raises ValueError where the name of a certificate is not in the domain, or has a wildcard inside."""
    name = certificate.lower()
    if "*" in name.removeprefix("*."):
        raise ValueError(f"a name without a wildcard inside, found {certificate}")
    if not f".{name.removeprefix('*.')}".endswith(f".{domain.lower()}"):
        raise ValueError(f"a name in the accepted domain {domain}, found {certificate}")


def check_address(address: str) -> str:
    """An IPv4 address or network that a connector takes, as it takes it; raises ValueError with the reason."""
    try:
        network = IPv4Network(address, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise ValueError(
            f"an IPv4 address such as 203.0.113.7 (connectors know no IPv6), found {address}"
        ) from None
    if network.prefixlen < SMALLEST_PREFIX:
        raise ValueError(f"a network of /24 to /32, found {address}")
    if network.overlaps(_SHARED):
        raise ValueError(f"an address of your own: {address} is shared by a provider's customers (RFC 6598)")
    if network.is_private or network.is_loopback or network.is_link_local:
        raise ValueError(f"the public address that Microsoft sees, found the private {address}")
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


_SHARED = ip_network("100.64.0.0/10")
