"""MX records, asked of the name server; "there is no record" and "nobody answers" are different answers.

Apart from net.stream, which asks the system for addresses: an MX record has a preference and a life, and the system's
resolver tells neither. (RFC 1035 3.3.9; RFC 5321 5.1; RFC 7505)
"""

from __future__ import annotations

from dataclasses import dataclass

from relay365.errors import TransportError

ANSWER_S = 10.0
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class MxHosts:
    """The hosts of a domain, the preferred one first, without their last dot; none where it takes no mail.

    ttl_s: how long the answer holds, in seconds.
    """

    hosts: tuple[str, ...]
    ttl_s: float


@dataclass(frozen=True, slots=True)
class NameServer:
    """Whom to ask; without an address those that the system has."""

    address: str = ""
    port: int = DNS_PORT


async def mx_of(domain: str, server: NameServer = NameServer()) -> MxHosts:
    """The MX hosts of a domain; an empty answer is an answer.

    Raises TransportError(phase="resolve") where DNS cannot be asked, does not answer in time, or is broken itself.
    """
    import dns.asyncresolver  # a tenth of a second, and only a connector asks
    import dns.exception
    import dns.name
    import dns.rdatatype
    import dns.resolver

    try:
        resolver = dns.asyncresolver.Resolver(configure=not server.address)
        if server.address:
            resolver.nameservers, resolver.port = [server.address], server.port
        answer = await resolver.resolve(domain, dns.rdatatype.MX, search=False, lifetime=ANSWER_S)
    except dns.resolver.NXDOMAIN:
        return MxHosts((), 0.0)
    except dns.resolver.NoAnswer:
        return MxHosts((), 0.0)
    except (dns.exception.DNSException, OSError) as error:
        raise TransportError("resolve", f"MX of {domain}: {_words(error)}") from error
    ranked = sorted((record.preference, record.exchange) for record in answer)
    hosts = [name.to_text(omit_final_dot=True) for _, name in ranked if name != dns.name.root]
    return MxHosts(tuple(hosts), float(answer.rrset.ttl) if answer.rrset is not None else 0.0)


def _words(error: Exception) -> str:
    """The error in one line; what dnspython says of several servers is several."""
    return " ".join(str(error).split())[:200] or type(error).__name__
