"""Names: what DNS says, and whether it said anything at all: "there is no record" is an answer, silence is none.

Apart from net.resolve, which asks for MX hosts that mail goes to: here anything is asked, and every answer is shown to
a person. (RFC 1035; RFC 2308 for the two kinds of "no"; RFC 6672 is left to the resolver)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdata
import dns.resolver
import dns.reversename

from relay365.errors import TransportError
from relay365.net.resolve import NameServer

ANSWER_S = 6.0


@dataclass(frozen=True, slots=True)
class Names:
    """A resolver. server: whom to ask; without an address those that the system has."""

    server: NameServer = field(default_factory=NameServer)

    async def ask(self, name: str, kind: str) -> tuple[str, ...]:
        """The records of a name, in the order of their text: () where there is none.

        kind: TXT, CNAME, MX, A, AAAA, PTR. A TXT record is one text however it is cut (RFC 7208 3.3); hosts have no
        last dot; an MX record is "10 host". Raises TransportError(phase="resolve") where nobody answers.
        """
        try:
            resolver = dns.asyncresolver.Resolver(configure=not self.server.address)
            if self.server.address:
                resolver.nameservers, resolver.port = [self.server.address], self.server.port
            answer = await resolver.resolve(name, kind, search=False, lifetime=ANSWER_S)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            words = " ".join(str(error).split())[:200] or type(error).__name__
            raise TransportError("resolve", f"{kind} of {name}: {words}") from error
        return tuple(sorted(_text(record) for record in answer))

    async def hosts_of(self, address: str) -> tuple[str, ...]:
        """The names that an address has by its PTR records (RFC 1035 3.5)."""
        return await self.ask(dns.reversename.from_address(address).to_text(), "PTR")

    async def addresses_of(self, host: str) -> tuple[str, ...]:
        """All addresses of a host, IPv4 first."""
        return (*await self.ask(host, "A"), *await self.ask(host, "AAAA"))


def _text(record: dns.rdata.Rdata) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    exchange = getattr(record, "exchange", None)
    if exchange is not None:
        return f"{getattr(record, 'preference', 0)} {_host(exchange)}"
    target = getattr(record, "target", None)
    return _host(target) if target is not None else record.to_text()


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)


def reversed_of(address: str) -> str:
    """An address as it stands in front of a block list's zone: 7.113.0.203 (RFC 5782 2.1)."""
    name = dns.reversename.from_address(address).to_text(omit_final_dot=True)
    return name.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
