"""A name server on loopback that answers what the test says; it counts the questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class Names(asyncio.DatagramProtocol):
    """records: domain -> its MX records as text. rcode: what is answered instead of them; silent: nothing is."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.ttl_s = 300
        self.rcode: dns.rcode.Rcode | None = None
        self.is_silent = False
        self.n_asked = self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]

    def datagram_received(self, octets: bytes, peer: tuple[str, int]) -> None:
        self.n_asked += 1
        if self.is_silent:
            return
        question = dns.message.from_wire(octets)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name = question.question[0].name
        found = self.records.get(name.to_text(omit_final_dot=True))
        if self.rcode is not None or found is None:
            answer.set_rcode(self.rcode or dns.rcode.NXDOMAIN)
        elif found:
            answer.answer.append(dns.rrset.from_text(name, self.ttl_s, "IN", "MX", *found))
        self._transport.sendto(answer.to_wire(), peer)


@asynccontextmanager
async def names() -> AsyncIterator[Names]:
    """A name server that listens."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
